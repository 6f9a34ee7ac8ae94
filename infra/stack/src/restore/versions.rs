//! What S3 keeps of an object.

use std::fmt;

use aws_sdk_s3::Client;
use aws_sdk_s3::operation::list_object_versions::ListObjectVersionsOutput;
use aws_sdk_s3::types::{EncodingType, ObjectVersion, ObjectVersionStorageClass};
use spillway_aws::CallError;
use spillway_contracts::ObjectName;
use spillway_ledger::event::decode_key;

use super::{Content, Wanted};

/// S3 copies no more than this in one request, in bytes.
const LARGEST_COPY: u64 = 5 << 30;

/// A version of an object that is under a delete marker.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Kept {
    pub version_id: String,
    /// In bytes.
    pub size: u64,
    /// Without quotes.
    pub etag: String,
    /// None if it is S3's own.
    pub storage_class: Option<String>,
}

/// Why an object can't come back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// There is an object of that name.
    There,
    /// S3 has no version of it any more, or never kept one.
    NotKept,
    /// What the cleaner deleted is not kept, but other versions are.
    OthersKept,
    /// S3 can't copy it in one request.
    TooLarge {
        /// In bytes.
        size: u64,
        /// The delete marker that hides it.
        marker_id: String,
    },
    /// The copy failed.
    Failed(String),
}

/// Finds the version to bring back: the newest one, or the one that the cleaner deleted.
pub async fn find(s3: &Client, bucket: &str, wanted: &Wanted) -> Result<Result<Kept, Refusal>, CallError> {
    let mut history = History::default();
    let mut page = ListObjectVersionsOutput::builder().build();
    loop {
        let request = s3.list_object_versions().bucket(bucket).prefix(wanted.object_name.as_str());
        // XML can't hold every character that a key may have.
        let request = request.encoding_type(EncodingType::Url);
        let request = request.set_key_marker(marker(&page)?).set_version_id_marker(page.next_version_id_marker);
        page = request.send().await.map_err(CallError::of("ListObjectVersions"))?;
        // Nothing that begins with the name comes before the name itself.
        if !history.add(&page, &wanted.object_name)? || page.is_truncated() != Some(true) {
            return Ok(history.find(wanted.deleted.as_ref()));
        }
    }
}

/// Where the next page begins.
fn marker(page: &ListObjectVersionsOutput) -> Result<Option<String>, CallError> {
    page.next_key_marker().map(|key| decoded(page, key)).transpose()
}

/// A key of the page; not every S3 encodes keys when it is asked to.
fn decoded(page: &ListObjectVersionsOutput, key: &str) -> Result<String, CallError> {
    if page.encoding_type() != Some(&EncodingType::Url) {
        return Ok(key.to_owned());
    }
    let name = decode_key(key).map_err(|reason| CallError::unexpected("ListObjectVersions", reason))?;
    Ok(name.into())
}

/// The versions of one object, the newest first.
#[derive(Debug, Default)]
struct History {
    versions: Vec<ObjectVersion>,
    /// The delete marker that is the current version.
    marker_id: Option<String>,
}

impl History {
    /// Takes what is about the object; says whether there was nothing else.
    fn add(&mut self, page: &ListObjectVersionsOutput, name: &ObjectName) -> Result<bool, CallError> {
        let mut is_all = true;
        for version in page.versions() {
            let is_one = decoded(page, version.key().unwrap_or_default())? == name.as_str();
            is_all &= is_one;
            self.versions.extend(is_one.then(|| version.clone()));
        }
        for marker in page.delete_markers() {
            let is_one = decoded(page, marker.key().unwrap_or_default())? == name.as_str();
            is_all &= is_one;
            if is_one && marker.is_latest() == Some(true) {
                self.marker_id = marker.version_id().map(str::to_owned);
            }
        }
        Ok(is_all)
    }

    fn find(self, deleted: Option<&Content>) -> Result<Kept, Refusal> {
        if self.versions.iter().any(|version| version.is_latest() == Some(true)) {
            return Err(Refusal::There);
        }
        let is_any = !self.versions.is_empty();
        let mut kept = self.versions.into_iter().map(Kept::from);
        let kept = kept.find(|kept| deleted.is_none_or(|deleted| kept.is(deleted)));
        let kept = kept.ok_or(if is_any { Refusal::OthersKept } else { Refusal::NotKept })?;
        if kept.size > LARGEST_COPY {
            let marker_id = self.marker_id.unwrap_or_default();
            return Err(Refusal::TooLarge { size: kept.size, marker_id });
        }
        Ok(kept)
    }
}

