//! A dictionary in a file beside the source, with a level, without, in a macro and by hand.

use memq::{Compression, Topic, TopicSpec};
use serde::{Deserialize, Serialize};

#[derive(Serialize, Deserialize, Topic)]
#[topic(name = "flights", format = Json, compress = Zstd(dict = "../../../examples/data/flights.dict"))]
struct Flight;

#[derive(Serialize, Deserialize, Topic)]
#[topic(
    name = "flights.small",
    format = Postcard,
    compress = Zstd(-7, dict = r"../../../examples/data/flights.dict",),
)]
struct Small;

macro_rules! topic {
    ($type:ident, $level:literal, $path:literal) => {
        #[derive(Serialize, Deserialize, Topic)]
        #[topic(name = "flights", format = Json, compress = Zstd($level, dict = $path))]
        struct $type;
    };
}

topic!(Listed, 3, "../../../examples/data/flights.dict");

const BYTES: &[u8] = include_bytes!("../../../examples/data/flights.dict");

const BY_HAND: TopicSpec =
    TopicSpec::new("flights").compression(Compression::Zstd).dictionary(BYTES);

const SMALL: TopicSpec =
    TopicSpec::new("flights.small").compression_level(Compression::Zstd, -7).dictionary(BYTES);

fn main() {
    assert_eq!(Flight::SPEC, BY_HAND);
    assert_eq!(Listed::SPEC, BY_HAND);
    assert_eq!(Small::SPEC, SMALL);
}
