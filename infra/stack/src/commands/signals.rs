//! Ends a command when the person who typed it, or the system, asks for it.

use tokio::signal::unix::{Signal, SignalKind, signal};

use super::outcome::Outcome;
use crate::commands::display::Display;
use crate::error::Error;

/// The signals that ask a command to end.
pub struct Signals {
    interrupt: Signal,
    terminate: Signal,
}

impl Signals {
    /// From here on they don't end the process by themselves.
    pub fn listen() -> Result<Self, Error> {
        let listen = |kind| signal(kind).map_err(Error::Signals);
        Ok(Self { interrupt: listen(SignalKind::interrupt())?, terminate: listen(SignalKind::terminate())? })
    }

    /// Waits for one, and gives its number.
    pub async fn next(&mut self) -> u8 {
        tokio::select! {
            _ = self.interrupt.recv() => 2,
            _ = self.terminate.recv() => 15,
        }
    }

    /// Does `work` until it is done or a signal arrives; then everything that `work` started ends.
    pub async fn interrupting<E>(
        &mut self,
        work: impl Future<Output = Result<Outcome, E>>,
        display: &Display,
    ) -> Result<Outcome, E> {
        // Boxed so that it can be dropped here, before the command ends and after it has said that it does.
        let mut work = Box::pin(work);
        let outcome = tokio::select! {
            outcome = &mut work => outcome,
            number = self.next() => {
                display.stop();
                eprintln!("stopping ...");
                Ok(Outcome::Interrupted(number))
            }
        };
        drop(work);
        display.stop();
        outcome
    }
}
