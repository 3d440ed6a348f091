//! What one version of a type writes and accepts, as it stands in a lock file.

use schemars::generate::SchemaSettings;
use schemars::{JsonSchema, Schema};
use serde::de::DeserializeOwned;
use serde_json::{Map, Value, json};

use super::layout::Layout;
use super::model::{ALIASES, is_annotation};
use super::samples::{self, Handling};
use super::trace::{self, Alias, Fault};
use crate::codec::Codec;
use crate::options::Format;
use crate::schema::{Aliases, Fingerprint};
use crate::topic::Topic;

/// What one version of a type writes and accepts.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Contract {
    pub(super) format: Format,
    /// Of formats whose records carry it.
    pub(super) fingerprint: Option<Fingerprint>,
    /// JSON Schema of what is written.
    pub(super) written: Value,
    /// JSON Schema of what is accepted.
    pub(super) accepted: Value,
    /// What is read in which order, or why nothing is known of the type. Where fields have names, the
    /// order is there for maps alone.
    pub(super) layout: Option<Result<Layout, String>>,
}

/// What is known of a type, for any type, so that there is one of what goes on with it.
pub(super) struct Traits {
    pub(super) format: Format,
    pub(super) shape: Option<Fingerprint>,
    pub(super) aliases: Aliases,
    pub(super) written: Schema,
    pub(super) accepted: Schema,
    pub(super) layout: fn(&[Alias]) -> Result<Layout, Fault>,
    pub(super) handling: Handling,
}

/// What a type writes, and what it accepts.
pub(super) fn schemas<T: JsonSchema>() -> (Schema, Schema) {
    let settings = SchemaSettings::draft2020_12;
    let written = settings().for_serialize().into_generator().into_root_schema_for::<T>();
    (written, settings().for_deserialize().into_generator().into_root_schema_for::<T>())
}

/// Formats that have schemas at all, under the names that a lock file has for them.
pub(super) fn format_of(name: &str) -> Option<Format> {
    [Format::Json, Format::MessagePack, Format::Postcard, Format::Bincode]
        .into_iter()
        .find(|format| format.to_string() == name)
}

impl Contract {
    /// That of a type as it is now; `None` where its codec is none of memq's.
    pub(super) fn of<T: Topic + JsonSchema + DeserializeOwned>() -> Option<Self> {
        let format = format_of(&<T::Codec as Codec<T>>::FORMAT.to_string())?;
        let mut aliases = Aliases::new();
        T::aliases(&mut aliases);
        let (written, accepted) = schemas::<T>();
        let traits = Traits {
            format,
            shape: T::SHAPE,
            aliases,
            written,
            accepted,
            layout: trace::layout::<T>,
            handling: Handling::of::<T>(),
        };
        Some(Self::by(traits))
    }

    pub(super) fn by(traits: Traits) -> Self {
        let Traits { format, shape, aliases, written, accepted, layout, handling } = traits;
        let aliases: Vec<Alias> = aliases
            .iter()
            .map(|(container, name, alias)| (container.into(), name.into(), alias.into()))
            .collect();
        let (written, mut accepted) = (written.to_value(), accepted.to_value());
        // Without names, there are aliases in the layout alone.
        if !format.is_positional() {
            add_aliases(&mut accepted, &aliases);
        }
        let layout = match layout(&aliases) {
            Ok(layout) if format.is_positional() => Some(Ok(layout)),
            // Where fields have names, it only tells more of the keys of maps.
            Ok(layout) => layout.has_map().then(|| Ok(layout.sorted())),
            Err(_) if !format.is_positional() => None,
            Err(fault) => {
                let place = if fault.path.is_empty() { "." } else { &fault.path };
                Some(Err(format!("the order of what is read: `{place}`: {}", fault.why)))
            }
        };
        let layout = match layout {
            Some(Err(_)) => layout,
            _ => samples::fault(format, &handling, &written, &accepted).map(Err).or(layout),
        };
        Self {
            format,
            fingerprint: shape.filter(|_| format.is_positional()),
            written: bare(&written),
            accepted: bare(&accepted),
            layout,
        }
    }

    /// Whether what is written is what is read, and all of it always.
    pub(super) fn is_symmetric(&self) -> bool {
        without(&self.written, &["required"]) == without(&self.accepted, &["required"])
            && is_complete(&self.written)
    }
}

/// Whether every field of every struct is always written. A map with known keys needs none of them.
fn is_complete(schema: &Value) -> bool {
    let map = schema.get("additionalProperties") == Some(&json!(false));
    let complete = match (schema.get("properties"), schema.get("required")) {
        (Some(Value::Object(fields)), Some(Value::Array(required))) => {
            fields.keys().all(|name| required.iter().any(|one| one == name))
        }
        (Some(Value::Object(fields)), None) => map || fields.is_empty(),
        _ => true,
    };
    complete
        && match schema {
            Value::Object(object) => object.values().all(is_complete),
            Value::Array(all) => all.iter().all(is_complete),
            _ => true,
        }
}

