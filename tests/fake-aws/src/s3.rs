//! A bucket in memory that objects can be deleted from.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard};

use aws_sdk_s3::Client;
use aws_sdk_s3::config::http::HttpRequest;
use aws_sdk_s3::config::retry::RetryConfig;
use aws_sdk_s3::config::{BehaviorVersion, Credentials, Region};
use percent_encoding::percent_decode_str;

use crate::connector::{Answer, http_client};

/// How the bucket refuses to delete an object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// The caller may not.
    AccessDenied,
    /// S3 is asked too much.
    SlowDown,
}

/// A bucket, and what was asked of it.
#[derive(Clone, Debug, Default)]
pub struct FakeS3(Arc<Mutex<State>>);

#[derive(Debug, Default)]
struct State {
    /// Keys and ETags.
    objects: BTreeMap<String, String>,
    refusals: BTreeMap<String, Refusal>,
    requests: Vec<String>,
}

impl FakeS3 {
    /// A client of this bucket, whatever bucket it names, without the SDK's own retries.
    pub fn client(&self) -> Client {
        let fake = self.clone();
        let config = aws_sdk_s3::Config::builder()
            .behavior_version(BehaviorVersion::v2026_01_12())
            .credentials_provider(Credentials::new("test", "test", None, None, "test"))
            .region(Region::new("us-east-1"))
            .force_path_style(true)
            .retry_config(RetryConfig::disabled())
            .http_client(http_client(move |request| fake.state().answer(request)))
            .build();
        Client::from_conf(config)
    }

    /// Puts an object, in place of the one that has its key.
    pub fn put(&self, key: &str, etag: &str) {
        self.state().objects.insert(key.to_owned(), etag.to_owned());
    }

    /// Refuses from now on to delete the object.
    pub fn refuse(&self, key: &str, refusal: Refusal) {
        self.state().refusals.insert(key.to_owned(), refusal);
    }

    /// The keys of the objects that are there.
    pub fn keys(&self) -> Vec<String> {
        self.state().objects.keys().cloned().collect()
    }

    /// The keys that were to be deleted, in the order of the requests.
    pub fn requests(&self) -> Vec<String> {
        self.state().requests.clone()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap()
    }
}

impl State {
    /// With a condition S3 says what is not there; without one, deleting nothing is a success.
    fn answer(&mut self, request: &HttpRequest) -> Answer {
        assert_eq!(request.method(), "DELETE", "nobody expected {}", request.uri());
        let path = request.uri().split('?').next().unwrap().split('/').skip(4).collect::<Vec<_>>().join("/");
        let key = percent_decode_str(&path).decode_utf8().unwrap().into_owned();
        self.requests.push(key.clone());
        let expected = request.headers().get("if-match");
        let etag = self.objects.get(&key).map(|etag| format!("\"{etag}\""));
        let (status, code) = match (self.refusals.get(&key), expected, etag) {
            (Some(Refusal::AccessDenied), ..) => (403, "AccessDenied"),
            (Some(Refusal::SlowDown), ..) => (503, "SlowDown"),
            (None, Some(_), None) => (404, "NoSuchKey"),
            (None, Some(expected), Some(etag)) if expected != etag => (412, "PreconditionFailed"),
            (None, ..) => {
                self.objects.remove(&key);
                return Ok((204, String::new()));
            }
        };
        Ok((status, format!("<Error><Code>{code}</Code><Message>told to</Message></Error>")))
    }
}
