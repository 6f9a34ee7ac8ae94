//! The ledger in DynamoDB: reads, conditional commits and queries.

mod apply;
mod audits;
mod changes;
mod cleanings;
mod commit;
mod history;
mod index;
mod item;
mod patience;
mod rows;
mod rule;
mod summaries;

pub use apply::{Applied, Effort, apply};
pub use audits::RowsPage;
pub use changes::Changes;
pub use cleanings::Standing;
pub use commit::Outcome;
pub use index::CandidatesPage;
pub use item::Item;
pub use patience::patient_client;
pub use rule::rule_from_env;
pub use summaries::Summaries;

use aws_config::SdkConfig;
use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::error::BuildError;
use spillway_aws::{CallError, ConfigError, variable};
use spillway_contracts::{ErrorName, Failure};

#[derive(Clone, Debug)]
pub struct Store {
    client: Client,
    tables: Tables,
}

/// Where a ledger is kept, and of which bucket.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tables {
    pub object_table: String,
    pub history_table: String,
    pub bucket_name: String,
}

/// Why the ledger could not be read or written.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// DynamoDB refused or didn't answer.
    #[error(transparent)]
    Call(#[from] CallError),
    /// Others kept changing the same rows. The same batch may succeed later.
    #[error("the ledger was changed by others in each of {attempts} attempts to commit")]
    Contended {
        /// How many times the commit was tried.
        attempts: u32,
    },
    /// DynamoDB has no room for more. The same batch may succeed later.
    #[error("DynamoDB was overloaded in each of {attempts} attempts to commit")]
    Throttled {
        /// How many times the commit was tried.
        attempts: u32,
    },
    #[error("a row of {table} can't be read: {reason}")]
    Corrupt { table: String, reason: String },
    #[error("a request to DynamoDB is incomplete: {0}")]
    Request(#[from] BuildError),
}

impl Tables {
    /// From `OBJECT_TABLE`, `HISTORY_TABLE` and `TEST_BUCKET`.
    fn from_env() -> Result<Self, ConfigError> {
        Ok(Self {
            object_table: variable("OBJECT_TABLE")?,
            history_table: variable("HISTORY_TABLE")?,
            bucket_name: variable("TEST_BUCKET")?,
        })
    }
}

impl Store {
    /// The ledger that a function's environment names.
    pub fn from_env(aws: &SdkConfig) -> Result<Self, ConfigError> {
        Ok(Self::new(patient_client(aws), Tables::from_env()?))
    }

    /// The ledger that `tables` holds.
    pub fn new(client: Client, tables: Tables) -> Self {
        Self { client, tables }
    }

    pub fn bucket_name(&self) -> &str {
        &self.tables.bucket_name
    }
}

impl StoreError {
    /// The name that this has at the boundary of a function.
    pub fn name(&self) -> ErrorName {
        match self {
            Self::Call(error) => error.name(),
            Self::Contended { .. } | Self::Throttled { .. } => ErrorName::ServiceUnavailable,
            Self::Corrupt { .. } | Self::Request(_) => ErrorName::Internal,
        }
    }
}

impl From<StoreError> for Failure {
    fn from(error: StoreError) -> Self {
        Self { name: error.name(), message: error.to_string() }
    }
}
