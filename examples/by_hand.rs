//! Without the derive: a topic implemented by hand, with a codec of its own, and a stage that seals
//! the bytes while they are stored.
//!
//! ```text
//! cargo run --example by_hand
//! ```

use std::num::ParseFloatError;

use memq::codec::{Codec, Encoded, Stage};
use memq::{
    Broker, Cause, Compression, DecodeError, EncodeError, Error, Format, Key, Record, RecvError,
    Topic, TopicSpec,
};

#[derive(Debug, PartialEq)]
struct Temperature {
    sensor: String,
    celsius: f64,
}

/// What `#[topic(name = "temperatures", codec = Line, compress = Gzip, max = 500)]` and
/// `#[topic(key)]` would say.
impl Topic for Temperature {
    type Codec = Line;
    const SPEC: TopicSpec =
        TopicSpec::new("temperatures").compression(Compression::Gzip).max_messages(500);

    fn key(&self) -> Option<Key<'_>> {
        Some(self.sensor.as_str().into())
    }
}

/// `sensor=celsius`, which needs no serde.
struct Line;

impl Codec<Temperature> for Line {
    type Form = Encoded;
    const FORMAT: Format = Format::Custom;

    fn encode(value: &Temperature, out: &mut Vec<u8>) -> Result<(), EncodeError> {
        out.extend_from_slice(format!("{}={}", value.sensor, value.celsius).as_bytes());
        Ok(())
    }

    fn decode(payload: &[u8]) -> Result<Temperature, DecodeError> {
        let malformed = |source: Cause| DecodeError::Malformed { format: Format::Custom, source };
        let line = std::str::from_utf8(payload).map_err(|error| malformed(error.into()))?;
        let (sensor, celsius) =
            line.rsplit_once('=').ok_or_else(|| malformed("there is no '='".into()))?;
        let celsius = celsius.parse().map_err(|error: ParseFloatError| malformed(error.into()))?;
        Ok(Temperature { sensor: sensor.into(), celsius })
    }
}

/// Stands in for encryption, and is none. A byte in front tells a wrong key.
struct Scramble(u8);

impl Stage for Scramble {
    fn name(&self) -> &str {
        "scramble"
    }

    fn seal(&self, bytes: &[u8]) -> Result<Vec<u8>, Cause> {
        Ok([0].iter().chain(bytes).map(|byte| byte ^ self.0).collect())
    }

    fn open(&self, bytes: &[u8]) -> Result<Vec<u8>, Cause> {
        match bytes.split_first() {
            Some((first, rest)) if *first == self.0 => {
                Ok(rest.iter().map(|byte| byte ^ self.0).collect())
            }
            _ => Err("another key sealed this".into()),
        }
    }
}

#[tokio::main]
async fn main() -> Result<(), Error> {
    let broker = Broker::new();

    // A stage belongs to the topic, so it is said once, where the topic is created.
    broker.create::<Temperature>().stage(Scramble(0x5a)).await?;

    let temperatures = broker.publisher::<Temperature>().await?;
    let attic = || Temperature { sensor: "attic".into(), celsius: 31.5 };
    temperatures.publish(attic()).await?;

    // Subscribers read through the stage, the compression and the codec, backwards.
    let mut incoming = broker.subscriber::<Temperature>().await?;
    let message = incoming.recv().await?;
    println!("{message:?}");
    assert_eq!(*message, attic());
    assert_eq!(message.key(), Some("attic".into()));

    // So do those over bytes; the codec they have to name.
    let record = broker.topic("temperatures").subscriber().await?.recv().await?;
    assert_eq!((record.format(), record.compression()), (Format::Custom, Compression::Gzip));
    println!("payload: {:?}", record.payload()?);
    assert_eq!(record.decode_as::<Line, Temperature>()?, attic());

    // What the codec refuses is one error, and the next message follows.
    let bytes = broker.topic("temperatures").publisher().await?;
    bytes.publish(Record::new("cellar: cold").with_format(Format::Custom)).await?;
    bytes.publish(Record::new("cellar=12").with_format(Format::Custom)).await?;
    match incoming.recv().await {
        Err(RecvError::Decode { offset, source }) => {
            let cause = std::error::Error::source(&source).map(ToString::to_string);
            println!("offset {offset}: {source}: {}", cause.unwrap_or_default());
        }
        other => panic!("{other:?}"),
    }
    assert_eq!(incoming.recv().await?.celsius, 12.0);
    Ok(())
}
