//! Brings back what was deleted from a bucket that keeps it, through a copy that the ledger hears of like of any other.
//!
//! [`cleanings`] says which objects are wanted, [`versions`] what S3 keeps of them, and [`copy`] puts it back. Nothing is copied
//! before all of it is known, so that a bucket which has no room for all of it gets none of it.

mod cleanings;
pub mod copy;
pub mod versions;

use std::fmt;

use futures_util::{StreamExt, stream};
use jiff::{SignedDuration, Timestamp};
use spillway_aws::CallError;
use spillway_contracts::ObjectName;
use spillway_ledger::fold::key_time;
use spillway_ledger_store::{Store, StoreError, Tables};

use crate::connection::Connection;
use crate::connection::deployed::Deployed;
use crate::error::Error;
use crate::outputs::Outputs;
use crate::state;
use crate::units::plural;
use copy::{Copied, copy};
use versions::{Kept, Refusal, find};

/// How many objects are asked about, or copied, at a time.
const AT_A_TIME: usize = 16;

/// An invocation of a function takes no longer than this, so no object is chosen later than this after its cleaning began.
const LONGEST_CLEANING: SignedDuration = SignedDuration::from_mins(15);

/// Which objects to bring back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Which {
    /// These, whoever deleted them.
    Named(Vec<ObjectName>),
    /// What the cleaner has deleted since this moment.
    Since(Timestamp),
    /// What one cleaning deleted: the `cleaning` or the `request_id` of its decision line.
    Cleaning(String),
}

/// An object to bring back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wanted {
    pub object_name: ObjectName,
    /// What the cleaner deleted; `None` if the newest version that is kept will do.
    pub deleted: Option<Content>,
}

/// The content of an object, as the ledger knew it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Content {
    /// In bytes.
    pub size: u64,
    /// Without quotes.
    pub etag: Option<String>,
}

/// Why nothing was restored.
#[derive(Debug, thiserror::Error)]
pub enum RestoreError {
    #[error("the cleaner has deleted nothing since {0} that is on record; its records are kept for 15 days")]
    NothingSince(Timestamp),
    #[error(
        "no cleaning with the id {0:?} is on record. A decision line has it as `cleaning`, and records are kept for 15 days. \
         Restore older objects by their names"
    )]
    NoCleaning(String),
    #[error("this cleaning deleted nothing: S3 kept, or did not have, what it had chosen")]
    NothingDeleted,
    #[error("the stack's SizeThreshold is {0:?}, which is no number of bytes")]
    Threshold(String),
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(
        "{wanted} would bring the bucket from {total_size} to {} bytes, and at {threshold} the cleaner deletes. Nothing was \
         restored. Raise SizeThreshold, restore less, or let the cleaner choose again with --over-threshold",
        total_size + wanted.bytes
    )]
    OverThreshold { wanted: Sum, total_size: u64, threshold: u64 },
}

/// How many objects, and their bytes together.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Sum {
    pub objects: u64,
    pub bytes: u64,
}

/// What can be restored of what is wanted, and what can't.
#[derive(Debug)]
pub struct Plan {
    s3: aws_sdk_s3::Client,
    bucket: String,
    /// What S3 keeps of each object, or why it can't come back.
    pub objects: Vec<(ObjectName, Result<Kept, Refusal>)>,
    /// How many more objects a cleaning chose whose end is not on record.
    pub open: usize,
    /// Whether the stack's bucket keeps nothing: KeepDeletedDays is 0.
    pub keeps_nothing: bool,
    total_size: u64,
    threshold: u64,
}

impl Plan {
    /// Finds out what S3 keeps of the objects, and changes nothing.
    pub async fn make(connection: &Connection, which: &Which) -> Result<Self, Error> {
        let deployed = Deployed::read(connection).await?;
        let outputs = deployed.outputs(connection)?;
        let parameter = |name: &str| deployed.parameters.get(name).map(String::as_str).unwrap_or_default();
        let threshold = parameter("SizeThreshold");
        let threshold = threshold.parse().map_err(|_| RestoreError::Threshold(threshold.to_owned()))?;
        let dynamodb = aws_sdk_dynamodb::Client::new(&connection.config);
        let (wanted, open) = wanted(&dynamodb, &outputs, which).await?;
        let (s3, bucket) = (connection.s3(), &outputs.test_bucket_name);
        let asked = wanted.into_iter().map(async |wanted| {
            let found = find(&s3, bucket, &wanted).await?;
            Ok::<_, CallError>((wanted.object_name, found))
        });
        let objects: Vec<Result<_, CallError>> = stream::iter(asked).buffered(AT_A_TIME).collect().await;
        let state = state::read(&dynamodb, &outputs).await?;
        Ok(Self {
            objects: objects.into_iter().collect::<Result<_, _>>()?,
            bucket: bucket.clone(),
            s3,
            open,
            keeps_nothing: parameter("KeepDeletedDays") == "0" && parameter("ExistingBucketName").is_empty(),
            total_size: state.map_or(0, |state| state.total_size),
            threshold,
        })
    }

