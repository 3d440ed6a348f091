//! What formats without names do carry of what serde is told.

use memq::Topic;
use serde::{Deserialize, Serialize};

#[derive(Serialize, Deserialize, Topic)]
#[topic(name = "orders", format = Postcard)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Order {
    #[topic(key)]
    #[serde(alias = "client")]
    customer: u64,
    #[serde(default)]
    notes: Option<Option<String>>,
    #[serde(skip)]
    #[allow(dead_code)]
    seen: bool,
    #[serde(with = "flipped")]
    flag: bool,
}

mod flipped {
    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    pub fn serialize<S: Serializer>(flag: &bool, to: S) -> Result<S::Ok, S::Error> {
        (!flag).serialize(to)
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<bool, D::Error> {
        bool::deserialize(from).map(|flag| !flag)
    }
}

#[derive(Serialize, Deserialize, Topic)]
#[topic(name = "changes", format = Bincode)]
enum Change {
    Placed(Option<Option<u8>>),
    Cancelled,
    #[serde(skip)]
    #[allow(dead_code)]
    Draft,
}

/// A way of its own, as that of `serde_with`, tells the two apart.
#[derive(Serialize, Deserialize, Topic)]
#[topic(name = "patches", format = Json)]
struct Patch {
    #[serde(default, with = "double_option", skip_serializing_if = "Option::is_none")]
    note: Option<Option<String>>,
}

mod double_option {
    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    pub fn serialize<S: Serializer>(
        note: &Option<Option<String>>,
        to: S,
    ) -> Result<S::Ok, S::Error> {
        note.as_ref().and_then(Option::as_ref).serialize(to)
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(
        from: D,
    ) -> Result<Option<Option<String>>, D::Error> {
        Option::deserialize(from).map(Some)
    }
}

fn main() {
    for patch in [Patch { note: None }, Patch { note: Some(None) }] {
        let text = serde_json::to_string(&patch).unwrap();
        assert_eq!(serde_json::from_str::<Patch>(&text).unwrap().note, patch.note, "{text}");
    }
    assert_eq!(Order::SPEC.name(), "orders");
    assert_eq!(Change::SPEC.name(), "changes");
}
