//! What a command comes to.

use std::fmt::Display;
use std::process::ExitCode;

/// What a command came to.
pub enum Outcome {
    /// What it should.
    Success,
    /// It was done to its end, and found what should not be.
    Unexpected,
    /// A signal with this number arrived before it was done.
    Interrupted(u8),
}

/// Says what became of a command, and gives the exit code for it.
pub fn exit_code<E: Display>(outcome: Result<Outcome, E>) -> ExitCode {
    match outcome {
        Ok(Outcome::Success) => ExitCode::SUCCESS,
        Ok(Outcome::Unexpected) => ExitCode::FAILURE,
        // What a shell reports for a process that a signal ended.
        Ok(Outcome::Interrupted(signal)) => ExitCode::from(128 + signal),
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}
