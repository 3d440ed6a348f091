//! Types that a macro writes, with values that come through its parameters.

use memq::{Key, Overflow, Topic, TopicSpec};
use serde::{Deserialize, Serialize};

const LETTERS: &str = "letters";

macro_rules! topic {
    ($type:ident, $name:literal, $max:literal, $format:ident, $field:ident: $key:ty, $with:path) => {
        #[derive(Serialize, Deserialize, Topic)]
        #[topic(name = $name, max = $max, format = $format, overflow = Wait)]
        struct $type {
            #[topic(key)]
            $field: $key,
        }

        const _: fn(&$type) = $with;
    };
    ($type:ident, $name:path, $with:path) => {
        #[derive(Topic)]
        #[topic(name = $name, key_with = $with)]
        struct $type;
    };
    ($type:ident, $name:expr) => {
        #[derive(Topic)]
        #[topic(name = $name)]
        struct $type;
    };
}

topic!(Order, "orders", 10, Json, customer: u64, drop_order);
topic!(Letter, self::LETTERS, no_key);
topic!(Parcel, "parcels");

fn drop_order(_: &Order) {}

fn no_key(_: &Letter) -> Option<Key<'_>> {
    None
}

fn main() {
    assert_eq!(
        Order::SPEC,
        TopicSpec::new("orders").max_messages(10).overflow(Overflow::Wait)
    );
    assert_eq!(Order { customer: 7 }.key(), Some(Key::from("7")));
    assert_eq!(Letter::SPEC.name(), "letters");
    assert_eq!(Parcel::SPEC.name(), "parcels");
}
