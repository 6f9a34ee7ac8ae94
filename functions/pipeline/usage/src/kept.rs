//! What S3 keeps of objects that were deleted or overwritten.

use std::collections::BTreeSet;
use std::time::Duration;

use aws_sdk_s3::Client;
use aws_sdk_s3::operation::list_object_versions::ListObjectVersionsOutput;
use aws_sdk_s3::types::EncodingType;
use spillway_aws::CallError;
use spillway_contracts::usage::{Kept, KeptVersions};
use spillway_ledger::event::decode_key;
use tokio::time::timeout;

/// How long versions are counted for one answer. It leaves the rest of the answer more than half of its time.
pub const LONGEST: Duration = Duration::from_secs(10);

/// How many pages of a thousand versions are counted for one answer; current ones are among them.
pub const PAGES: usize = 100;

/// Counts what the bucket keeps; none if that can't be done, which is no reason to keep the rest of an answer back.
pub async fn count(s3: &Client, bucket: &str) -> Option<Kept> {
    let mut count = Count::default();
    let counted = match timeout(LONGEST, count.read(s3, bucket)).await {
        Ok(read) => read,
        Err(_) if count.pages > 0 => Ok(Whole::No),
        Err(_) => Err(CallError::unanswered("ListObjectVersions")),
    };
    match counted {
        Ok(Whole::Yes) => Some(Kept::All(count.kept)),
        Ok(Whole::No) => Some(Kept::AtLeast(count.kept)),
        Err(error) => {
            tracing::warn!(%error, "what the bucket keeps of deleted and overwritten objects is unknown");
            None
        }
    }
}

/// Whether everything was counted.
enum Whole {
    Yes,
    No,
}

/// What was counted so far.
#[derive(Debug, Default)]
struct Count {
    kept: KeptVersions,
    pages: usize,
    /// The keys of deleted objects that the next page may have more versions of, as the listing spells them.
    deleted: BTreeSet<String>,
}

impl Count {
    async fn read(&mut self, s3: &Client, bucket: &str) -> Result<Whole, CallError> {
        let versioning = s3.get_bucket_versioning().bucket(bucket).send().await;
        // A bucket that never had versions keeps nothing, and the listing would be one of all its objects.
        if versioning.map_err(CallError::of("GetBucketVersioning"))?.status.is_none() {
            return Ok(Whole::Yes);
        }
        let mut page = ListObjectVersionsOutput::builder().build();
        while self.pages < PAGES {
            // XML can't hold every character that a key may have.
            let request = s3.list_object_versions().bucket(bucket).encoding_type(EncodingType::Url);
            let request = request.set_key_marker(marker(&page)?).set_version_id_marker(page.next_version_id_marker);
            page = request.send().await.map_err(CallError::of("ListObjectVersions"))?;
            self.add(&page);
            if page.is_truncated() != Some(true) {
                return Ok(Whole::Yes);
            }
        }
        Ok(Whole::No)
    }

    /// Takes the next page. S3 lists the versions of an object from the newest to the oldest, one object after the other.
    fn add(&mut self, page: &ListObjectVersionsOutput) {
        let latest = page.delete_markers().iter().filter(|marker| marker.is_latest() == Some(true));
        self.deleted.extend(latest.filter_map(|marker| marker.key.clone()));
        for version in page.versions().iter().filter(|version| version.is_latest() != Some(true)) {
            let is_deleted = version.key().is_some_and(|key| self.deleted.contains(key));
            let tally = if is_deleted { &mut self.kept.deleted } else { &mut self.kept.overwritten };
            tally.versions += 1;
            tally.bytes += version.size().unwrap_or_default().cast_unsigned();
        }
        let last = [
            page.versions().last().and_then(|version| version.key()),
            page.delete_markers().last().and_then(|marker| marker.key()),
        ];
        self.deleted.retain(|key| last.contains(&Some(key)));
        self.pages += 1;
    }
}

/// Where the next page begins; not every S3 encodes keys when it is asked to.
fn marker(page: &ListObjectVersionsOutput) -> Result<Option<String>, CallError> {
    let Some(key) = page.next_key_marker() else { return Ok(None) };
    if page.encoding_type() != Some(&EncodingType::Url) {
        return Ok(Some(key.to_owned()));
    }
    let name = decode_key(key).map_err(|reason| CallError::unexpected("ListObjectVersions", reason))?;
    Ok(Some(name.into()))
}
