//! The key of an S3 object.

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The key of an S3 object: any UTF-8 of 1 to 1,024 bytes, decoded (never URL-encoded).
///
/// The schema can only count characters, so a name of many-byte characters may pass it and still be too long here.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(try_from = "String", into = "String")]
#[schemars(!try_from)]
pub struct ObjectName(#[schemars(length(min = 1, max = 1024))] String);

/// Why a text can't be the key of an S3 object.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("an object name must have 1 to 1024 bytes of UTF-8, this one has {0}")]
pub struct ObjectNameError(usize);

impl ObjectName {
    /// Takes `name` if S3 would.
    pub fn new(name: impl Into<String>) -> Result<Self, ObjectNameError> {
        let name = name.into();
        match name.len() {
            1..=1024 => Ok(Self(name)),
            length => Err(ObjectNameError(length)),
        }
    }

    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for ObjectName {
    type Error = ObjectNameError;

    fn try_from(name: String) -> Result<Self, Self::Error> {
        Self::new(name)
    }
}

impl From<ObjectName> for String {
    fn from(name: ObjectName) -> Self {
        name.0
    }
}

impl fmt::Display for ObjectName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(name: &str, expect: Result<(), ObjectNameError>) {
        assert_eq!(ObjectName::new(name).map(drop), expect);
    }

    #[test]
    fn length_is_counted_in_bytes() {
        check("a", Ok(()));
        check(&"é".repeat(512), Ok(()));
        check("", Err(ObjectNameError(0)));
        check(&"é".repeat(513), Err(ObjectNameError(1026)));
    }
}
