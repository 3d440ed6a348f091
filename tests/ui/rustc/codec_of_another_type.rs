use memq::codec::{Codec, Encoded};
use memq::{DecodeError, EncodeError, Format, Topic};

struct Utf8;

impl Codec<String> for Utf8 {
    type Form = Encoded;
    const FORMAT: Format = Format::Custom;

    fn encode(_: &String, _: &mut Vec<u8>) -> Result<(), EncodeError> {
        Ok(())
    }

    fn decode(_: &[u8]) -> Result<String, DecodeError> {
        Ok(String::new())
    }
}

#[derive(Topic)]
#[topic(name = "orders", codec = Utf8)]
struct Order;

fn main() {}
