//! Structs of every shape, and enums.

use memq::{Key, Topic};

#[derive(Topic)]
#[topic(name = "unit")]
struct Unit;

#[derive(Topic)]
#[topic(name = "tuple")]
struct Tuple(u8, #[topic(key)] String);

#[derive(Topic)]
#[topic(name = "fields")]
struct Fields {
    #[topic(key)]
    r#type: u64,
}

#[derive(Topic)]
#[topic(name = "empty")]
struct Empty {}

#[derive(Topic)]
#[topic(name = "choice")]
enum Choice {
    One,
    Two(u8),
    Three { three: u8 },
}

#[derive(Topic)]
#[topic(name = "never")]
enum Never {}

fn main() {
    assert_eq!(Unit.key(), None);
    assert_eq!(Tuple(1, "tea".into()).key(), Some(Key::from("tea")));
    assert_eq!(Fields { r#type: 7 }.key(), Some(Key::from("7")));
    assert_eq!(Empty {}.key(), None);
    for choice in [Choice::One, Choice::Two(2), Choice::Three { three: 3 }] {
        assert_eq!(choice.key(), None);
    }
    assert_eq!(Never::SPEC.name(), "never");
}
