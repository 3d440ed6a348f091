//! What a message carries beside its value: key, headers, time; and reading it without decoding.

use crate::common;

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use common::Order;
use memq::codec::Native;
use memq::{
    Broker, EncodeError, Format, HeaderError, Headers, Key, Offset, PublishError, Record,
    Timestamp, Topic, TopicKey, TopicSpec,
};

/// A native message that is not `Clone`, with a key.
#[derive(Debug)]
struct Frame {
    camera: Option<u8>,
    pixels: Arc<Vec<u8>>,
}

impl Topic for Frame {
    type Codec = Native;
    const SPEC: TopicSpec = TopicSpec::new("frames");

    fn key(&self) -> Option<Key<'_>> {
        self.camera.to_key()
    }
}

numbers!(Number, "numbers");

#[tokio::test]
async fn the_key_comes_from_the_value_unless_one_is_given() {
    let broker = Broker::new();
    let orders = broker.publisher::<Order>().await.unwrap();
    let frames = broker.publisher::<Frame>().await.unwrap();
    let frame = |camera| Frame { camera, pixels: Arc::default() };
    orders.publish(Order::new(7, "tea")).await.unwrap();
    orders.publish(Order::new(7, "tea")).key("eight").await.unwrap();
    frames.publish(frame(Some(3))).await.unwrap();
    frames.publish(frame(None)).await.unwrap();
    frames.publish(frame(None)).key(4_u64).await.unwrap();

    let mut orders = broker.subscriber::<Order>().await.unwrap();
    assert_eq!(orders.recv().await.unwrap().key(), Some("7".into()));
    assert_eq!(orders.recv().await.unwrap().key(), Some("eight".into()));
    let mut frames = broker.subscriber::<Frame>().await.unwrap();
    assert_eq!(frames.recv().await.unwrap().key(), Some("3".into()));
    let batch = frames.recv_batch(2).await.unwrap();
    assert_eq!(batch.get(0).unwrap().key(), None);
    assert_eq!(batch.get(1).unwrap().key(), Some("4".into()));
}

#[tokio::test]
async fn bytes_have_the_key_that_was_said_or_none() {
    let broker = Broker::new();
    let bytes = broker.topic("orders").format(Format::Json).publisher().await.unwrap();
    let tea = r#"{"customer":7,"item":"tea"}"#;
    bytes.publish_bytes(tea).await.unwrap();
    bytes.publish_bytes(tea).key(7_u64).await.unwrap();
    let mut orders = broker.subscriber::<Order>().await.unwrap();
    let mut billing = broker.subscriber::<Order>().group("billing").await.unwrap();
    for key in [None, Some("7".into())] {
        assert_eq!(orders.recv().await.unwrap().key(), key, "whatever is in them");
        let delivery = billing.recv().await.unwrap();
        assert_eq!(delivery.key(), key);
        delivery.ack();
    }
}

#[tokio::test]
async fn batches_and_permits_take_the_key_from_the_value() {
    let broker = Broker::new();
    let orders = broker.publisher::<Order>().await.unwrap();
    orders.publish_batch([Order::new(1, "tea"), Order::new(2, "tea")]).await.unwrap();
    orders.reserve().await.unwrap().send(Order::new(3, "tea")).unwrap();
    let mut incoming = broker.subscriber::<Order>().await.unwrap();
    for customer in 1..4_u64 {
        assert_eq!(incoming.recv().await.unwrap().key(), Some(customer.into()));
    }
}

#[tokio::test]
async fn headers_arrive_in_order_for_typed_and_untyped_readers() {
    let broker = Broker::new();
    let orders = broker.publisher::<Order>().await.unwrap();
    let publish = orders.publish(Order::new(7, "tea"));
    publish.header("trace", "4bf92f").header("source", "größer").await.unwrap();
    orders.publish(Order::new(8, "tea")).await.unwrap();

    let mut typed = broker.subscriber::<Order>().await.unwrap();
    let message = typed.recv().await.unwrap();
    let expected = [("trace", "4bf92f"), ("source", "größer")];
    assert_eq!(message.headers().iter().collect::<Vec<_>>(), expected);
    assert!(typed.recv().await.unwrap().headers().is_empty());

    let record = broker.topic("orders").subscriber().await.unwrap().recv().await.unwrap();
    assert_eq!(Record::headers(&record).iter().collect::<Vec<_>>(), expected);
    assert_eq!(Record::key(&record), Some(Key::from("7")));
}

