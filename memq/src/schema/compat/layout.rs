//! What a type looks like to a format without names: kinds and their order. Nothing is traced or
//! compared here.

use std::fmt;

use serde_json::{Map, Value, json};

/// One place in the bytes, or a run of them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Layout {
    /// `u8`, `str`, `unit` and the like, as serde calls them.
    Plain(&'static str),
    Option(Box<Layout>),
    List(Box<Layout>),
    Map(Box<Layout>, Box<Layout>),
    Tuple(Vec<Layout>),
    Struct(Vec<Named>),
    Enum(Vec<Named>),
    /// What is this many levels further out, again; 0 is what this is directly part of.
    Again(usize),
}

/// A field or a variant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Named {
    pub(super) name: String,
    pub(super) aliases: Vec<String>,
    pub(super) layout: Layout,
}

/// Every kind without parts, so that a lock file with another one is not read.
pub(super) const PLAIN: &[&str] = &[
    "unit", "bool", "i8", "i16", "i32", "i64", "i128", "u8", "u16", "u32", "u64", "u128", "f32",
    "f64", "char", "str", "bytes",
];

impl Layout {
    /// Whether there is a map in it.
    pub(super) fn has_map(&self) -> bool {
        match self {
            Self::Map(..) => true,
            Self::Plain(_) | Self::Again(_) => false,
            Self::Option(inner) | Self::List(inner) => inner.has_map(),
            Self::Tuple(parts) => parts.iter().any(Self::has_map),
            Self::Struct(all) | Self::Enum(all) => all.iter().any(|named| named.layout.has_map()),
        }
    }

    /// The same with fields and variants by their names, where their order says nothing.
    pub(super) fn sorted(mut self) -> Self {
        self.sort();
        self
    }

    fn sort(&mut self) {
        match self {
            Self::Plain(_) | Self::Again(_) => {}
            Self::Option(inner) | Self::List(inner) => inner.sort(),
            Self::Map(key, value) => {
                key.sort();
                value.sort();
            }
            Self::Tuple(parts) => parts.iter_mut().for_each(Self::sort),
            Self::Struct(all) | Self::Enum(all) => {
                all.iter_mut().for_each(|named| named.layout.sort());
                all.sort_by(|one, other| one.name.cmp(&other.name));
            }
        }
    }

    /// As it is written into a lock file.
    pub(super) fn to_json(&self) -> Value {
        match self {
            Self::Plain(kind) => json!(kind),
            Self::Option(inner) => json!({ "option": inner.to_json() }),
            Self::List(inner) => json!({ "list": inner.to_json() }),
            Self::Map(key, value) => json!({ "map": [key.to_json(), value.to_json()] }),
            Self::Tuple(parts) => {
                json!({ "tuple": parts.iter().map(Self::to_json).collect::<Vec<_>>() })
            }
            Self::Struct(fields) => json!({ "struct": Named::list(fields) }),
            Self::Enum(variants) => json!({ "enum": Named::list(variants) }),
            Self::Again(levels) => json!({ "again": levels }),
        }
    }

    /// Reads what [`to_json`](Self::to_json) writes; `None` for anything else.
    pub(super) fn from_json(value: &Value) -> Option<Self> {
        if let Some(kind) = value.as_str() {
            return PLAIN.iter().find(|plain| **plain == kind).map(|plain| Self::Plain(plain));
        }
        let (word, inner) = sole(value.as_object()?)?;
        Some(match word {
            "option" => Self::Option(Box::new(Self::from_json(inner)?)),
            "list" => Self::List(Box::new(Self::from_json(inner)?)),
            "map" => match inner.as_array()?.as_slice() {
                [key, value] => {
                    Self::Map(Box::new(Self::from_json(key)?), Box::new(Self::from_json(value)?))
                }
                _ => return None,
            },
            "tuple" => {
                Self::Tuple(inner.as_array()?.iter().map(Self::from_json).collect::<Option<_>>()?)
            }
            "struct" => Self::Struct(Named::read(inner)?),
            "enum" => Self::Enum(Named::read(inner)?),
            "again" => Self::Again(usize::try_from(inner.as_u64()?).ok()?),
            _ => return None,
        })
    }
}

/// The one entry of an object that has no other.
fn sole(object: &Map<String, Value>) -> Option<(&str, &Value)> {
    let mut entries = object.iter();
    let (word, inner) = entries.next()?;
    entries.next().is_none().then_some((word.as_str(), inner))
}

impl Named {
    fn list(all: &[Self]) -> Vec<Value> {
        let one = |named: &Self| {
            let mut entry = json!({ "name": named.name, "type": named.layout.to_json() });
            if !named.aliases.is_empty() {
                entry["aliases"] = json!(named.aliases);
            }
            entry
        };
        all.iter().map(one).collect()
    }

    fn read(list: &Value) -> Option<Vec<Self>> {
        let one = |entry: &Value| {
            let aliases = match entry.get("aliases") {
                None => Vec::new(),
                Some(list) => {
                    let text = |alias: &Value| alias.as_str().map(str::to_owned);
                    list.as_array()?.iter().map(text).collect::<Option<_>>()?
                }
            };
            Some(Self {
                name: entry.get("name")?.as_str()?.to_owned(),
                aliases,
                layout: Layout::from_json(entry.get("type")?)?,
            })
        };
        list.as_array()?.iter().map(one).collect()
    }

    /// Whether this is another one under the name that one has or had.
    pub(super) fn is(&self, other: &Self) -> bool {
        self.name == other.name
            || self.aliases.contains(&other.name)
            || other.aliases.contains(&self.name)
    }
}

/// In a few words, for messages.
impl fmt::Display for Layout {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Plain("unit") => f.write_str("nothing"),
            Self::Plain(kind) => write!(f, "`{kind}`"),
            Self::Option(inner) => write!(f, "an option of {inner}"),
            Self::List(inner) => write!(f, "a list of {inner}"),
            Self::Map(..) => f.write_str("a map"),
            Self::Tuple(parts) => write!(f, "a tuple of {}", parts.len()),
            Self::Struct(fields) => write!(f, "a struct of {} fields", fields.len()),
            Self::Enum(variants) => write!(f, "an enum of {} variants", variants.len()),
            Self::Again(_) => f.write_str("what it is part of"),
        }
    }
}
