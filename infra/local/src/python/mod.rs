//! Python, which MiniStack and the tools of the tests are written in: an interpreter, and virtual environments with exactly
//! what their requirements say.

pub mod interpreter;
mod pip;
pub mod venv;

pub use pip::PipError;
pub use venv::{Venv, VenvError};