#[tokio::test]
async fn a_header_that_breaks_the_rules_gives_the_message_back() {
    let broker = Broker::new();
    let numbers = broker.publisher::<Number>().await.unwrap();
    let publish = numbers.publish(Number(1)).header("two words", "x").header("fine", "y");
    match publish.await {
        Err(PublishError::Encode {
            message: Number(1),
            source: EncodeError::Header(HeaderError::Name { name }),
            ..
        }) => assert_eq!(name, "two words"),
        other => panic!("{other:?}"),
    }
    assert!(numbers.publish(Number(1)).header("a", "x\ny").now().is_err());
    assert_eq!(broker.stats("numbers").await.unwrap().published, 0);
}

#[tokio::test]
async fn headers_said_on_publishing_are_added_to_those_of_a_record() {
    let broker = Broker::new();
    let log = broker.topic("log");
    let writer = log.publisher().await.unwrap();
    let mut headers = Headers::new();
    headers.insert("a", "1").unwrap();
    headers.insert("b", "2").unwrap();
    let record = Record::new("x").with_key("old").with_headers(headers);
    writer.publish(record.clone()).header("b", "3").header("c", "4").await.unwrap();
    writer.publish(record).key("new").await.unwrap();

    let mut reader = log.subscriber().await.unwrap();
    let first = reader.recv().await.unwrap();
    let all: Vec<_> = first.headers().iter().collect();
    assert_eq!(all, [("a", "1"), ("b", "3"), ("c", "4")]);
    assert_eq!(first.key(), Some("old".into()));
    let second = reader.recv().await.unwrap();
    assert_eq!(second.key(), Some("new".into()));
    assert_eq!(second.headers().len(), 2);
}

#[tokio::test]
async fn keys_and_headers_count_towards_max_bytes() {
    let broker = Broker::new();
    let log = broker.topic("log");
    let writer = log.publisher().await.unwrap();
    writer.publish_bytes("").await.unwrap();
    let empty = broker.stats("log").await.unwrap().bytes;
    writer.publish_bytes("abc").key("12").header("name", "value").await.unwrap();
    let one = 2 * empty + 3 + (96 + 2) + (64 + 9);
    assert_eq!(broker.stats("log").await.unwrap().bytes, one);
    // Many short headers take more than their text.
    let mut headers = Headers::new();
    for name in 100..200 {
        headers.insert(name.to_string(), "").unwrap();
    }
    writer.publish(Record::new("").with_headers(headers)).await.unwrap();
    assert_eq!(broker.stats("log").await.unwrap().bytes, one + empty + 96 + 100 * (64 + 3));
}

/// A message whose key is the beginning of its payload.
#[derive(Debug, Default, serde::Serialize, serde::Deserialize)]
struct Packet {
    #[serde(skip)]
    payload: bytes::Bytes,
    key: usize,
}

impl Topic for Packet {
    type Codec = memq::codec::Json;
    const SPEC: TopicSpec = TopicSpec::new("packets");

    fn key(&self) -> Option<Key<'_>> {
        Some(self.payload.slice(..self.key).into())
    }
}

#[tokio::test]
async fn a_key_keeps_no_larger_buffer_alive() {
    let broker = Broker::new();
    let packets = broker.publisher::<Packet>().await.unwrap();
    let mut incoming = broker.subscriber::<Packet>().await.unwrap();
    let payload = bytes::Bytes::from(vec![b'k'; 1 << 20]);
    for key in [5, 500] {
        packets.publish(Packet { payload: payload.clone(), key }).await.unwrap();
        assert!(payload.is_unique(), "{key}");
        let message = incoming.recv().await.unwrap();
        assert_eq!(message.key().unwrap().as_bytes(), &payload[..key]);
    }
}

#[tokio::test(start_paused = true)]
async fn published_at_follows_the_clock_and_never_goes_back() {
    let broker = Broker::new();
    let numbers = broker.publisher::<Number>().await.unwrap();
    let mut incoming = broker.subscriber::<Number>().await.unwrap();
    let mut times = Vec::new();
    for step in [0, 1, 0, 5_000] {
        tokio::time::advance(Duration::from_millis(step)).await;
        numbers.publish(Number(0)).await.unwrap();
        times.push(incoming.recv().await.unwrap().published_at());
    }
    let since: Vec<_> = times.iter().map(|time| time.since(times[0]).as_millis()).collect();
    assert_eq!(since, [0, 1, 1, 5_001]);
    // From a time on: the first message stored then.
    incoming.seek(times[1]).await.unwrap();
    assert_eq!(incoming.recv().await.unwrap().offset(), Offset(1));
}