/// Keywords whose entries are schemas under names of their own.
const NAMED: &[&str] = &["properties", "patternProperties", "$defs"];

/// A schema without what says nothing of what is allowed, in one order.
fn bare(schema: &Value) -> Value {
    match schema {
        Value::Object(object) => {
            let mut names: Vec<&String> = object.keys().collect();
            names.sort();
            let mut bare = Map::new();
            for name in names.into_iter().filter(|name| !is_annotation(name)) {
                bare.insert(name.clone(), keyword(name, &object[name]));
            }
            Value::Object(bare)
        }
        Value::Array(all) => all.iter().map(bare_schema_or_value).collect(),
        other => other.clone(),
    }
}

fn bare_schema_or_value(value: &Value) -> Value {
    if value.is_object() { bare(value) } else { value.clone() }
}

fn keyword(name: &str, value: &Value) -> Value {
    match value {
        Value::Object(entries) if NAMED.contains(&name) => {
            let mut names: Vec<&String> = entries.keys().collect();
            names.sort();
            names.into_iter().map(|name| (name.clone(), bare(&entries[name]))).collect()
        }
        Value::Array(names) if name == "required" || name == "enum" => {
            let mut names = names.clone();
            names.sort_by_key(Value::to_string);
            Value::Array(names)
        }
        // What is no schema is not looked into.
        Value::Object(_) if name == "const" || name == ALIASES => value.clone(),
        other => bare(other),
    }
}

/// A schema without some of its keywords.
fn without(schema: &Value, keywords: &[&str]) -> Value {
    match schema {
        Value::Object(object) => {
            let kept = object.iter().filter(|(name, _)| !keywords.contains(&name.as_str()));
            let inner = |(name, value): (&String, &Value)| {
                let value = match value {
                    Value::Object(entries) if NAMED.contains(&name.as_str()) => {
                        let entry = |(name, value): (&String, &Value)| {
                            (name.clone(), without(value, keywords))
                        };
                        entries.iter().map(entry).collect()
                    }
                    other => without(other, keywords),
                };
                (name.clone(), value)
            };
            kept.map(inner).collect()
        }
        Value::Array(all) => all.iter().map(|one| without(one, keywords)).collect(),
        other => other.clone(),
    }
}

/// Adds the other names of fields and variants to where their container is described: as the root, or
/// as a definition.
fn add_aliases(schema: &mut Value, aliases: &[Alias]) {
    for (container, name, alias) in aliases {
        let is = |title: &str| {
            title == container
                || title
                    .strip_prefix(container.as_str())
                    .is_some_and(|rest| rest.starts_with("_for_"))
        };
        if schema.get("title").and_then(Value::as_str).is_some_and(is) {
            add_alias(schema, name, alias);
        }
        let definitions = schema.get_mut("$defs").and_then(Value::as_object_mut);
        for (title, definition) in definitions.into_iter().flatten() {
            if is(title) {
                add_alias(definition, name, alias);
            }
        }
    }
}

fn add_alias(schema: &mut Value, name: &str, alias: &str) {
    let Some(object) = schema.as_object_mut() else { return };
    let has = |properties: &Value| properties.get(name).is_some();
    if object.get("properties").is_some_and(has) {
        let entry = object.entry(ALIASES).or_insert_with(|| json!({}));
        entry[alias] = json!(name);
    }
    if let Some(Value::Array(names)) = object.get_mut("enum") {
        if names.iter().any(|one| one == name) {
            names.push(json!(alias));
        }
    }
    for keyword in ["oneOf", "anyOf"] {
        let Some(Value::Array(variants)) = object.get_mut(keyword) else { continue };
        let mut more = Vec::new();
        for variant in variants.iter_mut() {
            match renamed(variant, name, alias) {
                Some(other) => more.push(other),
                None => add_alias(variant, name, alias),
            }
        }
        variants.extend(more);
    }
}

/// A variant under another name, if it is the one of this name.
fn renamed(variant: &Value, name: &str, alias: &str) -> Option<Value> {
    let mut other = variant.clone();
    let properties = other.get_mut("properties")?.as_object_mut()?;
    let wraps = properties.len() == 1 && variant.get("additionalProperties") == Some(&json!(false));
    if wraps {
        let inner = properties.remove(name)?;
        properties.insert(alias.to_owned(), inner);
        other["required"] = json!([alias]);
        return Some(other);
    }
    let tag =
        properties.values_mut().find(|tag| tag.get("const").is_some_and(|tag| tag == name))?;
    tag["const"] = json!(alias);
    Some(other)
}
