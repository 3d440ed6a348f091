//! Dictionaries: what is compressed with one is opened by whoever has it, and by everybody in the
//! process; who has not is told which.

use crate::common;

use std::sync::Arc;

use common::{Around, Order};
use memq::codec::{Json, MessagePack, Stage};
use memq::{
    Broker, Compression, DecodeError, Dictionary, DictionaryError, Format, OpenError, Record,
    RecvError, Start, Topic, TopicConflict, TopicSpec,
};
use serde::{Deserialize, Serialize};

const BYTES: &[u8] = include_bytes!("../examples/data/flights.dict");
const FLIGHTS: &str = include_str!("../examples/data/flights-2k.json");

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, Topic)]
#[topic(
    name = "flights",
    format = Json,
    compress = Zstd(dict = "../examples/data/flights.dict"),
    max = 20_000,
)]
struct Flight {
    date: String,
    delay: i32,
    distance: u32,
    origin: String,
    destination: String,
}

fn flights() -> Vec<Flight> {
    serde_json::from_str(FLIGHTS).unwrap()
}

fn dictionary() -> Dictionary {
    Dictionary::new(BYTES).unwrap()
}

/// Another dictionary than that of the flights, and always the same.
fn other() -> Dictionary {
    let samples = (0..2_000).map(|n| format!(r#"{{"customer":{},"item":"tea {n}"}}"#, n % 89));
    Dictionary::train(samples, 1_024).unwrap()
}

/// Another one under the same id.
fn namesake() -> Dictionary {
    let mut bytes = other().bytes().to_vec();
    bytes[4..8].copy_from_slice(&BYTES[4..8]);
    Dictionary::new(bytes).unwrap()
}

/// A frame of one flight, from another process as it were.
async fn framed() -> (Flight, bytes::Bytes) {
    let broker = Broker::new();
    let flight = flights().swap_remove(0);
    broker.publisher::<Flight>().await.unwrap().publish(flight.clone()).await.unwrap();
    let record = broker.topic("flights").subscriber().await.unwrap().recv().await.unwrap();
    (flight, record.frame_checked().unwrap())
}

#[track_caller]
fn assert_needs<T: std::fmt::Debug>(result: Result<T, RecvError>, having: &[u32]) {
    match result {
        Err(RecvError::Decode { source: DecodeError::Dictionary { needs, has }, .. }) => {
            assert_eq!((needs, &has[..]), (dictionary().id(), having));
        }
        other => panic!("{other:?}"),
    }
}

#[track_caller]
fn conflict<T>(result: Result<T, OpenError>) -> TopicConflict {
    match result {
        Err(OpenError::Conflict(conflict)) if conflict.option == "dictionary" => conflict,
        Err(error) => panic!("{error}"),
        Ok(_) => panic!("opened"),
    }
}

#[tokio::test]
async fn ten_thousand_small_records_are_less_than_half_of_what_they_are_without() {
    let broker = Broker::new();
    let publisher = broker.publisher::<Flight>().await.unwrap();
    let mut typed = broker.subscriber::<Flight>().await.unwrap();
    let mut untyped = broker.topic("flights").subscriber().await.unwrap();
    let without = broker.topic("without").compress(Compression::Zstd).max(1);
    let without = (without.publisher().await.unwrap(), without.subscriber().await.unwrap());
    let (writer, mut alone) = without;

    let (mut plain, mut with, mut by_itself) = (0, 0, 0);
    for flight in flights().iter().cycle().take(10_000) {
        publisher.publish(flight.clone()).await.unwrap();
        assert_eq!(*typed.recv().await.unwrap(), *flight);
        let record = untyped.recv().await.unwrap();
        assert_eq!(record.compression(), Compression::Zstd);
        assert_eq!(record.decode::<Flight>().unwrap(), *flight);
        let payload = record.payload().unwrap();
        (plain, with) = (plain + payload.len(), with + record.bytes().len());
        writer.publish_bytes(payload).await.unwrap();
        by_itself += alone.recv().await.unwrap().bytes().len();
    }
    assert!(with * 2 < by_itself, "{plain} bytes, {by_itself} alone, {with} with the dictionary");
}

#[tokio::test]
async fn a_frame_is_read_back_from_a_file_by_who_has_the_dictionary() {
    let (flight, file) = framed().await;
    let record = Record::parse(file).unwrap();
    match record.decode::<Flight>() {
        Err(error @ DecodeError::Dictionary { .. }) => {
            let text = error.to_string();
            let id = dictionary().id().to_string();
            for part in [&*id, "none is here", "`.dictionary(…)`", "`Record::with_dictionary`"] {
                assert!(text.contains(part), "{text}");
            }
        }
        other => panic!("{other:?}"),
    }
    assert!(matches!(
        record.clone().with_dictionary(&other()).payload(),
        Err(DecodeError::Dictionary { has, .. }) if has == [other().id()]
    ));
    let record = record.with_dictionary(&other()).with_dictionary(&dictionary());
    assert_eq!(record.decode::<Flight>().unwrap(), flight);
    assert_eq!(record.decompress(1_000).unwrap().decode::<Flight>().unwrap(), flight);
    assert_eq!(record.decode_as::<Json, Flight>().unwrap(), flight);
    // What is framed and parsed again has left the dictionary behind.
    let again = Record::parse(record.frame().unwrap()).unwrap();
    assert!(matches!(again.payload(), Err(DecodeError::Dictionary { .. })));
}

#[tokio::test]
async fn bytes_from_elsewhere_are_opened_with_the_topics_dictionary() {
    let (flight, frame) = framed().await;
    let broker = Broker::new();
    let mut typed = broker.subscriber::<Flight>().await.unwrap();
    let bridge = broker.topic("flights").publisher().await.unwrap();
    bridge.publish_bytes(frame).await.unwrap();
    assert_eq!(*typed.recv().await.unwrap(), flight);
    let mut untyped = broker.topic("flights").subscriber().await.unwrap();
    assert_eq!(untyped.recv().await.unwrap().decode::<Flight>().unwrap(), flight);
}

#[tokio::test]
async fn a_subscriber_without_the_dictionary_is_told_which_and_goes_on() {
    let (flight, frame) = framed().await;
    // A topic of the same type that knows no dictionary.
    let broker = Broker::new();
    let bridge = broker.topic("orders").publisher().await.unwrap();
    let json = r#"{"customer":7,"item":"tea"}"#;
    bridge.publish_bytes(frame).await.unwrap();
    bridge.publish_bytes(json).await.unwrap();

    let mut none = broker.subscriber::<Order>().await.unwrap();
    assert_needs(none.recv().await, &[]);
    assert_eq!(none.recv().await.unwrap().customer, 7);
    let mut one = broker.subscriber::<Order>().dictionary(other()).await.unwrap();
    assert_needs(one.recv().await, &[other().id()]);
    let builder = broker.subscriber::<Order>().dictionary(other()).dictionary(dictionary());
    // The bytes are opened now, and are no order.
    match builder.await.unwrap().recv().await {
        Err(RecvError::Decode { source: DecodeError::Malformed { .. }, .. }) => {}
        other => panic!("{other:?}"),
    }

    let mut none = broker.topic("orders").subscriber().await.unwrap();
    let record = none.recv().await.unwrap();
    assert!(matches!(record.payload(), Err(DecodeError::Dictionary { .. })));
    let mut has = broker.topic("orders").subscriber().dictionary(dictionary()).await.unwrap();
    let record = has.recv().await.unwrap();
    assert_eq!(record.decode::<Flight>().unwrap(), flight);
    // A record that is published again takes its dictionary along.
    broker.topic("copy").publisher().await.unwrap().publish(record.into_inner()).await.unwrap();
    let copy = broker.topic("copy").subscriber().await.unwrap().recv().await.unwrap();
    assert_eq!(copy.decode::<Flight>().unwrap(), flight);
}

#[tokio::test]
async fn one_publisher_compresses_with_another_dictionary_and_every_subscriber_reads_it() {
    let broker = Broker::new();
    let mut early = broker.subscriber::<Flight>().await.unwrap();
    let publisher = broker.publisher::<Flight>().dictionary(other()).level(19).await.unwrap();
    let mixed = broker.publisher::<Flight>().format(MessagePack).await.unwrap();
    let gzip = broker.publisher::<Flight>().compress(Compression::Gzip).await.unwrap();
    let flight = &flights()[7];
    for publisher in [&publisher, &mixed, &gzip] {
        publisher.publish(flight.clone()).await.unwrap();
        assert_eq!(*early.recv().await.unwrap(), *flight);
    }
    let mut untyped = broker.topic("flights").subscriber().await.unwrap();
    for compression in [Compression::Zstd, Compression::Zstd, Compression::Gzip] {
        let record = untyped.recv().await.unwrap();
        assert_eq!(record.compression(), compression);
        assert_eq!(record.decode::<Flight>().unwrap(), *flight);
    }

    let refused = broker.publisher::<Flight>().compress(Compression::Gzip).dictionary(other());
    match refused.await {
        Err(OpenError::Option { option: "dictionary", remedy, .. }) => {
            assert!(remedy.contains("Zstandard"), "{remedy}");
        }
        other => panic!("{other:?}"),
    }
    let refused = conflict(broker.publisher::<Flight>().dictionary(namesake()).await);
    assert!(refused.requested.contains("another one"), "{refused}");
}

#[tokio::test]
async fn another_dictionary_is_a_conflict_at_open() {
    let broker = Broker::new();
    broker.create::<Flight>().await.unwrap();
    let topic = broker.topic("flights").compress(Compression::Zstd);
    let (own, others) = (dictionary().id().to_string(), other().id().to_string());

    let refused = conflict(topic.clone().dictionary(other()).await);
    assert_eq!((refused.existing, refused.requested), (own.clone(), others));
    let refused = conflict(topic.clone().dictionary(namesake()).publisher().await);
    assert_eq!(refused.existing, own);
    assert!(refused.requested.starts_with("another one"), "{}", refused.requested);
    topic.clone().dictionary(dictionary()).await.unwrap();
    topic.await.unwrap();
    assert_eq!(broker.options("flights").await.unwrap().dictionary, Some(dictionary().id()));

    // A reader by name that comes first does not fix that there is none; a publisher does.
    for publishes in [false, true] {
        let broker = Broker::new();
        let topic = broker.topic("flights").compress(Compression::Zstd);
        topic.subscriber().await.unwrap();
        if publishes {
            topic.publisher().await.unwrap();
            let refused = conflict(broker.subscriber::<Flight>().await);
            assert_eq!(
                (&*refused.existing, refused.requested),
                ("none (the default)", own.clone())
            );
        } else {
            broker.subscriber::<Flight>().await.unwrap();
        }
    }
}

#[tokio::test]
async fn a_dictionary_without_zstd_is_refused() {
    let broker = Broker::new();
    for topic in [broker.topic("a"), broker.topic("a").compress(Compression::Gzip)] {
        match topic.dictionary(dictionary()).await {
            Err(OpenError::Option { option: "dictionary", .. }) => {}
            other => panic!("{other:?}"),
        }
    }
    assert!(broker.topics().await.unwrap().is_empty());
}

/// The magic and an id, and nothing that zstd could load.
#[derive(Serialize, Deserialize)]
struct Damaged;

impl Topic for Damaged {
    type Codec = Json;
    const SPEC: TopicSpec = TopicSpec::new("damaged")
        .compression(Compression::Zstd)
        .dictionary(b"\x37\xa4\x30\xec\x07\0\0\0 these are no tables");
}

#[tokio::test]
async fn a_damaged_dictionary_is_found_at_open() {
    let broker = Broker::new();
    for _ in 0..2 {
        match broker.subscriber::<Damaged>().await {
            Err(OpenError::Dictionary { topic, source: DictionaryError::Damaged }) => {
                assert_eq!(topic, "damaged");
            }
            other => panic!("{other:?}"),
        }
    }
    assert!(broker.topics().await.unwrap().is_empty());
}

#[tokio::test]
async fn dead_letters_keep_their_dictionary() {
    let broker = Broker::new();
    let flight = flights().swap_remove(3);
    broker.publisher::<Flight>().await.unwrap().publish(flight.clone()).await.unwrap();
    let mut group = broker.subscriber::<Flight>().group("desk").await.unwrap();
    group.recv().await.unwrap().reject("too late");

    let dead = broker.dead_letters::<Flight>("desk");
    assert_eq!(*dead.subscriber().await.unwrap().recv().await.unwrap(), flight);
    let name = dead.topic().await.unwrap();
    let record = broker.topic(name.as_str()).subscriber().await.unwrap().recv().await.unwrap();
    assert_eq!(record.compression(), Compression::Zstd);
    assert_eq!(record.decode::<Flight>().unwrap(), flight);
    dead.redrive(|_, _| true).await.unwrap();
    assert_eq!(*group.recv().await.unwrap(), flight);
}

#[tokio::test]
async fn what_stages_seal_keeps_its_dictionary() {
    let broker = Broker::new();
    broker.create::<Flight>().stage(Around).await.unwrap();
    let flight = flights().swap_remove(4);
    broker.publisher::<Flight>().await.unwrap().publish(flight.clone()).await.unwrap();
    assert_eq!(*broker.subscriber::<Flight>().await.unwrap().recv().await.unwrap(), flight);
    let topic = broker.topic("flights");
    let record = topic.subscriber().await.unwrap().recv().await.unwrap();
    assert_eq!(record.decode::<Flight>().unwrap(), flight);

    let sealed = topic.subscriber().keep_sealed().await.unwrap().recv().await.unwrap();
    let stages: [Arc<dyn Stage>; 1] = [Arc::new(Around)];
    assert_eq!(sealed.unseal(&stages).unwrap().decode::<Flight>().unwrap(), flight);
    let file = Record::parse(sealed.frame().unwrap()).unwrap();
    assert!(matches!(file.unseal(&stages).unwrap().payload(), Err(DecodeError::Dictionary { .. })));
    let opened = file.with_dictionary(&dictionary()).unseal(&stages).unwrap();
    assert_eq!(opened.decode::<Flight>().unwrap(), flight);
}

#[tokio::test]
async fn decoded_bytes_are_bounded_with_a_dictionary_too() {
    let broker = Broker::new();
    let topic = broker
        .topic("orders")
        .format(Format::Json)
        .compress(Compression::Zstd)
        .dictionary(dictionary());
    let order = format!(r#"{{"customer":7,"item":"{}"}}"#, "tea".repeat(1_000));
    topic.publisher().await.unwrap().publish_bytes(order.clone()).await.unwrap();
    for (limit, fits) in [(order.len(), true), (order.len() - 1, false)] {
        let reader = broker.subscriber::<Order>().max_decoded(limit).from(Start::Earliest);
        match reader.await.unwrap().recv().await {
            Ok(read) => assert!(fits && read.customer == 7),
            Err(RecvError::Decode { source: DecodeError::TooLarge { .. }, .. }) => assert!(!fits),
            Err(error) => panic!("{error}"),
        }
    }
    // A frame that declares less than its payload has.
    let record = topic.subscriber().await.unwrap().recv().await.unwrap();
    let mut frame = record.frame().unwrap().to_vec();
    frame[8..12].copy_from_slice(&100_u32.to_le_bytes());
    let lie = Record::parse(frame).unwrap().with_dictionary(&dictionary());
    assert!(matches!(lie.payload(), Err(DecodeError::Length { declared: 100, .. })));
}

/// Dictionaries of nearly the same records are told apart, so that payloads are never opened with the
/// wrong one.
#[test]
fn a_dictionary_that_is_trained_again_has_an_id_of_its_own() {
    let sample = |n: u64| format!(r#"{{"customer":{},"item":"tea {n}"}}"#, n % 89);
    let mut known = std::collections::HashMap::new();
    for samples in 1_990..2_000 {
        let dictionary = Dictionary::train((0..samples).map(sample), 1_024).unwrap();
        assert!((32_768..1 << 31).contains(&dictionary.id()));
        let bytes = dictionary.bytes().clone();
        assert_eq!(*known.entry(dictionary.id()).or_insert_with(|| bytes.clone()), bytes);
    }
    assert!(known.len() > 1, "none is another");
}

#[tokio::test]
async fn a_subscriber_is_not_given_another_one_of_the_topics_id() {
    let broker = Broker::new();
    let _flights = broker.publisher::<Flight>().await.unwrap();
    conflict(broker.subscriber::<Flight>().dictionary(namesake()).await);
    assert!(broker.subscriber::<Flight>().dictionary(other()).await.is_ok());
}