#[tokio::test]
async fn a_native_message_is_the_value_itself_for_every_reader() {
    let broker = Broker::new();
    let frames = broker.publisher::<Frame>().await.unwrap();
    let mut one = broker.subscriber::<Frame>().await.unwrap();
    let mut other = broker.subscriber::<Frame>().await.unwrap();
    let pixels = Arc::new(vec![1, 2, 3]);
    frames.publish(Frame { camera: None, pixels: pixels.clone() }).await.unwrap();
    let (one, other) = (one.recv().await.unwrap(), other.recv().await.unwrap());
    assert!(std::ptr::eq(&*one, &*other));
    assert!(Arc::ptr_eq(&one.pixels, &pixels));
    assert_eq!(Arc::strong_count(&pixels), 2);
}

#[tokio::test]
async fn into_inner_gives_the_value_alone() {
    let broker = Broker::new();
    let numbers = broker.publisher::<Number>().await.unwrap();
    let orders = broker.publisher::<Order>().await.unwrap();
    numbers.publish(Number(5)).await.unwrap();
    orders.publish_batch([Order::new(1, "tea"), Order::new(2, "milk")]).await.unwrap();
    let number = broker.subscriber::<Number>().await.unwrap().recv().await.unwrap();
    assert_eq!(number.into_inner(), Number(5));
    let batch = broker.subscriber::<Order>().await.unwrap().recv_batch(9).await.unwrap();
    let orders: Vec<_> = batch.into_iter().map(memq::Message::into_inner).collect();
    assert_eq!(orders, [Order::new(1, "tea"), Order::new(2, "milk")]);
}

#[tokio::test]
async fn a_typed_message_is_read_as_bytes_and_bytes_as_a_typed_message() {
    let broker = Broker::new();
    let orders = broker.publisher::<Order>().await.unwrap();
    let mut typed = broker.subscriber::<Order>().await.unwrap();
    let log = broker.topic("orders");
    let mut bytes = log.subscriber().await.unwrap();
    orders.publish(Order::new(7, "tea")).await.unwrap();
    let record = bytes.recv().await.unwrap();
    assert_eq!(Record::format(&record), Format::Json);
    assert_eq!(record.bytes(), r#"{"customer":7,"item":"tea"}"#);

    let writer = log.publisher().await.unwrap();
    let text = r#" {"item": "milk", "customer": 8} "#;
    writer.publish(Record::new(text)).await.unwrap();
    assert_eq!(*typed.recv().await.unwrap(), Order::new(7, "tea"));
    assert_eq!(*typed.recv().await.unwrap(), Order::new(8, "milk"));
    // Bytes are given as they were written.
    assert_eq!(bytes.recv().await.unwrap().bytes(), text);
}

#[tokio::test]
async fn text_with_characters_of_several_bytes_is_published_and_shown() {
    let broker = Broker::new();
    let orders = broker.publisher::<Order>().await.unwrap();
    let mut incoming = broker.subscriber::<Order>().await.unwrap();
    for length in 250..260 {
        let item = format!("{}ß€🦀", "x".repeat(length));
        orders.publish(Order::new(1, &item)).key(&*item).await.unwrap();
        let message = incoming.recv().await.unwrap();
        assert_eq!(message.item, item);
        assert!(format!("{message:?} {orders:?} {incoming:?}").contains("🦀"));
    }
}

#[tokio::test]
async fn bytes_are_read_back_as_they_were_published() {
    let broker = Broker::new();
    let log = broker.topic("log").format(Format::Json);
    let writer = log.publisher().await.unwrap();
    let mut reader = log.subscriber().await.unwrap();
    for text in ["\"literal\"", "42", "", "null", "[]", "\u{0}\u{1}", "ß"] {
        writer.publish_bytes(text).await.unwrap();
        let record = reader.recv().await.unwrap();
        assert_eq!(record.bytes(), text);
        assert_eq!(Record::format(&record), Format::Json);
    }
}

/// Messages of one tick share a date, and a start by time misses none for that.
#[tokio::test]
async fn a_start_by_time_misses_nothing_that_was_published_after_it() {
    let broker = Broker::new();
    let topic = broker.topic("log");
    let writer = topic.publisher().await.unwrap();
    for round in 0..50 {
        let begin = Timestamp::from(SystemTime::now());
        let offset = writer.publish_bytes("x").await.unwrap();
        let reader = topic.subscriber().from(begin).await.unwrap();
        assert!(reader.position() <= offset, "round {round}");
        let name = format!("group-{round}");
        let mut member = topic.subscriber().from(begin).group(name).await.unwrap();
        assert!(member.try_recv().unwrap().unwrap().offset() <= offset, "round {round}");
        assert!(member.seek(begin).await.unwrap() <= offset, "round {round}");
    }
}
