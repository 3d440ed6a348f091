//! Formats by name and codecs by path.

use memq::codec::{Codec, Encoded};
use memq::{DecodeError, EncodeError, Format, Topic};
use serde::{Deserialize, Serialize};

mod my {
    pub struct Through<C>(std::marker::PhantomData<C>);
}

impl<T, C: Codec<T>> Codec<T> for my::Through<C>
where
    T: Send + Sync + 'static,
{
    type Form = Encoded;
    const FORMAT: Format = Format::Custom;

    fn encode(value: &T, out: &mut Vec<u8>) -> Result<(), EncodeError> {
        C::encode(value, out)
    }

    fn decode(payload: &[u8]) -> Result<T, DecodeError> {
        C::decode(payload)
    }
}

#[derive(Topic)]
#[topic(name = "native", format = Native)]
struct Native;

#[derive(Serialize, Deserialize, Topic)]
#[topic(name = "json", format = Json)]
struct Json(u64);

#[derive(Serialize, Deserialize, Topic)]
#[topic(name = "message-pack", format = MessagePack)]
struct MessagePack(u64);

#[derive(Serialize, Deserialize, Topic)]
#[topic(name = "postcard", format = Postcard)]
struct Postcard(u64);

#[derive(Serialize, Deserialize, Topic)]
#[topic(name = "bincode", format = Bincode)]
struct Bincode(u64);

#[derive(Serialize, Deserialize, Topic)]
#[topic(name = "custom", codec = my::Through<memq::codec::Json>, compress = Gzip, max = 10)]
struct Custom(u64);

fn format<T: Topic>() -> Format {
    <T::Codec as Codec<T>>::FORMAT
}

fn main() {
    assert_eq!(format::<Native>(), Format::Native);
    assert_eq!(format::<Json>(), Format::Json);
    assert_eq!(format::<MessagePack>(), Format::MessagePack);
    assert_eq!(format::<Postcard>(), Format::Postcard);
    assert_eq!(format::<Bincode>(), Format::Bincode);
    assert_eq!(format::<Custom>(), Format::Custom);
}
