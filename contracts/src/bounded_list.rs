//! A list with a least and a greatest length.

use std::borrow::Cow;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};

/// A list of 1 to `MOST` items.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Vec<T>", bound(deserialize = "T: Deserialize<'de>"))]
#[serde(into = "Vec<T>", bound(serialize = "T: Clone + Serialize"))]
pub struct BoundedList<T, const MOST: usize>(Vec<T>);

/// A list that is empty or too long.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a list of {length} items is out of range: it must have 1 to {most}")]
pub struct ListLengthError {
    length: usize,
    most: usize,
}

impl<T, const MOST: usize> BoundedList<T, MOST> {
    /// Takes `items` if their number fits.
    pub fn new(items: Vec<T>) -> Result<Self, ListLengthError> {
        match items.len() {
            length if (1..=MOST).contains(&length) => Ok(Self(items)),
            length => Err(ListLengthError { length, most: MOST }),
        }
    }

    /// The items, in order.
    pub fn iter(&self) -> std::slice::Iter<'_, T> {
        self.0.iter()
    }
}

impl<T, const MOST: usize> TryFrom<Vec<T>> for BoundedList<T, MOST> {
    type Error = ListLengthError;

    fn try_from(items: Vec<T>) -> Result<Self, ListLengthError> {
        Self::new(items)
    }
}

impl<T, const MOST: usize> From<BoundedList<T, MOST>> for Vec<T> {
    fn from(list: BoundedList<T, MOST>) -> Self {
        list.0
    }
}

impl<T: JsonSchema, const MOST: usize> JsonSchema for BoundedList<T, MOST> {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        format!("List_of_1_to_{MOST}_{}", T::schema_name()).into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "type": "array",
            "items": generator.subschema_for::<T>(),
            "minItems": 1,
            "maxItems": MOST,
        })
    }
}
