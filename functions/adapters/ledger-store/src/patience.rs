//! How often and how soon is tried again what DynamoDB has no room for, or what others were faster with.

use std::time::Duration;

use aws_config::SdkConfig;
use aws_sdk_dynamodb::config::retry::{RetryConfig, RetryPartition, TokenBucket};
use aws_sdk_dynamodb::{Client, Config};

/// Attempts at one request, or at one transaction. With the pauses between them they take about ten seconds at most.
pub(crate) const ATTEMPTS: u32 = 12;

/// The longest pause before the second attempt; doubles from attempt to attempt.
const FIRST_PAUSE: Duration = Duration::from_millis(20);

/// The longest pause there is.
const LONGEST_PAUSE: Duration = Duration::from_millis(1500);

/// A client that tries a request as often as that. The SDK's own three attempts are over within a second, and together its
/// clients have tokens for a hundred more: a read of thousands of rows side by side would use them up, and fail.
pub fn patient_client(aws: &SdkConfig) -> Client {
    let retry = RetryConfig::standard()
        .with_max_attempts(ATTEMPTS)
        .with_initial_backoff(FIRST_PAUSE)
        .with_max_backoff(LONGEST_PAUSE);
    let partition = RetryPartition::custom("ledger").token_bucket(TokenBucket::unlimited()).build();
    let config = Config::from(aws).to_builder().retry_config(retry).retry_partition(partition);
    Client::from_conf(config.build())
}

/// A random part of a pause that doubles, so that those in conflict don't meet again.
pub(crate) fn pause(attempt: u32) -> Duration {
    let longest = LONGEST_PAUSE.min(FIRST_PAUSE * 2_u32.pow(attempt.min(10)));
    longest.mul_f64(fastrand::f64())
}
