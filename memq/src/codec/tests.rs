//! Values through every format, compression and frame, and what damage does to them.

mod damage;
mod limits;
mod roundtrip;
mod seal;
mod stack;
mod trailing;

use std::collections::BTreeMap;

use proptest::prelude::*;
use serde::{Deserialize, Serialize};

use super::compression::compress;
use super::{Bincode, Codec, Encoded, Json, MessagePack, Postcard};
use crate::options::{Compression, Format};
use crate::record::{Body, Record};

/// Something of everything that serde knows.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Order {
    customer: u64,
    change: i64,
    small: (u8, i16),
    letter: char,
    price: f64,
    item: String,
    note: Option<String>,
    tags: Vec<u16>,
    counts: BTreeMap<String, i32>,
    state: State,
    parts: Vec<Part>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
enum State {
    Open,
    Paid(u32),
    Moved { from: String, to: String },
    Pair(bool, Option<bool>),
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Part(String);

fn state() -> impl Strategy<Value = State> {
    prop_oneof![
        Just(State::Open),
        any::<u32>().prop_map(State::Paid),
        (".{0,5}", ".{0,5}").prop_map(|(from, to)| State::Moved { from, to }),
        any::<(bool, Option<bool>)>().prop_map(|(a, b)| State::Pair(a, b)),
    ]
}

fn order() -> impl Strategy<Value = Order> {
    let numbers = (any::<u64>(), any::<i64>(), any::<(u8, i16)>(), any::<char>());
    let price = any::<f64>().prop_filter("JSON has no others", |price| price.is_finite());
    let texts = (".{0,40}", proptest::option::of(".{0,9}"));
    let lists = (
        proptest::collection::vec(any::<u16>(), 0..40),
        proptest::collection::btree_map(".{0,4}", any::<i32>(), 0..5),
        proptest::collection::vec(".{0,3}".prop_map(Part), 0..4),
    );
    (numbers, price, texts, lists, state()).prop_map(
        |((customer, change, small, letter), price, (item, note), (tags, counts, parts), state)| {
            Order { customer, change, small, letter, price, item, note, tags, counts, state, parts }
        },
    )
}

fn sample() -> Order {
    Order {
        customer: 70_000,
        change: -3,
        small: (7, -7),
        letter: 'é',
        price: 0.1,
        item: "tea tea tea tea tea tea tea tea".into(),
        note: Some("green".into()),
        tags: vec![1, 300],
        counts: BTreeMap::from([("a".into(), 1), ("b".into(), -1)]),
        state: State::Moved { from: "x".into(), to: "y".into() },
        parts: vec![Part("lid".into())],
    }
}

const COMPRESSIONS: [Compression; 3] = [Compression::None, Compression::Gzip, Compression::Zstd];

const FORMATS: [Format; 4] = [Format::Json, Format::MessagePack, Format::Bincode, Format::Postcard];

fn encode<T>(format: Format, value: &T) -> Vec<u8>
where
    T: Serialize + serde::de::DeserializeOwned + Send + Sync + 'static,
{
    let mut out = b"before".to_vec();
    match format {
        Format::Json => Json::encode(value, &mut out),
        Format::MessagePack => MessagePack::encode(value, &mut out),
        Format::Bincode => Bincode::encode(value, &mut out),
        Format::Postcard => Postcard::encode(value, &mut out),
        other => panic!("{other}"),
    }
    .unwrap();
    assert_eq!(&out[..6], b"before", "codecs append");
    out.split_off(6)
}

/// What [`Record::decode`] says is what the codec named by the format says.
fn decode<T>(format: Format, bytes: &[u8]) -> Result<T, crate::DecodeError>
where
    T: Serialize + serde::de::DeserializeOwned + Send + Sync + 'static,
{
    fn by<C: Codec<T, Form = Encoded>, T: Send + Sync + 'static>(
        bytes: &[u8],
    ) -> Result<T, crate::DecodeError> {
        C::decode(bytes)
    }
    match format {
        Format::Json => by::<Json, T>(bytes),
        Format::MessagePack => by::<MessagePack, T>(bytes),
        Format::Bincode => by::<Bincode, T>(bytes),
        Format::Postcard => by::<Postcard, T>(bytes),
        other => panic!("{other}"),
    }
}

fn record(format: Format, compression: Compression, plain: &[u8]) -> Record {
    let mut bytes = Vec::new();
    compress(compression, compression.default_level(), None, plain, &mut bytes).unwrap();
    Record::new(bytes)
        .with_format(format)
        .with_compression(compression)
        .with_plain_length(Some(plain.len() as u32))
}
