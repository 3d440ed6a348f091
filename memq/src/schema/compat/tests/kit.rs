//! Types in any format, and what really happens to their bytes.

use std::borrow::Cow;
use std::fmt::Debug;

use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::Value;

use crate::codec::{Bincode, Codec, Json, MessagePack, Postcard};
use crate::error::DecodeError;
use crate::options::Format;
use crate::schema::Aliases;
use crate::schema::compat::contract::{Contract, Traits, schemas};
use crate::schema::compat::judge::judge;
use crate::schema::compat::lock::Lock;
use crate::schema::compat::samples::Handling;
use crate::schema::compat::{Break, Direction, Mode, Subject, Verdict, trace};

/// A type of the table.
pub(super) trait Case:
    Serialize + DeserializeOwned + JsonSchema + Debug + Send + Sync + 'static
{
    const ALIASES: &[[&str; 3]];
}

/// A type in a format, and values of it.
pub(super) struct Side {
    format: Format,
    subject: Subject,
    values: Vec<Written>,
    read: fn(Format, &[u8]) -> Result<Seen, String>,
}

/// What is seen of a value.
struct Seen {
    json: Value,
    names: Vec<String>,
    text: String,
}

struct Written {
    seen: Seen,
    /// `None` where the format does not carry it.
    bytes: Option<Vec<u8>>,
}

impl Seen {
    fn of<T: Case>(value: &T) -> Self {
        let text = format!("{value:?}");
        Self { json: serde_json::to_value(value).unwrap(), names: names(&text), text }
    }
}

/// What a value is in a format, if that carries it.
fn encode<T: Case>(format: Format, value: &T) -> Option<Vec<u8>> {
    let mut bytes = Vec::new();
    let written = match format {
        Format::MessagePack => MessagePack::encode(value, &mut bytes),
        Format::Postcard => Postcard::encode(value, &mut bytes),
        Format::Bincode => Bincode::encode(value, &mut bytes),
        Format::Json => Json::encode(value, &mut bytes),
        other => panic!("{other}"),
    };
    written.is_ok().then_some(bytes)
}

fn decode<T: Case>(format: Format, bytes: &[u8]) -> Result<T, DecodeError> {
    match format {
        Format::MessagePack => MessagePack::decode(bytes),
        Format::Postcard => Postcard::decode(bytes),
        Format::Bincode => Bincode::decode(bytes),
        Format::Json => Json::decode(bytes),
        other => panic!("{other}"),
    }
}

impl Side {
    /// One of JSON, MessagePack, Postcard and Bincode.
    pub(super) fn new<T: Case>(format: Format, values: &[T]) -> Self {
        let mut aliases = Aliases::new();
        for [container, name, alias] in T::ALIASES {
            aliases.add(container, name, alias);
        }
        let handling = Handling::by(
            move |value: &T| encode(format, value),
            move |bytes| decode(format, bytes).ok(),
        );
        let ((written, accepted), layout) = (schemas::<T>(), trace::layout::<T>);
        let shape = None;
        let traits = Traits { format, shape, aliases, written, accepted, layout, handling };
        let contract = Contract::by(traits);
        let write = |value| Written { seen: Seen::of(value), bytes: encode(format, value) };
        Self {
            format,
            subject: Subject { version: 1, lineage: Vec::new(), contract },
            values: values.iter().map(write).collect(),
            read: |format, bytes| match decode::<T>(format, bytes) {
                Ok(value) => Ok(Seen::of(&value)),
                Err(error) => Err(error.to_string()),
            },
        }
    }

    /// What is said of a change from this type to that, one way.
    pub(super) fn verdict(&self, new: &Self, direction: Direction) -> Vec<Break> {
        let mut lock = Lock::new("table");
        lock.add(1, self.subject.contract.clone());
        let mode = match direction {
            Direction::Backward => Mode::Backward,
            Direction::Forward => Mode::Forward,
        };
        let report = judge(&new.subject, &lock, mode);
        match report.checks.into_iter().next().map(|check| check.verdict) {
            Some(Verdict::Broken(breaks)) => breaks,
            _ => Vec::new(),
        }
    }

