//! CloudWatch, as far as runs and audits ask it: how an alarm is, and how old messages are.

use aws_sdk_cloudwatch::Client;
use aws_sdk_cloudwatch::primitives::DateTime;
use aws_smithy_cbor::Encoder;
use aws_smithy_runtime_api::client::http::SharedHttpClient;

use crate::connector::{Reply, sdk_config};

/// A client of CloudWatch, without the SDK's own retries.
pub fn cloudwatch_client(http_client: SharedHttpClient) -> Client {
    Client::new(&sdk_config(http_client))
}

/// What DescribeAlarms says of an alarm that has been in a state since a moment, in milliseconds. `threshold` is in bytes.
pub fn alarm(state: &str, since: i64, threshold: u64, period_seconds: u32) -> Reply {
    let mut body = Encoder::new(Vec::new());
    body.map(1).str("MetricAlarms").array(1).map(4);
    body.str("StateValue").str(state);
    body.str("StateTransitionedTimestamp").timestamp(&DateTime::from_millis(since));
    body.str("Threshold").double(threshold as f64);
    body.str("Period").long(period_seconds.into());
    reply(body)
}

/// What GetMetricStatistics says of how old a queue's oldest message was from minute to minute, in milliseconds.
pub fn ages(ages: &[i64]) -> Reply {
    let mut body = Encoder::new(Vec::new());
    body.map(1).str("Datapoints").array(ages.len());
    for age in ages {
        body.map(1).str("Maximum").double(*age as f64 / 1000.0);
    }
    reply(body)
}

fn reply(body: Encoder) -> Reply {
    Reply { status: 200, headers: vec![("smithy-protocol", "rpc-v2-cbor".to_owned())], body: body.into_writer() }
}
