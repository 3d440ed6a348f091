//! The table of `memq/src/docs/evolving.md`, row by row: what records of one type are to a reader of the
//! other, in every format, of types that derive `Topic`.

use bytes::Bytes;
use memq::{Broker, DecodeError, RecvError, Topic};
use serde::{Deserialize, Serialize};
use serde_json::Value;

const PAGE: &str = include_str!("../memq/src/docs/evolving.md");

/// Rows of the page's second table: the change, and what is said of formats with names and without.
fn page() -> Vec<[&'static str; 3]> {
    let (_, table) = PAGE.split_once("| change |").unwrap();
    let rows = table.lines().skip(2).take_while(|line| line.starts_with('|'));
    rows.map(|line| {
        let mut cells = line.trim_matches('|').split(" | ").map(str::trim);
        [(); 3].map(|()| cells.next().unwrap())
    })
    .collect()
}

/// What is kept of these values.
async fn kept<T: Topic + Serialize>(values: Vec<T>) -> Vec<Bytes> {
    let broker = Broker::new();
    let mut records = broker.topic(T::SPEC.name()).subscriber().await.unwrap();
    let publisher = broker.publisher::<T>().await.unwrap();
    let mut frames = Vec::new();
    for value in values {
        publisher.publish(value).await.unwrap();
        frames.push(records.recv().await.unwrap().frame().unwrap());
    }
    frames
}

/// What a reader makes of it, elsewhere.
async fn read<T: Topic + Serialize>(frames: &[Bytes]) -> Vec<Result<Value, DecodeError>> {
    let broker = Broker::new();
    let mut reader = broker.subscriber::<T>().await.unwrap();
    let writer = broker.topic(T::SPEC.name()).publisher().await.unwrap();
    let mut all = Vec::new();
    for frame in frames {
        writer.publish_bytes(frame.clone()).await.unwrap();
        all.push(match reader.recv().await {
            Ok(message) => Ok(serde_json::to_value(&*message).unwrap()),
            Err(RecvError::Decode { source, .. }) => Err(source),
            Err(other) => panic!("{other}"),
        });
    }
    all
}

/// Whether fields that both have are equal; with another name for one of them.
fn agree(before: &Value, after: &Value, alias: [&str; 2]) -> bool {
    match (before, after) {
        (Value::Object(before), Value::Object(after)) => before.iter().all(|(name, value)| {
            let other = || {
                let [old, new] = alias;
                after.get(if name == old { new } else { old }).filter(|_| alias.contains(&&**name))
            };
            after.get(name).or_else(other).is_none_or(|other| agree(value, other, alias))
        }),
        _ => before == after,
    }
}

/// Whether all is read, and as what it was; else each is refused that is not.
async fn is_read<Old, New>(values: Vec<Old>, alias: [&str; 2], positional: bool) -> bool
where
    Old: Topic + Serialize,
    New: Topic + Serialize,
{
    let before: Vec<Value> = values.iter().map(|v| serde_json::to_value(v).unwrap()).collect();
    let mut whole = true;
    for (before, after) in before.iter().zip(read::<New>(&kept(values).await).await) {
        match after {
            Ok(after) => assert!(agree(before, &after, alias), "{before} is read as {after}"),
            Err(error) => {
                let schema = matches!(error, DecodeError::Schema { .. });
                assert_eq!(schema, positional, "{before}: {error}");
                whole = false;
            }
        }
    }
    whole
}

/// What is found: for readers of the new type, and for older readers.
type Found = (bool, bool);

/// Whether a cell says that.
fn says(cell: &str, (readers, older): Found) -> bool {
    match (readers, older) {
        (true, true) => cell == "yes",
        (true, false) => cell.starts_with("yes for readers"),
        (false, _) => cell.starts_with("no"),
    }
}

