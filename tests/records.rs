//! Records: bytes that go into the log as they are, or as what is made of them.

use crate::common;

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use common::Around;
use memq::{
    Broker, Compression, Dictionary, Format, Overflow, PublishError, Publisher, Record,
    TopicBuilder,
};

const DICTIONARY: &[u8] = include_bytes!("../examples/data/flights.dict");

fn zipped<'a>(broker: &'a Broker, name: &str) -> TopicBuilder<'a, Record> {
    broker.topic(name).format(Format::Json).compress(Compression::Gzip)
}

/// A record that is compressed already.
async fn packed(text: &'static str) -> Record {
    let broker = Broker::new();
    let topic = zipped(&broker, "packed");
    topic.publisher().await.unwrap().publish_bytes(text).await.unwrap();
    topic.subscriber().await.unwrap().recv().await.unwrap().into_inner()
}

/// Where its bytes are.
fn place(record: &Record) -> *const u8 {
    record.bytes().as_ptr()
}

#[tokio::test]
async fn each_of_a_batch_is_stored_as_it_is_whatever_is_made_of_the_others() {
    let broker = Broker::new();
    let topic = zipped(&broker, "mixed");
    let writer = topic.publisher().await.unwrap();
    let mut reader = topic.subscriber().await.unwrap();
    let packed = packed("[1]").await;
    let given = vec![
        Record::new("[0]"),
        packed.clone().with_key("one"),
        packed.clone(),
        Record::new("[2]").with_key("two"),
        Record::new(&b"\x91\x03"[..]).with_format(Format::MessagePack).with_version(7),
    ];
    writer.publish_batch(given.clone()).await.unwrap();
    for record in given {
        writer.publish(record).await.unwrap();
    }
    for _ in 0..2 {
        for (number, (format, version, key)) in [
            (Format::Json, 1, None),
            (Format::Json, 1, Some("one")),
            (Format::Json, 1, None),
            (Format::Json, 1, Some("two")),
            (Format::MessagePack, 7, None),
        ]
        .into_iter()
        .enumerate()
        {
            let record = reader.recv().await.unwrap().into_inner();
            assert_eq!((record.format(), record.version()), (format, version));
            assert_eq!(record.key(), key.map(Into::into));
            assert_eq!(record.compression(), Compression::Gzip);
            assert_eq!(record.decode::<[usize; 1]>().unwrap(), [[0, 1, 1, 2, 3][number]]);
            assert_eq!(place(&record) == place(&packed), [1, 2].contains(&number), "{number}");
        }
    }
}

#[tokio::test]
async fn what_is_refused_comes_back_as_it_was_given() {
    let broker = Broker::new();
    let topic = zipped(&broker, "full").max(1).overflow(Overflow::Reject);
    let writer = topic.publisher().await.unwrap();
    writer.publish_bytes("[0]").await.unwrap();
    for record in [Record::new("[1]").with_key("one"), packed("[1]").await] {
        let back = [
            writer.publish(record.clone()).await.unwrap_err(),
            writer.publish(record.clone()).header("a", "b").await.unwrap_err(),
            writer.try_publish(record.clone()).unwrap_err(),
        ];
        for error in back {
            let PublishError::Full(back) = error else { panic!("{error}") };
            assert_eq!(
                (back.format(), back.compression()),
                (record.format(), record.compression())
            );
            assert_eq!((place(&back), back.key()), (place(&record), record.key()));
            assert_eq!(back.headers().len(), 0);
        }
        let error = writer.publish_batch([record.clone(), record.clone()]).await.unwrap_err();
        assert_eq!(error.rest.iter().map(place).collect::<Vec<_>>(), [place(&record); 2]);
    }
}

/// Publishes to its topic when it is let go of, and is counted.
struct Curious(Arc<Mutex<Option<Publisher<Record>>>>, Arc<AtomicUsize>);

impl AsRef<[u8]> for Curious {
    fn as_ref(&self) -> &[u8] {
        b"[1]"
    }
}

impl Drop for Curious {
    fn drop(&mut self) {
        let writer = self.0.lock().unwrap().take();
        if let Some(writer) = writer {
            writer.try_publish(Record::new("[2]")).unwrap();
            *self.0.lock().unwrap() = Some(writer);
        }
        self.1.fetch_add(1, Ordering::Relaxed);
    }
}

