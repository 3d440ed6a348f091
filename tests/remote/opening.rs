//! What opening a topic elsewhere compares, and what it refuses by name.

use std::time::Duration;

use memq::codec::{Json, MessagePack, Stage};
use memq::spi::{Capabilities, Capability};
use memq::{
    Broker, Cause, Compression, Format, OpenError, Overflow, Record, Retain, Topic, TopicBuilder,
    TopicSpec,
};
use serde::{Deserialize, Serialize};

use crate::common::Order;
use crate::loopback::{Server, able};
use crate::numbers;

numbers!(Number, "numbers");

/// Another type for the topic of orders.
#[derive(Serialize, Deserialize)]
struct Parcel {
    weight: u32,
}

impl Topic for Parcel {
    type Codec = Json;
    const SPEC: TopicSpec = TopicSpec::new("orders");
}

fn what<H>(opened: Result<H, OpenError>) -> &'static str {
    match opened {
        Err(OpenError::Unsupported { what, .. }) => what,
        Err(error) => panic!("another error: {error}"),
        Ok(_) => panic!("it was opened"),
    }
}

#[tokio::test]
async fn native_topics_are_refused_by_name_and_leave_nothing_behind() {
    let broker = Server::start().connect(8).broker();
    assert_eq!(what(broker.publisher::<Number>().await), Capability::Native.what());
    assert_eq!(what(broker.create::<Number>().await), Capability::Native.what());
    assert!(broker.topics().await.unwrap().is_empty());
    // Whatever the back end says of itself.
    let broker = Server::start().connect_with(8, Capabilities::IN_MEMORY).broker();
    assert_eq!(what(broker.create::<Number>().await), Capability::Native.what());
}

