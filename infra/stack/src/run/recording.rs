//! What is recorded of a run, for its page.

use aws_config::SdkConfig;
use jiff::Timestamp;
use spillway_aws::CallError;
use spillway_page::{Recorder, Recording, Stack, Watch};

use crate::connection::Connection;

/// Records a run.
#[derive(Debug)]
pub enum Recorded {
    /// While it goes on: queues keep no history.
    Watched(Watch),
    /// When it is over, where looking often would cost, and take requests from others.
    Afterwards(Box<Stack>),
}

impl Recorded {
    /// Of the run that is about to start on the stack behind `connection`, or has started.
    pub async fn begin(connection: &Connection) -> Result<Self, CallError> {
        let stack = Stack::find(&connection.config, &connection.stack_name, &connection.place()).await?;
        if connection.is_local() {
            Ok(Self::Watched(watch(stack).await?))
        } else {
            Ok(Self::Afterwards(Box::new(stack)))
        }
    }

    /// This run is meant.
    pub fn follow(&self, execution: &str) {
        if let Self::Watched(watch) = self {
            watch.follow(execution);
        }
    }

    /// What was recorded of the execution, which is over.
    pub async fn of(self, execution: &str) -> Result<Recording, CallError> {
        match self {
            Self::Watched(watch) => Ok(watch.settle().await),
            Self::Afterwards(stack) => Recorder::of_run(*stack, execution).await?.recording().await,
        }
    }
}

/// Watches the stack of this name from now on.
pub async fn begin(config: &SdkConfig, stack_name: &str, place: &str) -> Result<(Watch, Stack), CallError> {
    let stack = Stack::find(config, stack_name, place).await?;
    Ok((watch(stack.clone()).await?, stack))
}

async fn watch(stack: Stack) -> Result<Watch, CallError> {
    Watch::begin(Recorder::new(stack, Timestamp::now())).await
}
