//! Values of a type, made from what it accepts, to see whether it writes what its schema says.

use std::collections::HashMap;

use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use super::model::{Alternative, Document, Int, List, Object, Rest, Text};
use super::trace::TEXTS;
use crate::codec::Codec;
use crate::options::Format;
use crate::record::Record;
use crate::topic::Topic;

/// What a type does with samples, for any type, so that there is one of what looks at it.
pub(super) struct Handling {
    write: Box<Write>,
    /// Whether bytes are read, and written as the same.
    reads_back: Box<ReadsBack>,
}

/// What is written of a sample, if it is taken; `None` where it cannot be written.
type Write = dyn Fn(Value) -> serde_json::Result<Option<Vec<u8>>>;

type ReadsBack = dyn Fn(&[u8]) -> bool;

impl Handling {
    pub(super) fn of<T: Topic + DeserializeOwned>() -> Self {
        let encode = |value: &T| {
            let mut bytes = Vec::new();
            <T::Codec as Codec<T>>::encode(value, &mut bytes).is_ok().then_some(bytes)
        };
        Self::by(encode, |bytes| <T::Codec as Codec<T>>::decode(bytes).ok())
    }

    /// By what writes a value, where it can be written, and what reads one.
    pub(super) fn by<T: DeserializeOwned>(
        encode: impl Fn(&T) -> Option<Vec<u8>> + Copy + 'static,
        decode: impl Fn(&[u8]) -> Option<T> + 'static,
    ) -> Self {
        Self {
            write: Box::new(move |sample| Ok(encode(&serde_json::from_value(sample)?))),
            reads_back: Box::new(move |bytes| {
                let again = decode(bytes).and_then(|value| encode(&value));
                again.is_some_and(|again| again == bytes)
            }),
        }
    }
}

/// Something that values have and their schema does not say, if there is any: `#[serde(tag)]` on a
/// struct, or what is described by hand. A type that takes no sample has none that is found.
pub(super) fn fault(
    format: Format,
    handling: &Handling,
    written: &Value,
    accepted: &Value,
) -> Option<String> {
    for text in TEXTS.iter().copied() {
        let mut samples = Samples { document: Document(accepted), text, known: HashMap::new() };
        let mut refused = false;
        for sample in samples.of(accepted) {
            let bytes = match (handling.write)(sample) {
                Ok(Some(bytes)) => bytes,
                Ok(None) => continue,
                Err(_) => {
                    refused = true;
                    continue;
                }
            };
            if format.is_positional() {
                if !(handling.reads_back)(&bytes) {
                    return Some("the type is written otherwise than it is read".to_owned());
                }
            } else if let Ok(shown) = Record::new(bytes).with_format(format).to_json() {
                if let Some(path) = unlisted(Document(written), written, &shown, "") {
                    return Some(format!(
                        "its values have `{path}` and its schema does not (as with \
                         `#[serde(tag)]` on a struct, for which an enum of one variant does)"
                    ));
                }
            }
        }
        if !refused {
            break;
        }
    }
    None
}

/// The path of a property that no alternative lists.
fn unlisted(document: Document<'_>, schema: &Value, value: &Value, path: &str) -> Option<String> {
    let alternatives = document.alternatives(schema).ok()?;
    let mut deepest: Option<String> = None;
    for alternative in &alternatives {
        let found = match (alternative, value) {
            (Alternative::Object(object), Value::Object(members)) => {
                members.iter().find_map(|(name, value)| {
                    let path = format!("{path}.{name}");
                    match (object.properties.get(name), &object.rest) {
                        (Some(schema), _) | (None, Rest::Entries(_, schema)) => {
                            unlisted(document, schema, value, &path)
                        }
                        (None, Rest::Ignored | Rest::Refused) => Some(path),
                    }
                })
            }
            (Alternative::List(list), Value::Array(values)) => {
                values.iter().enumerate().find_map(|(index, value)| {
                    let schema = list.first.get(index).unwrap_or(&list.rest);
                    unlisted(document, schema, value, &format!("{path}[{index}]"))
                })
            }
            (Alternative::Any, _) => None,
            // Of another kind; without names there is nothing to find.
            (_, Value::Object(_) | Value::Array(_)) => continue,
            _ => None,
        };
        match found {
            None => return None,
            Some(path) if deepest.as_ref().is_none_or(|known| known.len() < path.len()) => {
                deepest = Some(path);
            }
            Some(_) => {}
        }
    }
    deepest
}