#[tokio::test]
async fn what_the_back_end_cannot_do_is_refused_by_name_before_it_is_asked() {
    type Say = fn(TopicBuilder<'_, Record>) -> TopicBuilder<'_, Record>;
    let cases: [(Capability, Say); 6] = [
        (Capability::Partitions, |topic| topic.partitions(2)),
        (Capability::Dedup, |topic| topic.dedup(Duration::from_secs(60))),
        (Capability::Ttl, |topic| topic.ttl(Duration::from_secs(60))),
        (Capability::Reject, |topic| topic.overflow(Overflow::Reject)),
        (Capability::Wait, |topic| topic.overflow(Overflow::Wait)),
        (Capability::UntilConsumed, |topic| topic.retain(Retain::UntilConsumed)),
    ];
    for (lacks, say) in cases {
        let server = Server::start();
        let broker = server.connect_with(8, able().without(lacks)).broker();
        assert_eq!(what(say(broker.topic("jobs")).await), lacks.what());
        assert!(broker.topics().await.unwrap().is_empty());
        say(server.connect(8).broker().topic("jobs")).await.unwrap();
    }
    // One partition, and what is nobody's wish, need nothing.
    let broker = Server::start().connect_with(8, Capabilities::NONE).broker();
    broker.topic("jobs").partitions(1).retain(Retain::WithinLimits).await.unwrap();
}

#[tokio::test]
async fn another_value_or_another_type_is_a_conflict_as_in_memory() {
    let server = Server::start();
    let (one, other) = (server.connect(8).broker(), server.connect(8).broker());
    one.topic("orders").max(500).await.unwrap();
    one.publisher::<Order>().await.unwrap();
    let differs = |opened: Result<(), OpenError>| match opened {
        Err(OpenError::Conflict(conflict)) => {
            (conflict.option, conflict.existing, conflict.requested)
        }
        opened => panic!("no conflict: {opened:?}"),
    };
    // From another process too.
    for broker in [&one, &other] {
        let max = differs(broker.topic("orders").max(501).await);
        assert_eq!(max, ("max", "500".into(), "501".into()));
        let ttl = differs(broker.topic("orders").ttl(Duration::from_secs(1)).await);
        assert_eq!(ttl, ("ttl", "none".into(), "1s".into()));
        let format = differs(broker.topic("orders").format(Format::MessagePack).await);
        assert_eq!(format, ("format", "Json".into(), "MessagePack".into()));
        let compress = differs(broker.topic("orders").compress(Compression::Gzip).await);
        assert_eq!(compress, ("compress", "None".into(), "Gzip(6)".into()));
    }
    let (option, existing, requested) = differs(one.create::<Parcel>().await);
    assert_eq!(option, "type");
    assert!(existing.ends_with("Order") && requested.ends_with("Parcel"));

    // Another topic of that name is free of it.
    one.delete("orders").await.unwrap();
    one.create::<Parcel>().await.unwrap();
}

#[tokio::test]
async fn what_nobody_has_said_can_be_said_until_there_is_a_publisher() {
    let broker = Server::start().connect(8).broker();
    broker.topic("jobs").await.unwrap();
    broker.topic("jobs").max(500).await.unwrap();
    let jobs = broker.topic("jobs").publisher().await.unwrap();
    assert!(broker.topic("jobs").max_bytes(1 << 20).await.is_err());
    assert_eq!(broker.options("jobs").await.unwrap().max_messages, 500);
    drop(jobs);
}

/// Not encryption; it stands in for it.
struct Flip(u8);

impl Stage for Flip {
    fn name(&self) -> &str {
        "flip"
    }

    fn seal(&self, bytes: &[u8]) -> Result<Vec<u8>, Cause> {
        Ok(bytes.iter().map(|byte| byte ^ self.0).collect())
    }

    fn open(&self, bytes: &[u8]) -> Result<Vec<u8>, Cause> {
        self.seal(bytes)
    }
}

#[tokio::test]
async fn a_publisher_without_the_topics_stages_is_refused() {
    let server = Server::start();
    let (one, other) = (server.connect(8).broker(), server.connect(8).broker());
    one.topic("secrets").stage(Flip(7)).await.unwrap();
    // Within the process they are known.
    let secrets = one.topic("secrets").publisher().await.unwrap();
    secrets.publish_bytes("the safe is behind the picture").await.unwrap();

    let refused = other.topic("secrets").publisher().await.unwrap_err();
    assert!(
        matches!(refused, OpenError::Option { option: "stage", ref value, .. } if value == "flip")
    );
    other.topic("secrets").stage(Flip(7)).publisher().await.unwrap();

    let mut kept = server.inside().topic("secrets").subscriber().keep_sealed().await.unwrap();
    let record = kept.recv().await.unwrap();
    assert!(record.is_sealed() && record.format() == Format::Custom);
    let opened = record.unseal(&[std::sync::Arc::new(Flip(7))]).unwrap();
    assert_eq!(opened.bytes(), "the safe is behind the picture");
}

#[tokio::test]
async fn a_dictionary_is_compared_by_its_id_and_needed_to_publish() {
    let samples: Vec<_> = (0..2_000).map(|n| format!("[{n},\"green tea\"]")).collect();
    let dictionary = memq::Dictionary::train(&samples, 1 << 10).unwrap();
    let server = Server::start();
    let (one, other) = (server.connect(8).broker(), server.connect(8).broker());
    let orders = one.topic("teas").compress(Compression::Zstd).dictionary(dictionary.clone());
    orders.publisher().await.unwrap().publish_bytes(r#"[7,"green tea"]"#).await.unwrap();

    let refused = other.topic("teas").publisher().await.unwrap_err();
    assert!(matches!(refused, OpenError::Option { option: "dictionary", .. }));
    let teas = other.topic("teas").compress(Compression::Zstd).dictionary(dictionary.clone());
    teas.publisher().await.unwrap();

    let mut kept = server.inside().topic("teas").subscriber().await.unwrap();
    let record = kept.recv().await.unwrap();
    let record = record.into_inner().with_dictionary(&dictionary);
    assert_eq!(record.payload().unwrap(), r#"[7,"green tea"]"#);
}

#[tokio::test]
async fn a_record_is_sent_with_the_dictionary_it_came_with() {
    let bytes = include_bytes!("../../examples/data/flights.dict");
    let dictionary = memq::Dictionary::new(bytes.to_vec()).unwrap();
    let here = Broker::new();
    let flights = here.topic("flights").compress(Compression::Zstd).dictionary(dictionary);
    let flight = r#"[{"date":"2001/01/14 21:55","delay":0,"distance":480,"origin":"SAN"}]"#;
    flights.publisher().await.unwrap().publish_bytes(flight).await.unwrap();
    let record = flights.subscriber().await.unwrap().recv().await.unwrap().into_inner();

    let server = Server::start();
    let broker = server.connect(8).broker();
    let plain = broker.topic("plain").publisher().await.unwrap();
    plain.publish(record.clone()).await.unwrap();
    plain.publish_batch([record.clone()]).await.unwrap();
    plain.send(record).await.unwrap().await.unwrap();
    let mut kept = server.inside().topic("plain").subscriber().await.unwrap();
    for _ in 0..3 {
        assert_eq!(kept.recv().await.unwrap().payload().unwrap(), flight);
    }
}

#[tokio::test]
async fn a_publisher_writes_in_another_format_and_compression() {
    let server = Server::start();
    let broker = server.connect(8).broker();
    let orders = broker.publisher::<Order>();
    let orders = orders.format(MessagePack).compress(Compression::Gzip).await.unwrap();
    orders.publish(Order::new(7, "tea")).await.unwrap();
    let record = server.inside().topic("orders").subscriber().await.unwrap().recv().await.unwrap();
    assert_eq!(record.format(), Format::MessagePack);
    assert_eq!(record.compression(), Compression::Gzip);
    assert_eq!(record.decode::<Order>().unwrap(), Order::new(7, "tea"));
}