    /// Reads what was written as this type as another one; with the names of variants where those
    /// count.
    pub(super) fn truth(&self, reader: &Self, renames: &[[&str; 3]], named: bool) -> Truth {
        let mut broken = None;
        for Written { seen, bytes } in &self.values {
            let before = &seen.json;
            let Some(bytes) = bytes else { return Truth::NotCarried };
            match (self.read)(self.format, bytes) {
                Ok(own) if agree(before, &own.json, &[]) => {}
                _ => return Truth::NotCarried,
            }
            match (reader.read)(self.format, bytes) {
                Ok(read)
                    if agree(before, &read.json, renames)
                        && (!named || seen.names == read.names) => {}
                Ok(read) => broken = Some(format!("{before} is read as {}", read.text)),
                Err(error) => broken = Some(format!("{before} is refused: {error}")),
            }
        }
        broken.map_or(Truth::Read, Truth::Broken)
    }
}

/// What happens to bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Truth {
    Read,
    /// With what was written and what came of it.
    Broken(String),
    /// The format does not carry the type that writes.
    NotCarried,
}

/// The names of types and variants in a value as text, which its JSON may lack; a field that is not
/// there is `None`.
fn names(text: &str) -> Vec<String> {
    let words = text.split(|letter: char| !letter.is_alphanumeric());
    let is_name = |word: &&str| word.starts_with(char::is_uppercase) && *word != "None";
    words.filter(is_name).map(str::to_owned).collect()
}

/// Whether what both have is the same. What one of them does not have was left out or added.
fn agree(before: &Value, after: &Value, renames: &[[&str; 3]]) -> bool {
    let known = |name: &str| {
        let rename = renames.iter().find(|[_, _, alias]| *alias == name);
        rename.map_or_else(|| name.to_owned(), |[_, name, _]| (*name).to_owned())
    };
    match (before, after) {
        (Value::Object(before), Value::Object(after)) => {
            // Entries under other numbers were read as others; fields may come and go.
            let numbers = |map: &serde_json::Map<String, Value>| {
                map.keys().all(|key| key.parse::<i128>().is_ok())
            };
            if numbers(before) && numbers(after) && !before.keys().eq(after.keys()) {
                return false;
            }
            let variants = before.len() == 1 && after.len() == 1;
            let mut both = 0;
            for (name, value) in before {
                let same = |(other, _): &(&String, &Value)| known(other) == known(name);
                if let Some((_, other)) = after.iter().find(same) {
                    both += 1;
                    if !agree(value, other, renames) {
                        return false;
                    }
                }
            }
            !variants || both == 1
        }
        (Value::Array(before), Value::Array(after)) => {
            before.len() == after.len()
                && before.iter().zip(after).all(|(one, other)| agree(one, other, renames))
        }
        (Value::String(before), Value::String(after)) => known(before) == known(after),
        (Value::Number(before), Value::Number(after)) => {
            let whole = |number: &serde_json::Number| {
                number.as_i64().map(i128::from).or_else(|| number.as_u64().map(i128::from))
            };
            let float = |number: &serde_json::Number| number.as_f64().unwrap();
            match (whole(before), whole(after)) {
                (Some(before), Some(after)) => before == after,
                (Some(whole), None) => float(after) as i128 == whole,
                (None, Some(whole)) => float(before) as i128 == whole,
                (None, None) => (float(before) - float(after)).abs() <= 1e-6 * float(before).abs(),
            }
        }
        (before, after) => before == after,
    }
}

/// Bytes, written as such where a format can.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Blob(pub(super) Vec<u8>);

impl Serialize for Blob {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_bytes(&self.0)
    }
}

impl<'de> Deserialize<'de> for Blob {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Bytes;
        impl<'de> serde::de::Visitor<'de> for Bytes {
            type Value = Blob;

            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("bytes")
            }

            fn visit_bytes<E: serde::de::Error>(self, bytes: &[u8]) -> Result<Blob, E> {
                Ok(Blob(bytes.to_vec()))
            }

            fn visit_seq<A: serde::de::SeqAccess<'de>>(self, mut seq: A) -> Result<Blob, A::Error> {
                let mut bytes = Vec::new();
                while let Some(byte) = seq.next_element()? {
                    bytes.push(byte);
                }
                Ok(Blob(bytes))
            }
        }
        deserializer.deserialize_byte_buf(Bytes)
    }
}

impl JsonSchema for Blob {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "Blob".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        Vec::<u8>::json_schema(generator)
    }
}