#[tokio::test]
async fn bytes_that_are_let_go_of_may_use_the_topic() {
    for compression in [Compression::None, Compression::Gzip] {
        let broker = Broker::new();
        let topic = broker.topic("asked").max(4).compress(compression);
        let writer = topic.publisher().await.unwrap();
        let (place, gone) = (Arc::new(Mutex::new(None)), Arc::new(AtomicUsize::new(0)));
        let record =
            || Record::new(Bytes::from_owner(Curious(place.clone(), gone.clone()))).with_key("k");
        *place.lock().unwrap() = Some(writer.clone());
        for _ in 0..8 {
            writer.publish(record()).await.unwrap();
            writer.publish_batch([record(), record()]).await.unwrap();
        }
        for _ in 0..8 {
            writer.publish_bytes("[0]").await.unwrap();
        }
        assert_eq!(gone.load(Ordering::Relaxed), 24);
        *place.lock().unwrap() = None;
    }
}

#[tokio::test]
async fn a_record_that_is_not_changed_is_not_copied_either() {
    let broker = Broker::new();
    let dictionary = Dictionary::new(DICTIONARY.to_vec());
    let plain = broker.topic("plain").format(Format::Json);
    let other = broker.topic("other").compress(Compression::Zstd).dictionary(dictionary.unwrap());
    let record = packed("[1]").await;
    for topic in [plain, other] {
        let mut reader = topic.subscriber().await.unwrap();
        topic.publisher().await.unwrap().publish(record.clone()).await.unwrap();
        let got = reader.recv().await.unwrap().into_inner();
        assert_eq!((place(&got), got.compression()), (place(&record), Compression::Gzip));
    }
}

#[tokio::test]
async fn a_record_keeps_its_own_dictionary_beside_the_topics() {
    let broker = Broker::new();
    let mut other = DICTIONARY.to_vec();
    other[4] ^= 1;
    let zipped = |name, bytes: Vec<u8>| -> TopicBuilder<'_, Record> {
        let dictionary = Dictionary::new(bytes).unwrap();
        broker.topic(name).compress(Compression::Zstd).dictionary(dictionary)
    };
    let (from, into) = (zipped("from", other), zipped("into", DICTIONARY.to_vec()));
    let text = r#"[{"date":"2001/01/14 21:55","delay":0,"distance":480,"origin":"SAN"}]"#;
    from.publisher().await.unwrap().publish_bytes(text).await.unwrap();
    let record = from.subscriber().await.unwrap().recv().await.unwrap().into_inner();
    let writer = into.publisher().await.unwrap();
    writer.publish(record.clone()).await.unwrap();
    writer.publish_batch([record.clone()]).await.unwrap();
    let mut reader = into.subscriber().await.unwrap();
    for _ in 0..2 {
        assert_eq!(reader.recv().await.unwrap().payload().unwrap(), text);
    }
}

#[tokio::test]
async fn bytes_have_the_format_of_their_topic_one_by_one_and_in_a_batch() {
    let broker = Broker::new();
    let topic = broker.topic("json").format(Format::Json);
    let writer = topic.publisher().await.unwrap();
    let cbor = Record::new("x").with_format(Format::Cbor);
    writer.publish_batch([Record::new("[1]"), cbor.clone(), Record::new("[1]")]).await.unwrap();
    writer.publish_bytes("[1]").await.unwrap();
    writer.publish(cbor).await.unwrap();
    writer.reserve().await.unwrap().send(Record::new("[1]")).unwrap();
    let mut reader = topic.subscriber().await.unwrap();
    for cbor in [false, true, false, false, true, false] {
        let format = if cbor { Format::Cbor } else { Format::Json };
        assert_eq!(reader.recv().await.unwrap().format(), format);
    }
}

/// The length is that of what was compressed, which it no longer is, or is otherwise.
#[tokio::test]
async fn a_record_that_is_compressed_otherwise_forgets_its_length() {
    let zipped = packed("[1]").await;
    assert_eq!(zipped.plain_length(), Some(3));
    assert_eq!(zipped.decompress(8).unwrap().plain_length(), None);
    assert_eq!(zipped.with_compression(Compression::Zstd).plain_length(), None);
}

