//! A DynamoDB and an S3 in memory: they understand what Spillway sends, record it, and fail when they are told to.
//!
//! Real clients of the SDK call them, so that a test covers everything up to the request. [`Tables`] and [`Bucket`] are
//! models of what AWS documents; [`FakeDynamoDb`] and [`FakeS3`] put a client in front of them. They panic at what they don't
//! understand.

#![allow(clippy::unwrap_used, reason = "only tests link this, and a request that can't be read should stop them")]

mod bucket;
pub mod capacity;
mod cloudwatch;
mod connector;
mod dynamodb;
mod lambda;
mod s3;
mod sqs;
mod tables;

pub use bucket::{Bucket, ObjectVersion, S3Whims};
pub use cloudwatch::{ages, alarm, cloudwatch_client};
pub use connector::{Answer, Reply, http_client, lost, patient_http_client, persistent_sdk_config, sdk_config};
pub use dynamodb::{Failure, FakeDynamoDb, operation, patient_store, store};
pub use lambda::{lambda_client, mapping};
pub use s3::{FakeS3, Refusal, persistent_s3_client, s3_client};
pub use sqs::{FakeQueue, message, object_event, sent_message, sqs_client};
pub use tables::{Tables, Whims};

/// The bucket that all of it is about.
pub const BUCKET: &str = "b";
pub const OBJECT_TABLE: &str = "objects";
pub const HISTORY_TABLE: &str = "history";
