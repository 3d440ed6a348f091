//! The lock file: what every version of a topic's type writes and accepts.

use std::fs;
use std::io;
use std::path::Path;

use serde_json::{Map, Value, json};

use super::contract::{Contract, format_of};
use super::layout::Layout;
use crate::schema::Fingerprint;

/// The only form of lock files that there is.
const FORM: u64 = 1;

/// All that is known of a topic's messages.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Lock {
    pub(super) topic: String,
    /// By version, and by when they came within one.
    pub(super) entries: Vec<Entry>,
}

#[derive(Clone, Debug, PartialEq)]
pub(super) struct Entry {
    pub(super) version: u16,
    /// Counts the changes within a version, from 1.
    pub(super) revision: u32,
    pub(super) contract: Contract,
}

impl Lock {
    pub(super) fn new(topic: &str) -> Self {
        Self { topic: topic.to_owned(), entries: Vec::new() }
    }

    /// What a file says, or what is wrong with it.
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        let value: Value = serde_json::from_str(text).map_err(|error| error.to_string())?;
        let form = value.get("memq");
        if form != Some(&json!(FORM)) {
            let form = form.map_or_else(|| "nothing".to_owned(), Value::to_string);
            return Err(format!("`memq` is {form} where {FORM} is known"));
        }
        let topic = value.get("topic").and_then(Value::as_str).ok_or("`topic` is missing")?;
        let entries =
            value.get("versions").and_then(Value::as_array).ok_or("`versions` is missing")?;
        let mut lock = Self::new(topic);
        for (index, entry) in entries.iter().enumerate() {
            let entry = Entry::parse(entry).map_err(|what| format!("`versions[{index}].{what}"))?;
            let last = lock.entries.last().map(|last| (last.version, last.revision));
            if last >= Some((entry.version, entry.revision)) {
                return Err(format!("`versions[{index}]` is not in order"));
            }
            lock.entries.push(entry);
        }
        Ok(lock)
    }

    /// As a file has it: one order, and a line for each thing, so that a change is a small one.
    pub(super) fn to_text(&self) -> String {
        let entries: Vec<Value> = self.entries.iter().map(Entry::to_json).collect();
        let file = json!({ "memq": FORM, "topic": self.topic, "versions": entries });
        format!("{:#}\n", sorted(&file))
    }

    /// Writes the file whole or not at all.
    pub(super) fn write(&self, path: &Path) -> io::Result<()> {
        if let Some(folder) = path.parent() {
            fs::create_dir_all(folder)?;
        }
        let mut beside = path.as_os_str().to_owned();
        beside.push(format!(".{}", std::process::id()));
        fs::write(&beside, self.to_text())?;
        fs::rename(&beside, path)
    }

    /// Whether a contract is the last of its version.
    pub(super) fn is_last(&self, version: u16, contract: &Contract) -> bool {
        let last = self.entries.iter().rev().find(|entry| entry.version == version);
        last.is_some_and(|last| last.contract == *contract)
    }

    /// Adds one behind the others of its version.
    pub(super) fn add(&mut self, version: u16, contract: Contract) {
        let at = self.entries.partition_point(|entry| entry.version <= version);
        let before = at.checked_sub(1).map(|before| &self.entries[before]);
        let revision = before.filter(|before| before.version == version).map_or(0, |b| b.revision);
        self.entries.insert(at, Entry { version, revision: revision + 1, contract });
    }

    /// Takes away the last of a version.
    pub(super) fn remove_last(&mut self, version: u16) {
        if let Some(at) = self.entries.iter().rposition(|entry| entry.version == version) {
            self.entries.remove(at);
        }
    }
}

impl Entry {
    fn to_json(&self) -> Value {
        let Contract { format, fingerprint, written, accepted, layout } = &self.contract;
        let mut entry = json!({
            "version": self.version,
            "revision": self.revision,
            "format": format.to_string(),
            "written": written,
            "accepted": accepted,
        });
        if let Some(fingerprint) = fingerprint {
            entry["fingerprint"] = json!(fingerprint.to_string());
        }
        match layout {
            None => {}
            Some(Ok(layout)) => entry["layout"] = layout.to_json(),
            Some(Err(why)) => entry["unjudged"] = json!(why),
        }
        entry
    }

    fn parse(entry: &Value) -> Result<Self, String> {
        let text = |name: &str| entry.get(name).and_then(Value::as_str);
        let number = |name: &str| entry.get(name).and_then(Value::as_u64).filter(|n| *n > 0);
        let version = number("version").and_then(|n| u16::try_from(n).ok());
        let revision = number("revision").and_then(|n| u32::try_from(n).ok());
        let fingerprint = match text("fingerprint") {
            None => None,
            Some(digits) => {
                let number =
                    u64::from_str_radix(digits, 16).map_err(|e| format!("fingerprint`: {e}"))?;
                Some(Fingerprint::from_u64(number))
            }
        };
        let layout = match (entry.get("layout"), text("unjudged")) {
            (Some(layout), _) => {
                Some(Ok(Layout::from_json(layout).ok_or("layout` is none that is known")?))
            }
            (None, why) => why.map(|why| Err(why.to_owned())),
        };
        Ok(Self {
            version: version.ok_or("version` is no version")?,
            revision: revision.ok_or("revision` is no revision")?,
            contract: Contract {
                format: text("format")
                    .and_then(format_of)
                    .ok_or("format` is none that is known")?,
                fingerprint,
                written: entry.get("written").ok_or("written` is missing")?.clone(),
                accepted: entry.get("accepted").ok_or("accepted` is missing")?.clone(),
                layout,
            },
        })
    }
}

/// With the names of every object in order, also where serde_json keeps another one.
fn sorted(value: &Value) -> Value {
    match value {
        Value::Object(object) => {
            let mut names: Vec<&String> = object.keys().collect();
            names.sort();
            let entry = |name: &String| (name.clone(), sorted(&object[name]));
            Value::Object(names.into_iter().map(entry).collect::<Map<_, _>>())
        }
        Value::Array(all) => all.iter().map(sorted).collect(),
        other => other.clone(),
    }
}
