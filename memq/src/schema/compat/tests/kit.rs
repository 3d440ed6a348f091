//! Types under any format, and what really happens to their bytes.

use std::borrow::Cow;
use std::fmt::Debug;
use std::marker::PhantomData;

use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::Value;

use crate::codec::Codec;
use crate::schema::Aliases;
use crate::schema::compat::judge::judge;
use crate::schema::compat::lock::Lock;
use crate::schema::compat::{Break, Direction, Mode, Subject, Verdict};
use crate::topic::{Topic, TopicSpec};

/// A type of the table.
pub(super) trait Case:
    Serialize + DeserializeOwned + JsonSchema + Debug + Send + Sync + 'static
{
    const ALIASES: &[[&str; 3]];
}

/// A type as a topic in a format.
#[derive(Debug)]
pub(super) struct Of<T, F>(pub(super) T, PhantomData<F>);

impl<T, F> Of<T, F> {
    pub(super) fn new(value: T) -> Self {
        Self(value, PhantomData)
    }
}

impl<T: Serialize, F> Serialize for Of<T, F> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.0.serialize(serializer)
    }
}

impl<'de, T: Deserialize<'de>, F> Deserialize<'de> for Of<T, F> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        T::deserialize(deserializer).map(Self::new)
    }
}

impl<T: JsonSchema, F> JsonSchema for Of<T, F> {
    fn schema_name() -> Cow<'static, str> {
        T::schema_name()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        T::json_schema(generator)
    }
}

impl<T: Case, F: Codec<Self>> Topic for Of<T, F> {
    type Codec = F;
    const SPEC: TopicSpec = TopicSpec::new("table");

    fn aliases(aliases: &mut Aliases) {
        for [container, name, alias] in T::ALIASES {
            aliases.add(container, name, alias);
        }
    }
}

/// What is said of a change, one way.
pub(super) fn verdict<Old: Case, New: Case, F>(direction: Direction) -> Vec<Break>
where
    F: Codec<Of<Old, F>> + Codec<Of<New, F>>,
{
    let mut lock = Lock::new("table");
    lock.add(1, Subject::of::<Of<Old, F>>().unwrap().contract);
    let mode = match direction {
        Direction::Backward => Mode::Backward,
        Direction::Forward => Mode::Forward,
    };
    let report = judge(&Subject::of::<Of<New, F>>().unwrap(), &lock, mode);
    match report.checks.into_iter().next().map(|check| check.verdict) {
        Some(Verdict::Broken(breaks)) => breaks,
        _ => Vec::new(),
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

/// Writes values as one type, and reads them as another; with the names of variants where those count.
pub(super) fn truth<W: Case, R: Case, F>(
    values: Vec<W>,
    renames: &[[&str; 3]],
    named: bool,
) -> Truth
where
    F: Codec<Of<W, F>> + Codec<Of<R, F>>,
{
    let mut broken = None;
    for value in values {
        let before = serde_json::to_value(&value).unwrap();
        let names = names(&value);
        let value: Of<W, F> = Of::new(value);
        let mut bytes = Vec::new();
        if <F as Codec<Of<W, F>>>::encode(&value, &mut bytes).is_err() {
            return Truth::NotCarried;
        }
        match <F as Codec<Of<W, F>>>::decode(&bytes) {
            Ok(own) if agree(&before, &json(&own.0), &[]) => {}
            _ => return Truth::NotCarried,
        }
        match <F as Codec<Of<R, F>>>::decode(&bytes) {
            Ok(read)
                if agree(&before, &json(&read.0), renames)
                    && (!named || names == self::names(&read.0)) => {}
            Ok(read) => broken = Some(format!("{before} is read as {:?}", read.0)),
            Err(error) => broken = Some(format!("{before} is refused: {error}")),
        }
    }
    broken.map_or(Truth::Read, Truth::Broken)
}

fn json<T: Serialize>(value: &T) -> Value {
    serde_json::to_value(value).unwrap()
}

/// The names of types and variants in a value, which its JSON may lack; a field that is not there is
/// `None`.
fn names<T: Debug>(value: &T) -> Vec<String> {
    let text = format!("{value:?}");
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
