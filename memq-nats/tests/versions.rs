//! Versions of a type, through servers.
#![allow(clippy::unwrap_used, reason = "this is a test")]

mod support;

use std::time::Duration;

use memq::codec::{Codec, Encoded};
use memq::schema::{Fingerprint, Lineage};
use memq::{Cause, DeadLetter, DecodeError, EncodeError, Format, RecvError, Topic, TopicSpec};

use crate::support::{PATIENCE, contents, each, raw, to};

/// A number as eight bytes: a format of positions, as far as anybody can tell.
struct Bytes;

macro_rules! reading {
    ($type:ident, $version:literal, $shape:literal $(, $lineage:expr)?) => {
        #[derive(Debug, PartialEq)]
        struct $type(i64);

        impl Codec<$type> for Bytes {
            type Form = Encoded;
            const FORMAT: Format = Format::Postcard;

            fn encode(value: &$type, out: &mut Vec<u8>) -> Result<(), EncodeError> {
                out.extend_from_slice(&value.0.to_le_bytes());
                Ok(())
            }

            fn decode(payload: &[u8]) -> Result<$type, DecodeError> {
                match payload.try_into() {
                    Ok(bytes) => Ok($type(i64::from_le_bytes(bytes))),
                    Err(_) => Err(DecodeError::Unknown),
                }
            }
        }

        impl Topic for $type {
            type Codec = Bytes;
            const SPEC: TopicSpec = TopicSpec::new("readings").version($version);
            const SHAPE: Option<Fingerprint> = Some(Fingerprint::of($shape));
            $(const LINEAGE: Lineage<Self> = $lineage;)?
        }
    };
}

reading!(Celsius, 1, "celsius");
reading!(Kelvin, 2, "kelvin", Lineage::from::<Celsius>());
reading!(Positive, 3, "positive", Lineage::try_from::<Kelvin>());
reading!(Stranger, 3, "stranger");

impl From<Celsius> for Kelvin {
    fn from(old: Celsius) -> Self {
        Self(old.0 + 273)
    }
}

impl TryFrom<Kelvin> for Positive {
    type Error = Cause;

    fn try_from(old: Kelvin) -> Result<Self, Cause> {
        if old.0 < 0 { Err("it is colder than possible".into()) } else { Ok(Self(old.0)) }
    }
}

#[tokio::test]
async fn versions_go_through_a_server_and_come_back() {
    each(async |server| {
        let broker = to(&server.url()).await.unwrap();
        broker.publisher::<Celsius>().await.unwrap().publish(Celsius(20)).await.unwrap();
        broker.publisher::<Kelvin>().await.unwrap().publish(Kelvin(-1)).await.unwrap();
        broker.publisher::<Positive>().await.unwrap().publish(Positive(3)).await.unwrap();

        // As a client of any language sees them.
        let kept = contents(&server, "memq-readings").await;
        let shapes = [Celsius::SHAPE, Kelvin::SHAPE, Positive::SHAPE];
        for (message, (version, shape)) in
            kept.iter().zip([None, Some("2"), Some("3")].iter().zip(shapes))
        {
            let headers = message.headers.as_ref().unwrap();
            let said = |name: &str| headers.get(name).map(|value| value.as_str().to_owned());
            assert_eq!(said("Memq-Version").as_deref(), *version);
            assert_eq!(said("Memq-Fingerprint"), shape.map(|shape| shape.to_string()));
        }

        // Another process, that knows the newest type only.
        let other = to(&server.url()).await.unwrap();
        let mut reader = other.subscriber::<Positive>().from(0).await.unwrap();
        assert_eq!(reader.recv().await.unwrap().0, 293);
        match reader.recv().await {
            Err(RecvError::Decode {
                source: DecodeError::Upcast { from: 2, to: 3, .. }, ..
            }) => {}
            other => panic!("{other:?}"),
        }
        assert_eq!(reader.recv().await.unwrap().0, 3);

        // One that is older, and one that is of the same version and another type.
        let older = to(&server.url()).await.unwrap();
        let mut reader = older.subscriber::<Celsius>().from(1).await.unwrap();
        match reader.recv().await {
            Err(RecvError::Decode { source: DecodeError::Version { got: 2, have: 1 }, .. }) => {}
            other => panic!("{other:?}"),
        }
        let strange = to(&server.url()).await.unwrap();
        let mut reader = strange.subscriber::<Stranger>().from(2).await.unwrap();
        match reader.recv().await {
            Err(RecvError::Decode { source: DecodeError::Schema { got, have }, .. }) => {
                assert_eq!((Some(got), Some(have)), (Positive::SHAPE, Stranger::SHAPE));
            }
            other => panic!("{other:?}"),
        }
    })
    .await;
}

#[tokio::test]
async fn a_bare_message_of_another_client_is_of_version_1() {
    each(async |server| {
        let broker = to(&server.url()).await.unwrap();
        let mut reader = broker.subscriber::<Kelvin>().await.unwrap();
        let subject = "memq.readings.0.m";
        let bytes = 7_i64.to_le_bytes().to_vec();
        raw(&server).await.publish(subject, bytes.into()).await.unwrap().await.unwrap();
        assert_eq!(reader.recv().await.unwrap().0, 280);
    })
    .await;
}

#[tokio::test]
async fn a_dead_letter_keeps_what_it_was_written_from_and_comes_back_as_that() {
    each(async |server| {
        let broker = to(&server.url()).await.unwrap();
        broker.publisher::<Kelvin>().await.unwrap().publish(Kelvin(-1)).await.unwrap();
        broker.publisher::<Positive>().await.unwrap().publish(Positive(3)).await.unwrap();
        let group = broker.subscriber::<Positive>().from(0).group("work").any_order();
        let mut group = group.await.unwrap();
        let first = group.recv().await.unwrap();
        assert_eq!(first.0, 3);
        first.ack_confirmed().await.unwrap();

        let letters = broker.dead_letters::<Kelvin>("work");
        let mut dead = letters.subscriber().await.unwrap();
        let letter = tokio::time::timeout(PATIENCE, dead.recv()).await.unwrap().unwrap();
        assert_eq!(letter.0, -1);
        let why = DeadLetter::of(letter.headers()).unwrap();
        assert!(why.reason.contains("version 3: it is colder than possible"), "{}", why.reason);
        let redriven = letters.redrive(|_, _| true).await.unwrap();
        assert_eq!((redriven.redriven, redriven.left), (1, 0));
        let mut back = broker.topic("readings").subscriber().from(2).await.unwrap();
        let back = tokio::time::timeout(Duration::from_secs(30), back.recv()).await;
        let back = back.unwrap().unwrap();
        assert_eq!((back.version(), back.fingerprint()), (2, Kelvin::SHAPE));
    })
    .await;
}
