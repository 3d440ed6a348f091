//! Structs, maps, and variants with something in them.

use serde_json::Value;

use super::Comparison;
use crate::schema::compat::model::{Alternative, Object, Rest, Text};
use crate::schema::compat::words::{Break, Direction};

impl Object {
    pub(super) fn describe(&self) -> String {
        match &self.rest {
            Rest::Entries(..) if self.properties.is_empty() => "a map".to_owned(),
            _ => {
                let names: Vec<String> =
                    self.required.iter().map(|name| format!("`{name}`")).collect();
                match names.len() {
                    0 => "a struct".to_owned(),
                    1..=4 => format!("a struct with {}", names.join(", ")),
                    count => format!("a struct with {count} fields"),
                }
            }
        }
    }

    /// The name of the variant that this is, by its tag or by its only field.
    pub(super) fn variant(&self) -> Option<String> {
        let tag = self.tags().next().map(|(_, name)| name);
        tag.or_else(|| self.wraps()).map(str::to_owned)
    }

    /// The only field, of a struct that is nothing but the name of what is in it.
    fn wraps(&self) -> Option<&str> {
        let alone = self.rest == Rest::Refused && self.properties.len() == 1;
        self.required.first().filter(|_| alone).map(String::as_str)
    }

    /// Required properties that are always one text.
    fn tags(&self) -> impl Iterator<Item = (&str, &str)> {
        self.required.iter().filter_map(|name| {
            Some((name.as_str(), self.properties.get(name)?.get("const")?.as_str()?))
        })
    }

    /// The property that is read under this name, and its name.
    pub(super) fn takes(&self, name: &str) -> Option<(&str, &Value)> {
        let own = self.properties.get_key_value(name);
        let other = || self.properties.get_key_value(self.aliases.get(name)?);
        own.or_else(other).map(|(name, schema)| (name.as_str(), schema))
    }
}

impl Comparison<'_> {
    /// Variants of different names are never one another.
    pub(super) fn object_distance(&self, written: &Object, read: &Object) -> Option<usize> {
        for (tag, name) in read.tags() {
            let Some(schema) = written.properties.get(tag) else { continue };
            let Ok(texts) = self.written.alternatives(schema) else { continue };
            let fits = texts.iter().any(|text| match text {
                Alternative::Text(Text { only: Some(only), .. }) => only.contains(name),
                _ => true,
            });
            if !fits {
                return None;
            }
        }
        if let (Some(name), Some(_)) = (written.wraps(), read.wraps()) {
            return read.takes(name).map(|_| 0);
        }
        let lacking = |of: &Object, in_: &Object| {
            of.required.iter().filter(|name| in_.takes(name).is_none()).count()
        };
        Some(lacking(read, written) + lacking(written, read))
    }

    pub(super) fn objects(&mut self, written: &Object, read: &Object, path: &str) -> Vec<Break> {
        let mut broken = Vec::new();
        for (name, schema) in &written.properties {
            let below = format!("{path}.{name}");
            match (read.takes(name), &read.rest) {
                (Some((_, read)), _) => broken.extend(self.schemas(schema, read, &below)),
                (None, Rest::Ignored) => {}
                (None, Rest::Refused) => broken.push(self.refused(name, &below)),
                (None, Rest::Entries(pattern, read)) => {
                    if pattern.is_some() {
                        broken.push(self.keys(&below));
                    }
                    broken.extend(self.schemas(schema, read, &below));
                }
            }
        }
        for name in &read.required {
            broken.extend(self.required(name, written, read, path));
        }
        for (alias, name) in &read.aliases {
            if written.properties.contains_key(alias) && written.properties.contains_key(name) {
                broken.push(Break::new(
                    &format!("{path}.{name}"),
                    format!(
                        "{} may have it as `{alias}` and as `{name}` at once, which {} refuse",
                        self.direction.records(),
                        self.direction.readers()
                    ),
                    "take the alias away",
                ));
            }
        }
        if let Rest::Entries(pattern, schema) = &written.rest {
            broken.extend(self.entries(pattern.as_deref(), schema, written, read, path));
        }
        broken
    }

    /// A field that readers need.
    fn required(&self, name: &str, written: &Object, read: &Object, path: &str) -> Option<Break> {
        let names = |object: &Object| {
            object
                .required
                .iter()
                .any(|own| own == name || read.aliases.get(own).map(String::as_str) == Some(name))
        };
        if names(written) {
            return None;
        }
        let known = written.takes(name).is_some()
            || read.aliases.iter().any(|(alias, of)| of == name && written.takes(alias).is_some());
        let lack = if known { "may lack" } else { "lack" };
        let (records, readers) = (self.direction.records(), self.direction.readers());
        Some(Break::new(
            &format!("{path}.{name}"),
            format!("{readers} need this field, {records} {lack} it"),
            match self.direction {
                Direction::Backward => "give it `#[serde(default)]`".to_owned(),
                Direction::Forward if known => "go on writing it always".to_owned(),
                Direction::Forward => "keep it, or give it `#[serde(default)]` in every reader \
                                       before it goes"
                    .to_owned(),
            },
        ))
    }

    fn refused(&self, name: &str, path: &str) -> Break {
        let (records, readers) = (self.direction.records(), self.direction.readers());
        Break::new(
            path,
            format!("{records} have this field, {readers} deny unknown fields"),
            match self.direction {
                Direction::Backward => format!(
                    "keep it, say its old name by `#[serde(alias = \"{name}\")]`, or take \
                     `#[serde(deny_unknown_fields)]` away"
                ),
                Direction::Forward => "take `#[serde(deny_unknown_fields)]` away in every reader \
                                       before it comes"
                    .to_owned(),
            },
        )
    }

    fn keys(&self, path: &str) -> Break {
        let (records, readers) = (self.direction.records(), self.direction.readers());
        Break::new(
            path,
            format!("{records} have other keys here than {readers} take"),
            self.direction.keep("the type of the keys"),
        )
    }

    /// Entries of a map, as entries or as fields.
    fn entries(
        &mut self,
        pattern: Option<&str>,
        schema: &Value,
        written: &Object,
        read: &Object,
        path: &str,
    ) -> Vec<Break> {
        let mut broken = Vec::new();
        for (name, read) in &read.properties {
            if !written.properties.contains_key(name) {
                broken.extend(self.schemas(schema, read, &format!("{path}.{name}")));
            }
        }
        match &read.rest {
            Rest::Ignored => {}
            Rest::Refused => broken.push(Break::new(
                path,
                format!(
                    "{} may have any keys here, {} know only some",
                    self.direction.records(),
                    self.direction.readers()
                ),
                self.direction.keep("the map"),
            )),
            Rest::Entries(keys, read) => {
                if !self.takes_keys(pattern, keys.as_deref()) {
                    broken.push(self.keys(path));
                }
                broken.extend(self.schemas(schema, read, &format!("{path}{{}}")));
            }
        }
        broken
    }

    fn takes_keys(&self, written: Option<&str>, read: Option<&str>) -> bool {
        match (written, read) {
            // Where keys are numbers for people only, no number is a text.
            (Some(_), None) => self.readable,
            (Some(r"^\d+$"), Some(r"^-?\d+$")) => true,
            (written, read) => written == read,
        }
    }
}
