//! A memq under another name.

#![deny(warnings)]
#![allow(dead_code)]

mod my_lib {
    pub mod reexports {
        pub use memq as queue;
    }
}

use memq as mq;

#[derive(my_lib::reexports::queue::Topic)]
#[topic(name = "orders", crate = my_lib::reexports::queue, compress = None)]
struct Order {
    #[topic(key)]
    customer: u64,
}

#[derive(mq::Topic)]
#[topic(crate = mq, name = "invoices", ttl = "1h", overflow = Wait)]
struct Invoice;

#[derive(mq::Topic)]
#[topic(crate = crate::my_lib::reexports::queue, name = "letters")]
struct Letter;

#[derive(serde::Serialize, serde::Deserialize, mq::Shape)]
#[shape(crate = my_lib::reexports::queue)]
enum Line {
    Item(Vec<Option<Line>>),
    Text(Own),
}

#[derive(serde::Serialize, serde::Deserialize)]
struct Own;

#[derive(serde::Serialize, serde::Deserialize, mq::Topic)]
#[topic(crate = mq, name = "lines", format = Json)]
struct LineV1;

#[derive(serde::Serialize, serde::Deserialize, mq::Topic)]
#[topic(crate = my_lib::reexports::queue, name = "lines", format = Bincode, version = 2)]
#[topic(upcast_from = LineV1)]
struct Lines(#[serde(with = "serde_path")] Own, Line);

use identity as serde_path;

mod identity {
    use super::Own;

    pub fn serialize<S: serde::Serializer>(own: &Own, to: S) -> Result<S::Ok, S::Error> {
        serde::Serialize::serialize(own, to)
    }

    pub fn deserialize<'de, D: serde::Deserializer<'de>>(from: D) -> Result<Own, D::Error> {
        serde::Deserialize::deserialize(from)
    }
}

impl From<LineV1> for Lines {
    fn from(_: LineV1) -> Self {
        Self(Own, Line::Text(Own))
    }
}

fn in_a_function() {
    mod inner {
        pub use memq as within;
    }
    use inner::within;

    #[derive(serde::Serialize, serde::Deserialize, within::Topic)]
    #[topic(crate = within, name = "inner", format = Json)]
    struct Inner(Own, Vec<Line>);

    assert!(<Inner as mq::Topic>::SHAPE.is_some());
}

fn main() {
    in_a_function();
    use mq::Topic as _;
    assert_eq!(Order { customer: 7 }.key(), Some(mq::Key::from("7")));
    assert_eq!(Invoice::SPEC.name(), "invoices");
    assert_eq!(Letter::SPEC.name(), "letters");
}