/// Sealed without compression, and what comes compressed.
#[tokio::test]
async fn what_stages_seal_has_the_format_of_its_topic() {
    let broker = Broker::new();
    let zipped = broker.topic("zipped").compress(Compression::Gzip);
    zipped.publisher().await.unwrap().publish_bytes("[1]").await.unwrap();
    let zipped = zipped.subscriber().await.unwrap().recv().await.unwrap().into_inner();
    let topic = broker.topic("sealed").format(Format::Json).stage(Around);
    let writer = topic.publisher().await.unwrap();
    for record in [Record::new("[1]"), zipped] {
        writer.publish(record.clone()).await.unwrap();
        writer.publish_batch([record]).await.unwrap();
    }
    let mut reader = topic.subscriber().await.unwrap();
    let mut kept = topic.subscriber().keep_sealed().await.unwrap();
    for _ in 0..4 {
        let record = reader.recv().await.unwrap();
        assert_eq!((record.format(), record.decode::<[u8; 1]>().unwrap()), (Format::Json, [1]));
        assert!(kept.recv().await.unwrap().is_sealed());
    }
}

#[tokio::test]
async fn a_record_of_native_values_is_refused_and_comes_back() {
    let broker = Broker::new();
    for compression in [Compression::None, Compression::Gzip] {
        let topic = broker
            .topic(if compression == Compression::None { "plain" } else { "zipped" })
            .compress(compression);
        let writer = topic.publisher().await.unwrap();
        let native = Record::new("[1]").with_format(Format::Native);
        let Err(error) = writer.publish_batch([Record::new("[0]"), native.clone()]).await else {
            panic!("it is published")
        };
        assert_eq!((error.published.len(), error.rest.len()), (1, 1));
        let PublishError::Encode { message, .. } = writer.try_publish(native).unwrap_err() else {
            panic!("it is another error")
        };
        assert_eq!((message.format(), message.bytes()), (Format::Native, &"[1]".into()));
    }
}

#[tokio::test]
async fn what_is_compressed_counts_as_what_is_stored() {
    let broker = Broker::new();
    let topic = broker.topic("zipped").compress(Compression::Gzip);
    let writer = topic.publisher().await.unwrap();
    let record = Record::new("a".repeat(10_000));
    writer.publish(record.clone()).await.unwrap();
    writer.publish_batch([record]).await.unwrap();
    assert!(broker.stats("zipped").await.unwrap().bytes < 1_000);
}

#[tokio::test]
async fn what_debug_shows_of_a_record_is_short_and_said_once() {
    let record = Record::new(r#"{"item":"tea"}"#).with_format(Format::Json).with_key("7");
    let shown =
        r#"Record { format: Json, key: Key("7"), length: 14, bytes: "{\"item\":\"tea\"}" }"#;
    assert_eq!(format!("{record:?}"), shown);

    let broker = Broker::new();
    let topic = broker.topic("orders").format(Format::Json);
    let publisher = topic.publisher().await.unwrap();
    publisher.publish(record).header("trace", "4bf92f").await.unwrap();
    let message = topic.subscriber().await.unwrap().recv().await.unwrap();
    let text = format!("{message:?}");
    assert!(text.starts_with("Message { offset: 0, value: Record { format: Json, key: "), "{text}");
    assert_eq!((text.matches("key: ").count(), text.matches("4bf92f").count()), (1, 1), "{text}");
    let delivery = topic.subscriber().group("billing").await.unwrap().recv().await.unwrap();
    let text = format!("{delivery:?}");
    assert_eq!(text.matches("key: ").count(), 1, "{text}");

    // Bytes that are no text; and many, of which a letter is cut in two.
    let zipped = format!("{:?}", packed("[1]").await);
    assert!(zipped.contains(r#"compression: Gzip, length: "#), "{zipped}");
    assert!(zipped.contains(r#"bytes: b"\x1f\x8b"#), "{zipped}");
    let long = format!("{:?}", Record::new(format!("x{}", "é".repeat(1_000))).with_version(2));
    let start =
        format!("Record {{ format: Raw, version: 2, length: 2001, bytes: \"x{}\"", "é".repeat(31));
    assert_eq!(long, format!("{start}, .. }}"));
}
