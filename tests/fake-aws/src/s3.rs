//! A bucket in memory with a client in front of it.

use std::sync::{Arc, Mutex, MutexGuard};

use aws_config::SdkConfig;
use aws_sdk_s3::Client;
use aws_smithy_runtime_api::client::http::SharedHttpClient;

use crate::bucket::{Bucket, S3Whims};
use crate::connector::{http_client, persistent_sdk_config, sdk_config};

/// How the bucket refuses to delete an object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// The caller may not.
    AccessDenied,
    /// S3 is asked too much.
    SlowDown,
    /// Somebody else is at the object.
    Conflict,
}

/// A bucket, and what was asked of it.
#[derive(Clone, Debug, Default)]
pub struct FakeS3(Arc<Mutex<Bucket>>);

/// A client of the bucket, whatever bucket it names, without the SDK's own retries.
pub fn s3_client(http_client: SharedHttpClient) -> Client {
    client(&sdk_config(http_client))
}

/// The same with the SDK's own retries.
pub fn persistent_s3_client(http_client: SharedHttpClient) -> Client {
    client(&persistent_sdk_config(http_client))
}

fn client(config: &SdkConfig) -> Client {
    Client::from_conf(aws_sdk_s3::config::Builder::from(config).force_path_style(true).build())
}

impl FakeS3 {
    /// A client of this bucket, whatever bucket it names, without the SDK's own retries.
    pub fn client(&self) -> Client {
        let fake = self.clone();
        s3_client(http_client(move |request| Ok(fake.state().answer(request, 0, &S3Whims::default()))))
    }

    /// Puts an object, in place of the one that has its key.
    pub fn put(&self, key: &str, size: u64, etag: &str) {
        self.state().put(key, size, etag, 0);
    }

    pub fn copy(&self, from: &str, to: &str) {
        self.state().copy(from, to, 0);
    }

    /// Refuses from now on to delete the object.
    pub fn refuse(&self, key: &str, refusal: Refusal) {
        let refusal = match refusal {
            Refusal::AccessDenied => (403, "AccessDenied"),
            Refusal::SlowDown => (503, "SlowDown"),
            Refusal::Conflict => (409, "ConditionalRequestConflict"),
        };
        self.state().refusals.insert(key.to_owned(), refusal);
    }

    /// Has HeadObject tell nothing about an object any more, as S3 does if nobody has the key that it is encrypted with (SSE-C).
    pub fn encrypt(&self, key: &str) {
        self.state().encrypted.insert(key.to_owned());
    }

    /// Deletes an object without anybody being asked.
    pub fn remove(&self, key: &str) {
        self.state().delete(key, 0);
    }

    /// The keys of the objects that are there.
    pub fn keys(&self) -> Vec<String> {
        self.state().sizes().into_keys().collect()
    }

    /// The keys that were to be deleted, in the order of the requests.
    pub fn requests(&self) -> Vec<String> {
        self.state().deletions.clone()
    }

    fn state(&self) -> MutexGuard<'_, Bucket> {
        self.0.lock().unwrap()
    }
}
