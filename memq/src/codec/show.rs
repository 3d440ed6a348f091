//! Any record as JSON, for tools that do not have its type.

use std::fmt;

use serde::de::{Deserialize, Deserializer, Error, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Number, Value};

use crate::error::DecodeError;
use crate::options::Format;
use crate::record::Record;

impl Record {
    /// The message as JSON, where its format describes itself: [`Format::Json`], and
    /// [`Format::MessagePack`]. Of others [`Broker::to_json`](crate::Broker::to_json) asks the type of
    /// the topic.
    ///
    /// What JSON has no word for is shown by what is next to it: bytes as a list of numbers, numbers that
    /// are not finite as `null`, keys that are numbers or `bool`s as text, whole numbers of more than 64 bits in
    /// JSON as the nearest number that an `f64` has.
    ///
    /// ```
    /// use memq::{Format, Record};
    ///
    /// let record = Record::new(&b"\x81\xa4item\xa3tea"[..]).with_format(Format::MessagePack);
    /// assert_eq!(record.to_json()?.to_string(), r#"{"item":"tea"}"#);
    /// # Ok::<(), memq::DecodeError>(())
    /// ```
    ///
    /// # Errors
    ///
    /// [`DecodeError::Unavailable`] for formats whose fields have only positions,
    /// [`DecodeError::Malformed`] also where a map has keys that are no text, number or `bool`, and
    /// those of [`decode`](Self::decode).
    pub fn to_json(&self) -> Result<Value, DecodeError> {
        match self.format() {
            format @ (Format::Postcard | Format::Bincode) => Err(DecodeError::Unavailable {
                what: format!("JSON of {format}, in which fields have no names,"),
                remedy: "`Broker::to_json` reads it through the type of its topic".into(),
            }),
            _ => Ok(self.decode::<Shown>()?.0),
        }
    }
}

/// A value of any shape. [`Value`] itself takes neither bytes nor keys that are no text.
struct Shown(Value);

impl<'de> Deserialize<'de> for Shown {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Any).map(Self)
    }
}

struct Any;

/// Numbers, by what serde calls them.
macro_rules! numbers {
    ($($visit:ident: $number:ty),*) => {
        $(fn $visit<E: Error>(self, number: $number) -> Result<Value, E> {
            Ok(number.into())
        })*
    };
}

impl<'de> Visitor<'de> for Any {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value")
    }

    numbers!(visit_bool: bool, visit_i64: i64, visit_u64: u64, visit_f64: f64);

    fn visit_i128<E: Error>(self, number: i128) -> Result<Value, E> {
        Number::from_i128(number).map(Value::Number).ok_or_else(|| E::custom("more than 64 bits"))
    }

    fn visit_u128<E: Error>(self, number: u128) -> Result<Value, E> {
        Number::from_u128(number).map(Value::Number).ok_or_else(|| E::custom("more than 64 bits"))
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Value, E> {
        Ok(text.into())
    }

    fn visit_string<E: Error>(self, text: String) -> Result<Value, E> {
        Ok(text.into())
    }

    fn visit_bytes<E: Error>(self, bytes: &[u8]) -> Result<Value, E> {
        Ok(bytes.into())
    }

    fn visit_unit<E: Error>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_none<E: Error>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        deserializer.deserialize_any(self)
    }

    fn visit_newtype_struct<D: Deserializer<'de>>(self, inner: D) -> Result<Value, D::Error> {
        inner.deserialize_any(self)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Value, A::Error> {
        // As long as it is, and not as long as it says.
        let mut values = Vec::new();
        while let Some(Shown(value)) = list.next_element()? {
            values.push(value);
        }
        Ok(Value::Array(values))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Value, A::Error> {
        let mut members = Map::new();
        while let Some((Shown(key), Shown(value))) = map.next_entry()? {
            let key = match key {
                Value::String(text) => text,
                Value::Number(number) => number.to_string(),
                Value::Bool(is) => is.to_string(),
                _ => return Err(A::Error::custom("a key that is no text, number or bool")),
            };
            if members.insert(key, value).is_some() {
                return Err(A::Error::custom("two keys that are the same text"));
            }
        }
        Ok(Value::Object(members))
    }
}

#[cfg(test)]
#[cfg(feature = "messagepack")]
mod tests {
    use std::collections::BTreeMap;

    use serde_json::json;

    use super::*;
    use crate::codec::{Codec, MessagePack};

    fn shown<T: serde::Serialize + serde::de::DeserializeOwned>(
        value: &T,
    ) -> Result<Value, DecodeError>
    where
        MessagePack: Codec<T>,
    {
        let mut bytes = Vec::new();
        MessagePack::encode(value, &mut bytes).unwrap();
        Record::new(bytes).with_format(Format::MessagePack).to_json()
    }

    #[test]
    fn what_json_has_no_word_for_is_shown_by_what_is_next_to_it() {
        let numbers = BTreeMap::from([(-1, "a"), (7, "b")]).into_iter();
        let numbers: BTreeMap<i32, String> = numbers.map(|(k, v)| (k, v.to_owned())).collect();
        assert_eq!(shown(&numbers).unwrap(), json!({ "-1": "a", "7": "b" }));
        assert_eq!(shown(&(f64::NAN, 1.5, u64::MAX)).unwrap(), json!([null, 1.5, u64::MAX]));
        let bytes = Record::new(&b"\xc4\x02\x01\xff"[..]).with_format(Format::MessagePack);
        assert_eq!(bytes.to_json().unwrap(), json!([1, 255]));
    }

    #[test]
    fn what_cannot_be_a_key_is_an_error() {
        // A list as a key; the text "1" beside the number 1.
        for bytes in [&b"\x81\x90\x01"[..], b"\x82\xa11\x01\x01\x02"] {
            let record = Record::new(bytes).with_format(Format::MessagePack);
            assert!(matches!(record.to_json(), Err(DecodeError::Malformed { .. })));
        }
    }

    #[test]
    fn a_record_without_a_format_is_never_guessed() {
        assert!(matches!(Record::new("{}").to_json(), Err(DecodeError::Unknown)));
        let record = Record::new("{}").with_format(Format::Postcard);
        let Err(DecodeError::Unavailable { remedy, .. }) = record.to_json() else { panic!() };
        assert!(remedy.contains("Broker::to_json"));
    }
}