struct Samples<'d> {
    document: Document<'d>,
    /// The text where any may be.
    text: &'static str,
    /// One sample of each schema that was looked at; none while that is done.
    known: HashMap<String, Option<Value>>,
}

impl Samples<'_> {
    /// Samples with each alternative in one of them.
    fn of(&mut self, schema: &Value) -> Vec<Value> {
        let name = schema.to_string();
        if let Some(known) = self.known.get(&name) {
            return known.iter().cloned().collect();
        }
        self.known.insert(name.clone(), None);
        let alternatives = self.document.alternatives(schema).unwrap_or_default();
        let all: Vec<Value> = alternatives.iter().flat_map(|one| self.kind(one)).collect();
        self.known.insert(name, all.first().cloned());
        all
    }

    fn kind(&mut self, alternative: &Alternative) -> Vec<Value> {
        match alternative {
            Alternative::Any | Alternative::Null => vec![Value::Null],
            Alternative::Bool(one) => vec![one.unwrap_or(false).into()],
            Alternative::Int(int) => number(int).into_iter().collect(),
            Alternative::Float(float) => vec![float.min.unwrap_or(1.0).into()],
            Alternative::Text(text) => vec![self.text(text).into()],
            Alternative::List(list) => self.list(list),
            Alternative::Object(object) => self.object(object),
        }
    }

    fn text<'t>(&self, text: &'t Text) -> &'t str {
        match &text.only {
            Some(only) => only.first().map_or("", String::as_str),
            None if text.max == Some(1) => "a",
            None => self.text,
        }
    }

    fn list(&mut self, list: &List) -> Vec<Value> {
        let mut parts: Vec<Vec<Value>> = list.first.iter().map(|part| self.of(part)).collect();
        let length = usize::try_from(list.min.max(1)).unwrap_or(usize::MAX).min(1024);
        if parts.len() < length && list.max != Some(parts.len() as u64) {
            let rest = self.of(&list.rest);
            if !rest.is_empty() || list.min > 0 {
                parts.resize(length, rest);
            }
        }
        together(&parts).into_iter().map(Value::Array).collect()
    }

    fn object(&mut self, object: &Object) -> Vec<Value> {
        let mut names = Vec::new();
        let mut parts = Vec::new();
        for (name, schema) in &object.properties {
            let samples = self.of(schema);
            if !samples.is_empty() || object.required.contains(name) {
                names.push(name.as_str());
                parts.push(samples);
            }
        }
        if let Rest::Entries(keys, schema) = &object.rest {
            let samples = self.of(schema);
            if !samples.is_empty() {
                names.push(if keys.is_some() { "1" } else { "a" });
                parts.push(samples);
            }
        }
        let object = |values: Vec<Value>| {
            let named = names.iter().map(|name| (*name).to_owned()).zip(values);
            Value::Object(named.collect::<Map<_, _>>())
        };
        together(&parts).into_iter().map(object).collect()
    }
}

/// As many as the longest of these has, each with one of every part; none where a part has none.
fn together(parts: &[Vec<Value>]) -> Vec<Vec<Value>> {
    let most = parts.iter().map(Vec::len).max().unwrap_or(1);
    let nth = |n: usize| parts.iter().map(|part| part.get(n).or(part.last()).cloned()).collect();
    (0..most).filter_map(nth).collect()
}

/// A small number that is allowed.
fn number(int: &Int) -> Option<Value> {
    let near = 1.clamp(int.min, int.max);
    let fits = |number: &i128| int.hole != Some(*number) && *number <= int.max;
    let number = [near, near + 1].into_iter().find(fits)?;
    i64::try_from(number).ok().map(Value::from)
}
