//! MiniStack, the emulator that the local AWS is made of: starting it, reaching it, and making sure that it ends.

pub mod account;
pub mod client;
pub mod ministack;
mod watchdog;

pub use account::Account;
