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
    let members = members.into_iter().map(|(name, value)| (key(name), yaml(value)));
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
        Value::String(text) if is_block(text) || is_line(text) => Yaml::String(text.clone()),
        Value::String(text) => quoted(text),
        Value::Array(list) => Yaml::Array(list.iter().map(yaml).collect()),
        Value::Object(map) => {
            let entries = map.iter().map(|(name, value)| (key(name), yaml(value)));
            Yaml::Hash(entries.collect::<Hash>())
        }
    }
}

/// A name, which is never a block.
fn key(name: &str) -> Yaml {
    if is_line(name) { Yaml::String(name.to_owned()) } else { quoted(name) }
}

/// Whether the emitter's block is this text and no other: it takes the spaces that the first line
/// begins with for the block's own, and keeps one line end and no `\r`.
fn is_block(text: &str) -> bool {
    text.contains('\n')
        && !text.starts_with(char::is_whitespace)
        && !text.ends_with("\n\n")
        && !text.chars().any(|c| c != '\n' && is_special(c))
}

/// Whether the emitter writes this text on one line, in quotes where it takes them.
fn is_line(text: &str) -> bool {
    // Dates, and numbers in other bases or with `_`, which it does not know.
    let number =
        text.starts_with(|c: char| c.is_ascii_digit()) && text.contains(['-', '_', 'o', 'b']);
    !number && !text.chars().any(is_special)
}

/// What YAML takes for a line end, or for no text.
fn is_special(c: char) -> bool {
    c.is_control() || matches!(c, '\u{2028}' | '\u{2029}' | '\u{feff}' | '\u{fffe}' | '\u{ffff}')
}

/// A text in quotes, with everything in it escaped that may be taken for something else.
fn quoted(text: &str) -> Yaml {
    let mut quoted = String::with_capacity(text.len() + 2);
    quoted.push('"');
    for c in text.chars() {
        match c {
            '"' | '\\' => quoted.extend(['\\', c]),
            '\n' => quoted.push_str("\\n"),
            // None of them takes more than four digits.
            c if is_special(c) => quoted.push_str(&format!("\\u{:04x}", u32::from(c))),
            c => quoted.push(c),
        }
    }
    quoted.push('"');
    // The emitter writes these as they are.
    Yaml::Real(quoted)
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use yaml_rust2::YamlLoader;

    use super::*;

    #[test]
    fn every_text_is_read_as_what_it_was() {
        let texts = [
            "",
            " ",
            "tea",
            "two\nlines",
            "two\nlines\n",
            "  lead\nb",
            "\tlead\nb",
            "\n\nlead",
            "end\n\n",
            "\n",
            "a\r\nb",
            "a\n  \nb",
            "bell \u{7}",
            "escape\u{1b}",
            "a\u{85}b\u{2028}c",
            "a\u{2028}\nb",
            "\u{feff}a",
            "2001-01-01",
            "1_000",
            "0o7",
            "0b1",
            "1e3",
            "12:30",
            "yes",
            "~",
            "- a",
            "a: b # c",
            "---",
            "quote \" and \\ \n\n",
            "3.0.0",
        ];
        for text in texts {
            let yaml =
                write(&json!({ "channels": { "x": [text], (text): text, "y": text }, "z": 1 }));
            let read = YamlLoader::load_from_str(&yaml)
                .unwrap_or_else(|e| panic!("{text:?}: {e}\n{yaml}"));
            let channels = &read[0]["channels"];
            assert_eq!(channels["x"][0].as_str(), Some(text), "{yaml}");
            assert_eq!(channels["y"].as_str(), Some(text), "{yaml}");
            assert_eq!(channels[text].as_str(), Some(text), "{yaml}");
            assert_eq!(read[0]["z"].as_i64(), Some(1), "{yaml}");
        }
    }
}