    pub fn bucket(&self) -> &str {
        &self.bucket
    }

    /// What would be restored.
    pub fn sum(&self) -> Sum {
        let kept = self.objects.iter().filter_map(|(_, found)| found.as_ref().ok());
        kept.fold(Sum::default(), |sum, kept| sum.and(kept.size))
    }

    /// Whether the bucket has room for all of it.
    pub fn fits(&self) -> Result<(), RestoreError> {
        let (wanted, total_size, threshold) = (self.sum(), self.total_size, self.threshold);
        if wanted.objects > 0 && total_size + wanted.bytes >= threshold {
            return Err(RestoreError::OverThreshold { wanted, total_size, threshold });
        }
        Ok(())
    }

    /// Restores what can be restored, and tells what became of each object, in order.
    pub async fn carry_out(&self, mut tell: impl FnMut(&ObjectName, Result<Copied, Refusal>)) {
        let copies = self.objects.iter().map(async |(name, found)| match found {
            Ok(kept) => (name, copy(&self.s3, &self.bucket, name, kept).await),
            Err(refusal) => (name, Err(refusal.clone())),
        });
        let mut copies = std::pin::pin!(stream::iter(copies).buffered(AT_A_TIME));
        while let Some((name, result)) = copies.next().await {
            tell(name, result);
        }
    }
}

/// The objects, and how many more a cleaning chose whose end is not on record.
async fn wanted(
    dynamodb: &aws_sdk_dynamodb::Client,
    outputs: &Outputs,
    which: &Which,
) -> Result<(Vec<Wanted>, usize), RestoreError> {
    let tables = Tables {
        object_table: outputs.object_table_name.clone(),
        history_table: outputs.history_table_name.clone(),
        bucket_name: outputs.test_bucket_name.clone(),
    };
    let store = Store::new(dynamodb.clone(), tables);
    let chosen = match which {
        Which::Named(names) => {
            let wanted = |name: &ObjectName| Wanted { object_name: name.clone(), deleted: None };
            return Ok((names.iter().map(wanted).collect(), 0));
        }
        Which::Since(since) => {
            let from = since.saturating_sub(LONGEST_CLEANING).unwrap_or(Timestamp::MIN);
            let chosen = cleanings::since(&store.cleanings_from(&key_time(from)).await?, *since);
            if chosen.wanted.is_empty() && chosen.open == 0 {
                return Err(RestoreError::NothingSince(*since));
            }
            chosen
        }
        Which::Cleaning(id) => {
            // A record's key begins with when its cleaning began; no key is less than a digit.
            let from = id.split_once('#').map_or("0", |(begun_at, _)| begun_at);
            let chosen = cleanings::of(&store.cleanings_from(from).await?, id);
            let chosen = chosen.ok_or_else(|| RestoreError::NoCleaning(id.clone()))?;
            if chosen.wanted.is_empty() && chosen.open == 0 {
                return Err(RestoreError::NothingDeleted);
            }
            chosen
        }
    };
    let wanted = chosen.wanted.into_iter().map(|(object_name, deleted)| Wanted { object_name, deleted: Some(deleted) });
    Ok((wanted.collect(), chosen.open))
}

impl Sum {
    /// The sum with one more object.
    pub fn and(self, bytes: u64) -> Self {
        Self { objects: self.objects + 1, bytes: self.bytes + bytes }
    }
}

impl fmt::Display for Sum {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { objects, bytes } = self;
        write!(f, "{objects} object{} with {bytes} byte{}", plural(*objects), plural(*bytes))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plan(sizes: &[u64], total_size: u64) -> Plan {
        let config = aws_sdk_s3::Config::builder().behavior_version(aws_config::BehaviorVersion::v2026_01_12()).build();
        let kept = |(index, size): (usize, &u64)| {
            let kept = Kept { version_id: "v".into(), size: *size, etag: "e".into(), storage_class: None };
            (ObjectName::new(index.to_string()).unwrap(), Ok(kept))
        };
        Plan {
            s3: aws_sdk_s3::Client::from_conf(config),
            bucket: "b".into(),
            objects: sizes.iter().enumerate().map(kept).collect(),
            open: 0,
            keeps_nothing: false,
            total_size,
            threshold: 20,
        }
    }

    #[test]
    fn what_would_reach_the_threshold_is_refused_with_all_of_the_numbers() {
        assert!(plan(&[1, 2], 16).fits().is_ok());
        assert!(plan(&[], 50).fits().is_ok(), "nothing makes nothing worse");
        let expect = "2 objects with 3 bytes would bring the bucket from 17 to 20 bytes, and at 20 the cleaner deletes. Nothing \
                      was restored. Raise SizeThreshold, restore less, or let the cleaner choose again with --over-threshold";
        assert_eq!(plan(&[1, 2], 17).fits().unwrap_err().to_string(), expect);
        assert_eq!(Sum::default().and(1).to_string(), "1 object with 1 byte");
    }
}
