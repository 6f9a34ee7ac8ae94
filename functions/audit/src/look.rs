//! The second look at what seems to differ: the row, the object itself, the row again.

use std::collections::BTreeSet;

use aws_config::SdkConfig;
use aws_sdk_s3::Client;
use futures_util::StreamExt;
use futures_util::stream;
use jiff::{SignedDuration, Timestamp};
use spillway_aws::{CallError, ConfigError, variable};
use spillway_bucket::find;
use spillway_contracts::ObjectName;
use spillway_contracts::audit::{Audit, Difference};
use spillway_contracts::rule::DeleteFirst;
use spillway_ledger::audit::{Finding, Found, Look, judge};
use spillway_ledger_store::Store;

use crate::{Error, Queue};

/// How many objects S3 is asked about at a time.
const AT_A_TIME: usize = 64;

/// What looks at objects and rows.
#[derive(Clone, Debug)]
pub struct Looker {
    pub store: Store,
    pub s3: Client,
    pub queue: Queue,
    /// In bytes, for what the lines of totals say.
    pub threshold_bytes: u64,
    /// Whether rows that don't say when their object was written get to say it.
    pub dates: bool,
    pub now: fn() -> Timestamp,
}

/// What a second look found of an object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Looked {
    /// The object, by ledger and by bucket.
    pub difference: Difference,
    pub finding: Finding,
}

impl Looker {
    /// What a function's environment names.
    pub fn from_env(aws: &SdkConfig, now: fn() -> Timestamp) -> Result<Self, ConfigError> {
        Ok(Self {
            store: Store::from_env(aws)?,
            s3: Client::new(aws),
            queue: Queue::from_env(aws)?,
            threshold_bytes: variable("SIZE_THRESHOLD")?,
            dates: variable::<DeleteFirst>("DELETE_FIRST")? == DeleteFirst::Oldest,
            now,
        })
    }

    /// What has become of objects on which ledger and bucket did not agree. `missing_since` says since when those that are
    /// missing have been seen to be; just now, if there is none.
    pub async fn look(
        &self,
        audit: &Audit,
        names: &BTreeSet<ObjectName>,
        missing_since: Option<Timestamp>,
    ) -> Result<Vec<Looked>, Error> {
        if names.is_empty() {
            return Ok(Vec::new());
        }
        let settled = self.settled(audit).await?;
        let before = self.store.rows(names).await?;
        let at = (self.now)();
        let objects = self.find(names).await?;
        let after = self.store.rows(names).await?;
        let looked = objects.iter().map(|(name, object)| {
            let look = Look {
                bucket_name: self.store.bucket_name(),
                object_name: name,
                before: before.get(name),
                object: object.as_ref(),
                after: after.get(name),
                at,
                missing_since: missing_since.unwrap_or(at),
                dates: self.dates,
            };
            let ledger_size = look.after.filter(|row| row.is_live()).map(|row| row.size());
            let bucket_size = look.object.map(|object| object.size);
            let difference = Difference { object_name: name.clone(), ledger_size, bucket_size };
            Looked { difference, finding: judge(&look, settled) }
        });
        Ok(looked.collect())
    }

    /// What happened before this moment is not under way any more.
    pub async fn settled(&self, audit: &Audit) -> Result<Timestamp, Error> {
        let now = (self.now)();
        let grace = SignedDuration::from_secs(audit.grace_seconds.cast_signed());
        Ok(now - grace - self.queue.age(now).await?)
    }

    /// The objects, as S3 has them; `None` if one isn't there.
    pub async fn find(&self, names: &BTreeSet<ObjectName>) -> Result<Vec<(ObjectName, Option<Found>)>, Error> {
        let bucket_name = self.store.bucket_name();
        let asked = names.iter().map(async |name| Ok((name.clone(), find(&self.s3, bucket_name, name).await?)));
        let found: Vec<Result<_, CallError>> = stream::iter(asked).buffer_unordered(AT_A_TIME).collect().await;
        Ok(found.into_iter().collect::<Result<_, _>>()?)
    }
}
