//! The versions of a bucket's objects, page by page.

use super::{Bucket, ObjectVersion, encode};
use crate::connector::Reply;

impl Bucket {
    /// Whether old versions are kept, or were once.
    pub(super) fn versioning(&self) -> Reply {
        let mut versions = self.objects.values().flatten();
        let status = match self.versioned {
            true => "<Status>Enabled</Status>",
            false if versions.any(|version| version.version_id.is_some()) => "<Status>Suspended</Status>",
            false => "",
        };
        (200, format!("<VersioningConfiguration>{status}</VersioningConfiguration>")).into()
    }

    /// A page of all versions: keys in their order, and of each the newest version first.
    pub(super) fn list_versions(&self, query: &str) -> Reply {
        let parameter = |name: &str| query.split('&').find_map(|pair| pair.strip_prefix(name)?.strip_prefix('='));
        let [key_marker, id_marker] =
            ["key-marker", "version-id-marker"].map(|name| parameter(name).map(Self::name).unwrap_or_default());
        assert_eq!(parameter("encoding-type"), Some("url"), "XML can't hold every key");
        let all = self.objects.iter().flat_map(|(key, versions)| {
            versions.iter().rev().enumerate().map(move |(age, version)| (key, age == 0, version))
        });
        let mut all = all.collect::<Vec<_>>();
        let given = all.iter().position(|(key, _, version)| **key == key_marker && id(version) == id_marker);
        let from = given.map_or(0, |position| position + 1);
        let until = all.len().min(from.saturating_add(self.versions_per_page.unwrap_or(1000)));
        let is_truncated = until < all.len();
        let page: Vec<_> = all.drain(from..until).collect();
        let next = page.last().filter(|_| is_truncated).map_or_else(String::new, |(key, _, version)| {
            let (key, id) = (encode(key), id(version));
            format!("<NextKeyMarker>{key}</NextKeyMarker><NextVersionIdMarker>{id}</NextVersionIdMarker>")
        });
        let page: String = page.into_iter().map(|(key, is_latest, version)| entry(key, is_latest, version)).collect();
        let body = format!(
            "<ListVersionsResult><EncodingType>url</EncodingType><IsTruncated>{is_truncated}</IsTruncated>{next}{page}\
             </ListVersionsResult>"
        );
        (200, body).into()
    }
}

fn id(version: &ObjectVersion) -> &str {
    version.version_id.as_deref().unwrap_or("null")
}

fn entry(key: &str, is_latest: bool, version: &ObjectVersion) -> String {
    let (name, size) = match version.size {
        Some(size) => ("Version", format!("<Size>{size}</Size>")),
        None => ("DeleteMarker", String::new()),
    };
    let (key, id) = (encode(key), id(version));
    format!("<{name}><Key>{key}</Key><VersionId>{id}</VersionId><IsLatest>{is_latest}</IsLatest>{size}</{name}>")
}
