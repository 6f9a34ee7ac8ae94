//! A bucket: what S3 documents of the requests that Spillway and its users send, and the events that it publishes.

mod versions;

use std::collections::{BTreeMap, BTreeSet};

use aws_sdk_s3::config::http::HttpRequest;
use percent_encoding::percent_decode_str;
use serde_json::{Value, json};

use crate::BUCKET;
use crate::connector::Reply;

/// Every bucket publishes all of its events: to a topic, and to EventBridge.
const NOTIFICATION: &str = "<NotificationConfiguration><TopicConfiguration><Topic>topic</Topic>\
    <Event>s3:ObjectCreated:*</Event><Event>s3:ObjectRemoved:*</Event></TopicConfiguration>\
    <EventBridgeConfiguration/></NotificationConfiguration>";

#[derive(Clone, Debug, Default)]
pub struct Bucket {
    /// The versions of each key, the oldest first. Without versioning there is one at most.
    objects: BTreeMap<String, Vec<ObjectVersion>>,
    /// Whether old versions are kept.
    pub versioned: bool,
    /// How many versions a page of their listing has, if not a thousand.
    pub versions_per_page: Option<usize>,
    /// Keys whose deletion S3 refuses, and the status and code with which.
    pub refusals: BTreeMap<String, (u16, &'static str)>,
    /// Keys of objects that HeadObject tells nothing about.
    pub encrypted: BTreeSet<String>,
    /// Records of events that were not published yet.
    pub events: Vec<Value>,
    /// The keys that were to be deleted, in the order of the requests.
    pub deletions: Vec<String>,
    /// Every deletion that went through on request, with the size of what went: those on condition of an ETag.
    pub deleted: Vec<(String, u64)>,
    written: u64,
}

/// A version of an object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ObjectVersion {
    /// Its identifier; none in a bucket without versions.
    pub version_id: Option<String>,
    /// Its ETag, without quotes.
    pub etag: String,
    /// Its size; none for a delete marker.
    pub size: Option<u64>,
    /// The sequencer of its creation.
    pub sequencer: String,
    /// When it was written, in milliseconds. S3 says it in whole seconds.
    pub last_modified: i64,
    pub metadata: BTreeMap<String, String>,
}

/// What S3 does with a request that a test wants otherwise.
#[derive(Clone, Debug, Default)]
pub struct S3Whims {
    /// Conditions of deletions are not checked.
    pub unconditional: bool,
}

impl Bucket {
    /// The sizes of the current objects.
    pub fn sizes(&self) -> BTreeMap<String, u64> {
        let current = |(key, versions): (&String, &Vec<ObjectVersion>)| Some((key.clone(), versions.last()?.size?));
        self.objects.iter().filter_map(current).collect()
    }

    /// The object with a key, if there is one.
    pub fn current(&self, key: &str) -> Option<&ObjectVersion> {
        self.objects.get(key)?.last().filter(|version| version.size.is_some())
    }

    /// The versions of a key that are not the current one.
    pub fn old_versions(&self, key: &str) -> Vec<String> {
        let versions = self.objects.get(key).map(Vec::as_slice).unwrap_or_default();
        let old = &versions[..versions.len().saturating_sub(1)];
        old.iter().filter_map(|version| version.version_id.clone()).collect()
    }

    /// Writes an object at a moment, in milliseconds.
    pub fn put(&mut self, key: &str, size: u64, etag: &str, now: i64) {
        self.write(key, size, etag, BTreeMap::new(), ("ObjectCreated:Put", now));
    }

    fn write(
        &mut self,
        key: &str,
        size: u64,
        etag: &str,
        metadata: BTreeMap<String, String>,
        (event_name, now): (&str, i64),
    ) {
        let sequencer = self.sequencer(now);
        let version = ObjectVersion {
            version_id: self.next_version(),
            etag: etag.to_owned(),
            size: Some(size),
            sequencer: sequencer.clone(),
            last_modified: now,
            metadata,
        };
        let mut object = json!({ "size": size, "eTag": etag });
        add_version(&mut object, version.version_id.as_deref());
        self.push(key, version);
        self.publish(event_name, key, object, &sequencer, now);
    }

    pub fn copy(&mut self, from: &str, to: &str, now: i64) {
        let Some(source) = self.current(from).cloned() else { return };
        let (size, metadata) = (source.size.unwrap(), source.metadata);
        self.write(to, size, &source.etag, metadata, ("ObjectCreated:Copy", now));
    }