/// Rows, each a function that finds out for a format.
macro_rules! rows {
    ($($change:literal: $name:ident
        { $($old:item)* } [$($before:expr),* $(,)?]
        { $($new:item)* } [$($after:expr),* $(,)?]
        $(alias [$was:literal, $is:literal])?;)*) => {
        $(mod $name {
            rows!(@format json, Json, false, { $($old)* } [$($before),*] { $($new)* } [$($after),*] $($was, $is)?);
            rows!(@format messagepack, MessagePack, false, { $($old)* } [$($before),*] { $($new)* } [$($after),*] $($was, $is)?);
            rows!(@format postcard, Postcard, true, { $($old)* } [$($before),*] { $($new)* } [$($after),*] $($was, $is)?);
            rows!(@format bincode, Bincode, true, { $($old)* } [$($before),*] { $($new)* } [$($after),*] $($was, $is)?);
        })*

        #[tokio::test]
        async fn what_the_page_says_is_what_happens() {
            let page = page();
            let mut held = Vec::new();
            $({
                let row = page.iter().find(|[change, ..]| *change == $change);
                let [change, named, positional] = row.expect($change);
                let found = [$name::json::found().await, $name::messagepack::found().await];
                for found in found {
                    assert!(says(named, found), "{change}, with names: {found:?}");
                }
                let found = [$name::postcard::found().await, $name::bincode::found().await];
                for found in found {
                    assert!(says(positional, found), "{change}, without names: {found:?}");
                }
                held.push(*change);
            })*
            held.dedup();
            let all: Vec<_> = page.iter().map(|[change, ..]| *change).collect();
            assert_eq!(held, all, "each row is held to what happens");
        }
    };
    (@format $module:ident, $format:ident, $positional:literal,
        { $($old:item)* } [$($before:expr),*] { $($new:item)* } [$($after:expr),*] $($was:literal, $is:literal)?) => {
        pub(super) mod $module {
            mod old {
                use crate::*;
                $(#[derive(Serialize, Deserialize, Topic)] #[topic(format = $format)] $old)*
                pub(super) fn values() -> Vec<T> { vec![$($before),*] }
            }
            mod new {
                use crate::*;
                $(#[derive(Serialize, Deserialize, Topic)] #[topic(format = $format)] $new)*
                pub(super) fn values() -> Vec<T> { vec![$($after),*] }
            }
            pub(in super::super) async fn found() -> crate::Found {
                #[allow(unused_mut, unused_assignments, reason = "most rows have no alias")]
                let mut alias = ["", ""];
                $(alias = [$was, $is];)?
                let readers = crate::is_read::<old::T, new::T>(old::values(), alias, $positional);
                let older = crate::is_read::<new::T, old::T>(new::values(), alias, $positional);
                (readers.await, older.await)
            }
        }
    };
}

rows! {
    "add a field with `#[serde(default)]`": added_with_a_default
    { #[topic(name = "rows")] pub(super) struct T { a: u8 } } [T { a: 1 }]
    { #[topic(name = "rows")] pub(super) struct T { a: u8, #[serde(default)] b: u8 } } [T { a: 1, b: 2 }];

    "add a field without one": added
    { #[topic(name = "rows")] pub(super) struct T { a: u8 } } [T { a: 1 }]
    { #[topic(name = "rows")] pub(super) struct T { a: u8, b: u8 } } [T { a: 1, b: 2 }];

    "add an `Option`": added_as_an_option
    { #[topic(name = "rows")] pub(super) struct T { a: u8 } } [T { a: 1 }]
    { #[topic(name = "rows")] pub(super) struct T { a: u8, b: Option<u8> } } [T { a: 1, b: Some(2) }, T { a: 1, b: None }];

    "remove a field": removed
    { #[topic(name = "rows")] pub(super) struct T { a: u8, b: u8 } } [T { a: 1, b: 2 }]
    { #[topic(name = "rows")] pub(super) struct T { a: u8 } } [T { a: 1 }];

    "rename a field, with `#[serde(alias = \"old\")]`": renamed_with_an_alias
    { #[topic(name = "rows")] pub(super) struct T { a: u8, old: u8 } } [T { a: 1, old: 2 }]
    { #[topic(name = "rows")] pub(super) struct T { a: u8, #[serde(alias = "old")] new: u8 } } [T { a: 1, new: 2 }]
    alias ["old", "new"];

    "rename a field in Rust, with `#[serde(rename = \"old\")]`": renamed_in_the_source
    { #[topic(name = "rows")] pub(super) struct T { a: u8, old: u8 } } [T { a: 1, old: 2 }]
    { #[topic(name = "rows")] pub(super) struct T { a: u8, #[serde(rename = "old")] new: u8 } } [T { a: 1, new: 2 }];

    "change the order of fields": reordered
    { #[topic(name = "rows")] pub(super) struct T { a: u8, b: u8 } } [T { a: 1, b: 2 }]
    { #[topic(name = "rows")] pub(super) struct T { b: u8, a: u8 } } [T { a: 1, b: 2 }];

    "`u32` to `u64`": widened
    { #[topic(name = "rows")] pub(super) struct T { a: u32 } } [T { a: 1 }, T { a: u32::MAX }]
    { #[topic(name = "rows")] pub(super) struct T { a: u64 } } [T { a: 1 }, T { a: u64::MAX }];

    "`u64` to `u32`, text to a number": narrowed
    { #[topic(name = "rows")] pub(super) struct T { a: u64 } } [T { a: 1 }, T { a: u64::MAX }]
    { #[topic(name = "rows")] pub(super) struct T { a: u32 } } [T { a: 1 }, T { a: u32::MAX }];

    "`u64` to `u32`, text to a number": text_to_a_number
    { #[topic(name = "rows")] pub(super) struct T { a: String } } [T { a: "7".into() }]
    { #[topic(name = "rows")] pub(super) struct T { a: u32 } } [T { a: 7 }];

    "add a variant to an enum": variant_added
    { #[topic(name = "rows")] pub(super) enum T { A, B { b: u8 } } } [T::A, T::B { b: 1 }]
    { #[topic(name = "rows")] pub(super) enum T { A, B { b: u8 }, C } } [T::A, T::B { b: 1 }, T::C];

    "change a comment, an attribute of `#[topic]` but `name`, `format` and `version`": attributes
    { #[topic(name = "rows")] pub(super) struct T { a: u8, b: u8 } } [T { a: 1, b: 2 }]
    { /// What it is.
      #[topic(name = "rows", ttl = "1h", max = 10, compress = Gzip, overflow = Reject, partitions = 2)]
      pub(super) struct T {
          /// Which.
          #[topic(key)]
          a: u8,
          b: u8,
      } } [T { a: 1, b: 2 }];
}

/// Versions of one topic.
mod versions {
    use memq::{DeadLetter, OpenError, Record};

    use super::*;

    #[derive(Debug, PartialEq, Serialize, Deserialize, Topic)]
    #[topic(name = "orders", format = Json)]
    struct V1 {
        customer: u8,
    }

    #[derive(Debug, PartialEq, Serialize, Deserialize, Topic)]
    #[topic(name = "orders", format = Json, version = 2, upcast_from = V1)]
    struct V2 {
        #[topic(key)]
        customer: u32,
    }

    impl From<V1> for V2 {
        fn from(old: V1) -> Self {
            Self { customer: u32::from(old.customer) + 1000 }
        }
    }

    /// A reader that was not updated, and what its group does.
    #[tokio::test]
    async fn what_is_newer_is_a_dead_letter_until_readers_are_new() {
        let broker = Broker::new();
        let mut old = broker.subscriber::<V1>().await.unwrap();
        let mut jobs = broker.subscriber::<V1>().group("billing").await.unwrap();
        broker.publisher::<V2>().await.unwrap().publish(V2 { customer: 7 }).await.unwrap();
        let known = broker.publisher::<V1>().await.unwrap();
        known.publish(V1 { customer: 8 }).await.unwrap();

        let error = old.recv().await.unwrap_err();
        let RecvError::Decode { source, .. } = error else { panic!("{error}") };
        assert!(matches!(source, DecodeError::Version { got: 2, have: 1 }), "{source}");
        assert_eq!(old.recv().await.unwrap().customer, 8);
        let job = jobs.recv().await.unwrap();
        assert_eq!(job.customer, 8);
        job.ack();

        let mut dead = broker.topic("orders.billing.dead").subscriber().from(0).await.unwrap();
        let letter = dead.recv().await.unwrap();
        assert_eq!(letter.version(), 2);
        let why = DeadLetter::of(letter.headers()).unwrap();
        assert!(why.reason.contains("version 2"), "{}", why.reason);
        let back = broker.dead_letters::<V2>("billing").redrive(|_, _| true).await.unwrap();
        assert_eq!((back.redriven, back.left), (1, 0));
        let mut reader = broker.subscriber::<V2>().from(2).await.unwrap();
        assert_eq!(reader.recv().await.unwrap().customer, 7);
    }

    #[tokio::test]
    async fn the_key_is_the_one_that_a_message_was_published_with() {
        let broker = Broker::new();
        let mut reader = broker.subscriber::<V2>().await.unwrap();
        let old = broker.publisher::<V1>().await.unwrap();
        old.publish(V1 { customer: 7 }).await.unwrap();
        old.publish(V1 { customer: 7 }).key("said").await.unwrap();
        let first = reader.recv().await.unwrap();
        assert_eq!((first.customer, first.key()), (1007, None), "what it was took none");
        drop(first);
        let second = reader.recv().await.unwrap();
        assert_eq!((second.customer, second.key()), (1007, Some(memq::Key::from("said"))));
    }

    #[derive(Debug, Serialize, Deserialize, Topic)]
    #[topic(name = "pairs", format = Postcard)]
    struct Pair {
        left: u8,
        right: u8,
    }

    #[derive(Debug, Serialize, Deserialize, Topic)]
    #[topic(name = "pairs", format = Json, version = 2, upcast_from = Pair)]
    struct Named {
        #[serde(default)]
        sum: u32,
    }

    impl From<Pair> for Named {
        fn from(pair: Pair) -> Self {
            Self { sum: u32::from(pair.left) + u32::from(pair.right) }
        }
    }

    /// `{}` would be two numbers to the older type.
    #[tokio::test]
    async fn what_says_no_format_has_that_of_the_topic_in_all_versions() {
        let broker = Broker::new();
        let writer = broker.topic("pairs").publisher().await.unwrap();
        writer.publish_bytes("{}").await.unwrap();
        writer.publish(Record::new("{}").with_version(2)).await.unwrap();
        writer.publish(Record::new("{}").with_format(memq::Format::Postcard)).await.unwrap();
        let mut reader = broker.subscriber::<Named>().from(0).await.unwrap();
        let error = reader.recv().await.unwrap_err();
        let RecvError::Decode { source, .. } = error else { panic!("{error}") };
        assert!(source.to_string().contains("version 1 in Json"), "{source}");
        assert_eq!(reader.recv().await.unwrap().sum, 0);
        assert_eq!(reader.recv().await.unwrap().sum, 0x7b + 0x7d);
    }

    #[tokio::test]
    async fn versions_of_a_topic_have_its_format() {
        let broker = Broker::new();
        broker.create::<Named>().await.unwrap();
        let error = broker.create::<Pair>().await.unwrap_err();
        let OpenError::Conflict(conflict) = error else { panic!("{error}") };
        assert_eq!(conflict.option, "format");
    }
}
