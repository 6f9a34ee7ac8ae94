//! What starts a run.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::ObjectName;
use crate::bounded_list::BoundedList;
use crate::json_object::read_from_object_alone;

/// The input of an execution: the scenario to drive through the live system. `{}` is the default scenario.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, remote = "Self", expecting = "an object")]
#[schemars(!remote)]
pub struct RunInput {
    /// What to upload and what to expect of it, in order. The names of all uploads together may take 40,000 bytes, each as
    /// JSON has it.
    #[serde(default = "default_cycles")]
    pub cycles: BoundedList<Cycle, 10>,
    /// How long each wait of the run may last, in seconds. All waits of the run end 58 minutes after it began.
    #[serde(default)]
    pub deadline_seconds: DeadlineSeconds,
}

/// One round of the scenario: uploads, the deletion they provoke, and the alarm's return to OK.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, remote = "Self", expecting = "an object")]
#[schemars(!remote)]
pub struct Cycle {
    /// The objects to upload, in order.
    pub upload: BoundedList<Upload, 20>,
    /// What should follow. Left out, it is what the cleaner's rule says: the largest objects go first, until the total is below the threshold.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expect: Option<Expectation>,
}

/// An object to upload. Its content is filler.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, remote = "Self", expecting = "an object")]
#[schemars(!remote)]
pub struct Upload {
    /// The object's key.
    pub object_name: ObjectName,
    /// The object's size, in bytes.
    pub size_bytes: UploadSize,
}

/// What a cycle ends with.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, remote = "Self", expecting = "an object")]
#[schemars(!remote)]
pub struct Expectation {
    /// The objects that the cleaner deletes. May be empty. The ledger may record them in any order.
    pub deleted: Vec<ObjectName>,
    /// The total that the bucket settles at, in bytes.
    pub total_size: u64,
}

/// The size of an object that a run uploads, in bytes: at most 16 MiB, which a small function can hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(try_from = "u64", into = "u64")]
#[schemars(!try_from)]
pub struct UploadSize(#[schemars(range(max = 16_777_216))] u64);

/// How long one wait may last, in seconds: 1 to 1,800.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(try_from = "u64", into = "u64")]
#[schemars(!try_from)]
pub struct DeadlineSeconds(#[schemars(range(min = 1, max = 1800))] u64);

/// A number outside the bounds of its field.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{value} is out of range: it must be {least} to {most} {unit}")]
pub struct OutOfRangeError {
    value: u64,
    least: u64,
    most: u64,
    unit: &'static str,
}

read_from_object_alone!(RunInput, Cycle, Upload, Expectation);

impl RunInput {
    /// The default scenario's timeline is 0, 18, 46, 18, 20, 2 with a threshold of 20 bytes.
    pub fn default_scenario() -> Self {
        Self { cycles: default_cycles(), deadline_seconds: DeadlineSeconds::default() }
    }
}

impl UploadSize {
    const MOST: u64 = 16 * 1024 * 1024;

    /// The size in bytes.
    pub fn bytes(self) -> u64 {
        self.0
    }
}

impl TryFrom<u64> for UploadSize {
    type Error = OutOfRangeError;

    fn try_from(value: u64) -> Result<Self, OutOfRangeError> {
        within(value, 0, Self::MOST, "bytes").map(Self)
    }
}

impl From<UploadSize> for u64 {
    fn from(size: UploadSize) -> u64 {
        size.0
    }
}

impl DeadlineSeconds {
    /// The number of seconds.
    pub fn seconds(self) -> u64 {
        self.0
    }
}

impl Default for DeadlineSeconds {
    /// 15 minutes: sparse metrics may take minutes to reach an alarm on AWS.
    fn default() -> Self {
        Self(900)
    }
}

impl TryFrom<u64> for DeadlineSeconds {
    type Error = OutOfRangeError;

    fn try_from(value: u64) -> Result<Self, OutOfRangeError> {
        within(value, 1, 1800, "seconds").map(Self)
    }
}

impl From<DeadlineSeconds> for u64 {
    fn from(deadline: DeadlineSeconds) -> u64 {
        deadline.0
    }
}

fn within(value: u64, least: u64, most: u64, unit: &'static str) -> Result<u64, OutOfRangeError> {
    if (least..=most).contains(&value) { Ok(value) } else { Err(OutOfRangeError { value, least, most, unit }) }
}

fn default_cycles() -> BoundedList<Cycle, 10> {
    let name = |name: &str| ObjectName::new(name).expect("the default scenario's names are short");
    let upload = |object, bytes| Upload { object_name: name(object), size_bytes: UploadSize(bytes) };
    let cycle = |upload, deleted, total_size| Cycle {
        upload: BoundedList::new(upload).expect("the default scenario uploads something in each cycle"),
        expect: Some(Expectation { deleted: vec![name(deleted)], total_size }),
    };
    BoundedList::new(vec![
        cycle(vec![upload("assignment1.txt", 18), upload("assignment2.txt", 28)], "assignment2.txt", 18),
        cycle(vec![upload("assignment3.txt", 2)], "assignment1.txt", 2),
    ])
    .expect("the default scenario has two cycles")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_empty_object_means_the_default_scenario() {
        let input: RunInput = serde_json::from_str("{}").unwrap();
        assert_eq!(input, RunInput::default_scenario());
        assert_eq!(
            serde_json::json!(input),
            serde_json::json!({
                "cycles": [
                    {
                        "upload": [
                            { "object_name": "assignment1.txt", "size_bytes": 18 },
                            { "object_name": "assignment2.txt", "size_bytes": 28 },
                        ],
                        "expect": { "deleted": ["assignment2.txt"], "total_size": 18 },
                    },
                    {
                        "upload": [{ "object_name": "assignment3.txt", "size_bytes": 2 }],
                        "expect": { "deleted": ["assignment1.txt"], "total_size": 2 },
                    },
                ],
                "deadline_seconds": 900,
            })
        );
    }

    #[test]
    fn bounds_are_named_in_the_error() {
        assert_eq!(
            DeadlineSeconds::try_from(1801).unwrap_err().to_string(),
            "1801 is out of range: it must be 1 to 1800 seconds"
        );
        assert_eq!(
            UploadSize::try_from(16_777_217).unwrap_err().to_string(),
            "16777217 is out of range: it must be 0 to 16777216 bytes"
        );
    }
}
