//! What goes on in a deployed stack, seen again and again.

mod glance;
mod show;

pub use glance::{Glance, Watcher};
pub use show::{block, line};
