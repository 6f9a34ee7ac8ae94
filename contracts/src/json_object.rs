//! Types that are read from an object alone. What serde derives reads a list of the fields' values too, so that `[]`
//! would be the default scenario.

use serde::Deserializer;
use serde::de::Visitor;

/// Implements serde's traits for types that derive them with `#[serde(remote = "Self")]`.
macro_rules! read_from_object_alone {
    ($($type:ty),+) => {$(
        impl<'de> serde::Deserialize<'de> for $type {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                <$type>::deserialize($crate::json_object::ObjectAlone(deserializer))
            }
        }

        impl serde::Serialize for $type {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                <$type>::serialize(self, serializer)
            }
        }
    )+};
}

pub(crate) use read_from_object_alone;

/// Reads a struct as what it is in JSON.
pub struct ObjectAlone<D>(pub D);

impl<'de, D: Deserializer<'de>> Deserializer<'de> for ObjectAlone<D> {
    type Error = D::Error;

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _name: &'static str,
        _fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, D::Error> {
        self.0.deserialize_map(visitor)
    }

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, D::Error> {
        self.0.deserialize_any(visitor)
    }

    serde::forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf option unit unit_struct
        newtype_struct seq tuple tuple_struct map enum identifier ignored_any
    }
}
