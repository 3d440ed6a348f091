//! JSON values as YAML text.

use serde_json::Value;
use yaml_rust2::yaml::Hash;
use yaml_rust2::{Yaml, YamlEmitter};

/// In which order people read an AsyncAPI document.
const ORDER: [&str; 6] = ["asyncapi", "info", "servers", "channels", "operations", "components"];

/// The document.
pub(super) fn write(value: &Value) -> String {
    let mut members: Vec<_> = value.as_object().into_iter().flatten().collect();
    members.sort_by_key(|(name, _)| ORDER.iter().position(|known| known == name));
    let members =
        members.into_iter().map(|(name, value)| (Yaml::String(name.clone()), yaml(value)));
    let document = Yaml::Hash(members.collect());
    let mut text = String::new();
    let mut emitter = YamlEmitter::new(&mut text);
    emitter.multiline_strings(true);
    // It writes to a `String`, which takes everything.
    let _ = emitter.dump(&document);
    text.push('\n');
    text
}

fn yaml(value: &Value) -> Yaml {
    match value {
        Value::Null => Yaml::Null,
        Value::Bool(value) => Yaml::Boolean(*value),
        Value::Number(number) => match number.as_i64() {
            Some(whole) => Yaml::Integer(whole),
            // Also whole numbers above `i64::MAX`: YAML has no width.
            None => Yaml::Real(number.to_string()),
        },
        Value::String(text) => Yaml::String(text.clone()),
        Value::Array(list) => Yaml::Array(list.iter().map(yaml).collect()),
        Value::Object(map) => {
            let entries = map.iter().map(|(key, value)| (Yaml::String(key.clone()), yaml(value)));
            Yaml::Hash(entries.collect::<Hash>())
        }
    }
}