impl Kept {
    fn is(&self, content: &Content) -> bool {
        self.size == content.size && content.etag.as_ref().is_none_or(|etag| *etag == self.etag)
    }
}

impl From<ObjectVersion> for Kept {
    fn from(version: ObjectVersion) -> Self {
        let storage_class = version.storage_class.filter(|class| *class != ObjectVersionStorageClass::Standard);
        Self {
            version_id: version.version_id.unwrap_or_default(),
            size: version.size.unwrap_or_default().cast_unsigned(),
            etag: version.e_tag.unwrap_or_default().trim_matches('"').to_owned(),
            storage_class: storage_class.map(|class| class.as_str().to_owned()),
        }
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::There => f.write_str("there already: an object of that name is in the bucket"),
            Self::NotKept => f.write_str("not kept: S3 has no version of it"),
            Self::OthersKept => f.write_str(
                "not kept: of what the cleaner deleted S3 has no version any more; name it to get the newest one",
            ),
            Self::TooLarge { size, .. } => write!(f, "too large: it has {size} bytes, and S3 copies 5 GiB at most"),
            Self::Failed(reason) => write!(f, "failed: {reason}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use aws_sdk_s3::types::DeleteMarkerEntry;

    use super::*;

    fn version(key: &str, id: &str, size: i64, is_latest: bool) -> ObjectVersion {
        let version = ObjectVersion::builder().key(key).version_id(id).size(size).e_tag(format!("\"etag of {size}\""));
        version.storage_class(ObjectVersionStorageClass::Standard).is_latest(is_latest).build()
    }

    fn marker(key: &str) -> DeleteMarkerEntry {
        DeleteMarkerEntry::builder().key(key).version_id("marker").is_latest(true).build()
    }

    fn page(versions: Vec<ObjectVersion>, markers: Vec<DeleteMarkerEntry>) -> ListObjectVersionsOutput {
        let page = ListObjectVersionsOutput::builder().encoding_type(EncodingType::Url);
        page.set_versions(Some(versions)).set_delete_markers(Some(markers)).build()
    }

    /// Of an object named `a b`.
    #[track_caller]
    fn check(page: &ListObjectVersionsOutput, deleted: Option<u64>, expect: Result<&str, &str>) {
        let mut history = History::default();
        history.add(page, &ObjectName::new("a b").unwrap()).unwrap();
        let deleted = deleted.map(|size| Content { size, etag: Some(format!("etag of {size}")) });
        let found = history.find(deleted.as_ref());
        let found = found.map(|kept| kept.version_id).map_err(|refusal| refusal.to_string());
        assert_eq!(found, expect.map(str::to_owned).map_err(str::to_owned));
    }

    #[test]
    fn the_newest_version_comes_back_or_the_one_that_was_deleted() {
        let both = vec![version("a+b", "v2", 5, false), version("a+b", "v1", 3, false)];
        let kept = page(both, vec![marker("a+b")]);
        check(&kept, None, Ok("v2"));
        check(&kept, Some(3), Ok("v1"));
        let expect = "not kept: of what the cleaner deleted S3 has no version any more; name it to get the newest one";
        check(&kept, Some(4), Err(expect));
    }

    #[test]
    fn what_is_there_or_is_not_kept_is_refused() {
        let expect = Err("there already: an object of that name is in the bucket");
        check(&page(vec![version("a+b", "null", 5, true), version("a+b", "v1", 3, false)], vec![]), None, expect);
        let expect = Err("not kept: S3 has no version of it");
        check(&page(vec![], vec![marker("a+b")]), None, expect);
        // Another object's name begins with this one.
        check(&page(vec![version("a+bc", "v1", 3, false)], vec![marker("a+bc")]), None, expect);
    }

    #[test]
    fn what_s3_cannot_copy_at_once_is_refused() {
        let largest = i64::try_from(LARGEST_COPY).unwrap();
        check(&page(vec![version("a+b", "v1", largest, false)], vec![marker("a+b")]), None, Ok("v1"));
        let larger = page(vec![version("a+b", "v1", largest + 1, false)], vec![marker("a+b")]);
        check(&larger, None, Err("too large: it has 5368709121 bytes, and S3 copies 5 GiB at most"));
    }
}
