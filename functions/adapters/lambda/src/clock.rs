//! The time, as precise as the services that hear of it.

use jiff::{Timestamp, Unit};

/// Now, in whole milliseconds: what S3, CloudWatch and Step Functions count in.
pub fn now() -> Timestamp {
    let now = Timestamp::now();
    now.round(Unit::Millisecond).unwrap_or(now)
}
