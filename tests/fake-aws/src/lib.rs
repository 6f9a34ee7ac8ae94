//! A DynamoDB and an S3 in memory: they understand what Spillway sends, record it, and fail when they are told to.
//!
//! Real clients of the SDK call them, so that a test covers everything up to the request. They panic at what they don't
//! understand.

#![allow(clippy::unwrap_used, reason = "only tests link this, and a request that can't be read should stop them")]

mod connector;
mod dynamodb;
mod s3;
mod sqs;

pub use connector::{Answer, http_client};
pub use dynamodb::{Failure, FakeDynamoDb};
pub use s3::{FakeS3, Refusal};
pub use sqs::{message, object_event};

/// The bucket that all of it is about.
const BUCKET: &str = "b";
