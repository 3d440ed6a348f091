//! Records: bytes that go into the log as they are, or as what is made of them.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use memq::{
    Broker, Compression, Dictionary, Format, Overflow, PublishError, Publisher, Record,
    TopicBuilder,
};

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
    let dictionary = Dictionary::new(include_bytes!("../examples/data/flights.dict").to_vec());
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
