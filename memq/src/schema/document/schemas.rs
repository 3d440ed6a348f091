//! JSON Schemas of message types, gathered so that each is there once.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use schemars::generate::{Contract as Side, SchemaSettings};
use serde_json::{Map, Value, json};

use super::model::Contract;
use super::text;
use crate::schema::reference::pointer;

/// Where AsyncAPI keeps them.
const PLACE: &str = "#/components/schemas/";

/// The schemas of messages and of what is in them, by name.
#[derive(Clone, Debug, Default)]
pub(super) struct Schemas(BTreeMap<String, Value>);

/// The schemas of one type and of all that are in it; a reference to the first.
#[derive(Clone, Debug)]
pub(super) struct Family {
    root: Value,
    members: Map<String, Value>,
}

impl Family {
    /// That of a type. In draft 7, which is what AsyncAPI 3.0 reads.
    pub(super) fn of<T: JsonSchema>(contract: Contract) -> Self {
        let settings = SchemaSettings::draft07().with(|settings| {
            settings.definitions_path = "/components/schemas".into();
            settings.meta_schema = None;
            settings.contract = match contract {
                Contract::Written => Side::Serialize,
                Contract::Accepted => Side::Deserialize,
            };
        });
        let mut generator = settings.into_generator();
        let mut root = generator.subschema_for::<T>().to_value();
        let named = generator.take_definitions(true);
        let mut members: Map<String, Value> =
            named.into_iter().map(|(name, schema)| (key(&name), schema)).collect();
        let keyed = |to: &str| {
            let name = pointer(to.strip_prefix(PLACE)?).replace("~1", "/").replace("~0", "~");
            Some(format!("{PLACE}{}", key(&name)))
        };
        members.values_mut().chain([&mut root]).for_each(|schema| refer(schema, &keyed));
        let root = match root.get("$ref") {
            Some(_) => root,
            // A type that is always written where it is used: here it has a name like all others.
            None => {
                let name = key(&T::schema_name());
                let reference = json!({ "$ref": format!("{PLACE}{name}") });
                members.insert(name, root);
                reference
            }
        };
        Self { root, members }
    }
}

/// The key of a schema, which may have dots.
fn key(name: &str) -> String {
    name.split('.').map(text::key).collect::<Vec<_>>().join(".")
}

impl Schemas {
    /// Adds a family, and returns the reference to its first. Where another schema has a name already,
    /// as where a type accepts other things than it writes, the new one gets a number.
    pub(super) fn add(&mut self, family: Family) -> Value {
        let Family { mut root, mut members } = family;
        // Names are given until nothing changes: a schema differs where one that it refers to does.
        loop {
            let clash = members.iter().find(|(name, schema)| {
                self.0.get(name.as_str()).is_some_and(|known| known != *schema)
            });
            let Some(name) = clash.map(|(name, _)| name.clone()) else { break };
            let fresh = self.fresh(&name, &members);
            if let Some(schema) = members.remove(&name) {
                members.insert(fresh.clone(), schema);
            }
            let (from, to) = (format!("{PLACE}{name}"), format!("{PLACE}{fresh}"));
            let renamed = |found: &str| (found == from).then(|| to.clone());
            members.values_mut().chain([&mut root]).for_each(|schema| refer(schema, &renamed));
        }
        self.0.extend(members);
        root
    }

    /// A name like this one, with a number, under which the same schema is or nothing.
    fn fresh(&self, name: &str, members: &Map<String, Value>) -> String {
        let base = name
            .rsplit_once('.')
            .map_or(name, |(base, number)| if number.parse::<u32>().is_ok() { base } else { name });
        let mut number = 2;
        loop {
            let fresh = format!("{base}.{number}");
            let same = self.0.get(&fresh).is_none_or(|known| Some(known) == members.get(name));
            if same && !members.contains_key(&fresh) {
                return fresh;
            }
            number += 1;
        }
    }

    /// All of them.
    pub(super) fn iter(&self) -> impl Iterator<Item = (&str, &Value)> {
        self.0.iter().map(|(name, schema)| (name.as_str(), schema))
    }

    /// The schema behind a reference, with its name; a schema that is none itself.
    pub(super) fn follow<'s>(&'s self, schema: &'s Value) -> (Option<&'s str>, &'s Value) {
        let name = schema.get("$ref").and_then(Value::as_str).and_then(|to| to.strip_prefix(PLACE));
        match name.and_then(|name| self.0.get_key_value(name)) {
            Some((name, schema)) => (Some(name), schema),
            None => (None, schema),
        }
    }

    /// What a schema says about itself.
    pub(super) fn description(&self, schema: &Value) -> Option<String> {
        self.follow(schema).1.get("description")?.as_str().map(str::to_owned)
    }
}

/// Gives references others, wherever they are.
fn refer(schema: &mut Value, to: &impl Fn(&str) -> Option<String>) {
    match schema {
        Value::Object(map) => map.iter_mut().for_each(|(key, value)| match value {
            Value::String(text) if key == "$ref" => {
                if let Some(to) = to(text) {
                    *text = to;
                }
            }
            value => refer(value, to),
        }),
        Value::Array(list) => list.iter_mut().for_each(|value| refer(value, to)),
        _ => {}
    }
}