    /// Deletes an object as a user does: without a condition.
    pub fn delete(&mut self, key: &str, now: i64) {
        if self.current(key).is_none() {
            return;
        }
        let sequencer = self.sequencer(now);
        if self.versioned {
            let version_id = self.next_version();
            let mut object = json!({ "eTag": "d41d8cd98f00b204e9800998ecf8427e" });
            add_version(&mut object, version_id.as_deref());
            let marker = ObjectVersion {
                version_id,
                etag: String::new(),
                size: None,
                sequencer: sequencer.clone(),
                last_modified: now,
                metadata: BTreeMap::new(),
            };
            self.push(key, marker);
            self.publish("ObjectRemoved:DeleteMarkerCreated", key, object, &sequencer, now);
        } else {
            self.objects.remove(key);
            self.publish("ObjectRemoved:Delete", key, json!({}), &sequencer, now);
        }
    }

    /// Deletes a version for good.
    pub fn delete_version(&mut self, key: &str, version_id: &str, now: i64) {
        let Some(versions) = self.objects.get_mut(key) else { return };
        let Some(position) = versions.iter().position(|it| it.version_id.as_deref() == Some(version_id)) else {
            return;
        };
        versions.remove(position);
        if versions.is_empty() {
            self.objects.remove(key);
        }
        let sequencer = self.sequencer(now);
        self.publish("ObjectRemoved:Delete", key, json!({ "versionId": version_id }), &sequencer, now);
    }

    /// Has an object expire by a lifecycle rule: the event carries the sequencer of the creation.
    pub fn expire(&mut self, key: &str, now: i64) {
        let Some(version) = self.current(key).cloned() else { return };
        if self.versioned {
            return;
        }
        self.objects.remove(key);
        self.publish("LifecycleExpiration:Delete", key, json!({}), &version.sequencer, now);
    }

    fn push(&mut self, key: &str, version: ObjectVersion) {
        let versions = self.objects.entry(key.to_owned()).or_default();
        if !self.versioned {
            versions.clear();
        }
        versions.push(version);
    }

    fn next_version(&mut self) -> Option<String> {
        self.written += 1;
        self.versioned.then(|| format!("v{}", self.written))
    }

    /// Seconds and a fraction of one, in hexadecimal digits, of which there are more at some times than at others.
    fn sequencer(&mut self, now: i64) -> String {
        self.written += 1;
        let zeros = "0".repeat(self.written as usize % 3);
        format!("{zeros}{:X}{:06X}", now, self.written)
    }

    fn publish(&mut self, event_name: &str, key: &str, mut object: Value, sequencer: &str, now: i64) {
        object["key"] = encode(key).into();
        object["sequencer"] = sequencer.into();
        let time = jiff::Timestamp::from_millisecond(now).unwrap();
        self.events.push(json!({
            "eventVersion": "2.1",
            "eventName": event_name,
            "eventTime": time.to_string(),
            "s3": { "bucket": { "name": BUCKET }, "object": object },
        }));
    }

    /// The name of an object whose key is encoded.
    pub fn name(key: &str) -> String {
        percent_decode_str(key).decode_utf8().unwrap().into_owned()
    }

    /// The name of the object that a request is about.
    pub fn requested(request: &HttpRequest) -> String {
        let path = request.uri().split('?').next().unwrap_or_default();
        Self::name(&path.split('/').skip(4).collect::<Vec<_>>().join("/"))
    }

    /// What S3 answers to a request at a moment, in milliseconds.
    pub fn answer(&mut self, request: &HttpRequest, now: i64, whims: &S3Whims) -> Reply {
        let uri = request.uri().to_owned();
        let query = uri.split_once('?').map_or("", |(_, query)| query);
        let key = Self::requested(request);
        let condition = request.headers().get("if-match").map(|etag| etag.trim_matches('"').to_owned());
        match request.method() {
            "DELETE" => self.conditional_delete(&key, condition.filter(|_| !whims.unconditional), now),
            "HEAD" => self.head(&key, condition.as_deref()),
            "GET" if query.contains("list-type=2") => self.list(query),
            "GET" if query.contains("versioning") => self.versioning(),
            "GET" if query.contains("versions") => self.list_versions(query),
            "GET" if query.contains("notification") => (200, NOTIFICATION.to_owned()).into(),
            "PUT" => {
                let size = request.headers().get("content-length").and_then(|size| size.parse().ok());
                let size = size.or_else(|| Some(request.body().bytes()?.len() as u64)).unwrap();
                let metadata = request
                    .headers()
                    .iter()
                    .filter_map(|(name, value)| Some((name.strip_prefix("x-amz-meta-")?.to_owned(), value.to_owned())));
                let etag = format!("e{}", self.written);
                self.write(&key, size, &etag, metadata.collect(), ("ObjectCreated:Put", now));
                Reply { status: 200, headers: vec![("etag", format!("\"{etag}\""))], body: Vec::new() }
            }
            other => panic!("nobody expected {other} {uri}"),
        }
    }

    /// With a condition S3 says what is not there; without one, deleting nothing is a success.
    fn conditional_delete(&mut self, key: &str, condition: Option<String>, now: i64) -> Reply {
        self.deletions.push(key.to_owned());
        let etag = self.current(key).map(|version| version.etag.clone());
        let (status, code) = match (self.refusals.get(key), condition, etag) {
            (Some(&refusal), ..) => refusal,
            (None, Some(_), None) => (404, "NoSuchKey"),
            (None, Some(condition), Some(etag)) if condition != etag => (412, "PreconditionFailed"),
            (None, ..) => {
                self.deleted.extend(self.current(key).map(|version| (key.to_owned(), version.size.unwrap())));
                self.delete(key, now);
                return (204, String::new()).into();
            }
        };
        error(status, code)
    }

    fn head(&self, key: &str, condition: Option<&str>) -> Reply {
        if self.encrypted.contains(key) {
            return (400, String::new()).into();
        }
        let Some(version) = self.current(key) else { return (404, String::new()).into() };
        if condition.is_some_and(|etag| etag != version.etag) {
            return (412, String::new()).into();
        }
        let mut headers = vec![
            ("etag", format!("\"{}\"", version.etag)),
            ("content-length", version.size.unwrap().to_string()),
            ("last-modified", written_at(version).strftime("%a, %d %b %Y %H:%M:%S GMT").to_string()),
        ];
        headers.extend(version.version_id.clone().map(|version_id| ("x-amz-version-id", version_id)));
        headers.extend(version.metadata.get("spillway-run").map(|mark| ("x-amz-meta-spillway-run", mark.clone())));
        Reply { status: 200, headers, body: Vec::new() }
    }

    /// A page of the objects whose keys begin as asked: all of them, or as many as asked for.
    fn list(&self, query: &str) -> Reply {
        let parameter = |name: &str| query.split('&').find_map(|pair| pair.strip_prefix(name)?.strip_prefix('='));
        let prefix = Self::name(parameter("prefix").unwrap_or_default());
        let max_keys = parameter("max-keys").map_or(usize::MAX, |count| count.parse().unwrap());
        let encoded = query.contains("encoding-type=url");
        let contents = |(key, version): (&String, &ObjectVersion)| {
            let key = if encoded { encode(key) } else { key.clone() };
            format!(
                "<Contents><Key>{key}</Key><ETag>&quot;{}&quot;</ETag><Size>{}</Size><LastModified>{}</LastModified></Contents>",
                version.etag,
                version.size.unwrap(),
                written_at(version).strftime("%Y-%m-%dT%H:%M:%S.000Z"),
            )
        };
        let listed = self.objects.keys().filter(|key| key.starts_with(&prefix));
        let listed = listed.filter_map(|key| Some((key, self.current(key)?)));
        let contents: String = listed.take(max_keys).map(contents).collect();
        (200, format!("<ListBucketResult><IsTruncated>false</IsTruncated>{contents}</ListBucketResult>")).into()
    }
}

/// When a version was written, as S3 says it: in whole seconds.
fn written_at(version: &ObjectVersion) -> jiff::Timestamp {
    jiff::Timestamp::from_second(version.last_modified.div_euclid(1000)).unwrap()
}

fn add_version(object: &mut Value, version_id: Option<&str>) {
    if let Some(version_id) = version_id {
        object["versionId"] = version_id.into();
    }
}

fn error(status: u16, code: &str) -> Reply {
    (status, format!("<Error><Code>{code}</Code><Message>told to</Message></Error>")).into()
}

/// As S3 encodes the keys of its events and listings: like a form.
fn encode(key: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._*/".contains(&byte);
    key.bytes().map(|byte| if plain(byte) { (byte as char).to_string() } else { format!("%{byte:02X}") }).collect()
}
