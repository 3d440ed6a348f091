//! What arrives on the other side.

use memq::codec::Stage;
use memq::{
    BridgeEnded, Broker, Cause, Compression, Direction, Format, Mirrored, Partition, Record, Start,
    bridge,
};

use super::{next, numbers, publish, published, reader, run, take};
use crate::common::Order;
use crate::loopback::Server;

#[tokio::test]
async fn what_is_there_and_what_comes_goes_out_in_order() {
    let (local, server) = (Broker::new(), Server::start());
    let remote = server.connect(7).broker();
    publish(&local, "jobs", numbers(0..100)).await;
    let mirror = run(bridge(&local, &remote).topic_named("jobs").mirror_out().await.unwrap());
    publish(&local, "jobs", numbers(100..2_000)).await;
    let mut copies = reader(&remote, "jobs").await;
    assert_eq!(take(&mut copies, 2_000).await, numbers(0..2_000));
    let report = mirror.shut_down().await;
    let stats = &report.mirrors[0];
    assert_eq!((report.ended, stats.direction), (BridgeEnded::Drained, Direction::Out));
    assert_eq!((stats.mirrored, stats.lost, stats.lag, stats.position.0), (2_000, 0, 0, 2_000));
    assert_eq!((stats.topic.as_str(), stats.in_flight), ("jobs", 0));
}

#[tokio::test]
async fn what_is_there_and_what_comes_comes_in_in_order() {
    let (local, server) = (Broker::new(), Server::start());
    let remote = server.connect(7).broker();
    publish(&remote, "jobs", numbers(0..100)).await;
    let mirror = run(bridge(&local, &remote).topic_named("jobs").mirror_in().await.unwrap());
    publish(&remote, "jobs", numbers(100..2_000)).await;
    let mut copies = reader(&local, "jobs").await;
    assert_eq!(take(&mut copies, 2_000).await, numbers(0..2_000));
    assert_eq!(mirror.shut_down().await.mirrors[0].mirrored, 2_000);
}

#[tokio::test]
async fn a_message_is_what_it_was_and_says_whence_it_came() {
    let (local, server) = (Broker::new(), Server::start());
    let remote = server.connect(7).broker();
    let mirror = run(bridge(&local, &remote).topic::<Order>().mirror_out().await.unwrap());
    let orders = local.publisher::<Order>().compress(Compression::Gzip).await.unwrap();
    orders.publish(Order::new(7, "tea")).await.unwrap();
    orders.publish(Order::new(7, "cake")).key("other").header("trace", "4bf92f").await.unwrap();
    let raw = local.topic("orders").publisher().await.unwrap();
    raw.publish(Record::new("no order").with_format(Format::Json)).await.unwrap();

    let mut typed = remote.subscriber::<Order>().await.unwrap();
    assert_eq!(*typed.recv().await.unwrap(), Order::new(7, "tea"));
    assert_eq!(*typed.recv().await.unwrap(), Order::new(7, "cake"));
    assert!(typed.recv().await.is_err(), "what cannot be decoded is mirrored all the same");
    let (mut before, mut after) = (reader(&local, "orders").await, reader(&remote, "orders").await);
    for offset in 0..3 {
        let was = before.recv().await.unwrap();
        let is = next(&mut after).await;
        assert_eq!((was.bytes(), was.format()), (is.bytes(), is.format()));
        assert_eq!((was.compression(), was.plain_length()), (is.compression(), is.plain_length()));
        assert_eq!((*was).key(), is.key());
        assert_eq!(is.headers().get("trace"), was.headers().get("trace"));
        let whence = Mirrored::of(is.headers()).unwrap();
        assert_eq!((whence.offset.0, whence.at, whence.hops), (offset, was.published_at(), 1));
    }
    mirror.shut_down().await;
}

#[tokio::test]
async fn a_topic_that_is_made_there_has_its_format_and_partitions() {
    let (local, server) = (Broker::new(), Server::start());
    let remote = server.connect(7).broker();
    let jobs = local.topic("jobs").format(Format::MessagePack).partitions(3);
    let publisher = jobs.publisher().await.unwrap();
    let mirror = run(bridge(&local, &remote).topic_named("jobs").mirror_out().await.unwrap());
    let options = remote.options("jobs").await.unwrap();
    assert_eq!((options.format, options.partitions), (Format::MessagePack, 3));
    for partition in [2, 0, 1, 2] {
        publisher.publish_bytes("job").partition(partition).await.unwrap();
    }
    let mut copies = reader(&remote, "jobs").await;
    for partition in [2, 0, 1, 2] {
        assert_eq!(copies.recv().await.unwrap().partition(), Partition(partition));
    }
    mirror.shut_down().await;
}

#[tokio::test]
async fn with_other_partitions_the_key_decides() {
    let (local, server) = (Broker::new(), Server::start());
    let remote = server.connect(7).broker();
    remote.topic("jobs").partitions(4).create().await.unwrap();
    let mirror = run(bridge(&local, &remote).topic_named("jobs").mirror_out().await.unwrap());
    let publisher = local.topic("jobs").publisher().await.unwrap();
    for key in 0..20_u64 {
        publisher.publish_bytes("job").key(key).await.unwrap();
    }
    let mut copies = reader(&remote, "jobs").await;
    for _ in 0..20 {
        let copy = copies.recv().await.unwrap();
        assert_eq!(copy.partition(), (*copy).key().unwrap().partition(4));
    }
    mirror.shut_down().await;
}

#[tokio::test]
async fn it_begins_where_it_is_told() {
    let (local, server) = (Broker::new(), Server::start());
    let remote = server.connect(7).broker();
    publish(&local, "jobs", numbers(0..10)).await;
    publish(&local, "mails", numbers(0..10)).await;
    publish(&local, "chats", numbers(0..10)).await;
    let both = bridge(&local, &remote)
        .topic_named("jobs")
        .from(7)
        .mirror_out()
        .topic_named("mails")
        .from(Start::Latest)
        .mirror_out()
        .topic_named("chats")
        .from(Start::Last(2))
        .mirror_out()
        .await
        .unwrap();
    let both = run(both);
    publish(&local, "mails", ["new".into()]).await;
    assert_eq!(take(&mut reader(&remote, "jobs").await, 3).await, numbers(7..10));
    assert_eq!(take(&mut reader(&remote, "mails").await, 1).await, ["new"]);
    assert_eq!(take(&mut reader(&remote, "chats").await, 2).await, numbers(8..10));
    both.shut_down().await;
    assert_eq!((published(&remote, "jobs").await, published(&remote, "mails").await), (3, 1));
}

/// Turns every bit.
struct Turn;

impl Stage for Turn {
    fn name(&self) -> &str {
        "turn"
    }

    fn seal(&self, bytes: &[u8]) -> Result<Vec<u8>, Cause> {
        Ok(bytes.iter().map(|byte| !byte).collect())
    }

    fn open(&self, bytes: &[u8]) -> Result<Vec<u8>, Cause> {
        self.seal(bytes)
    }
}

#[tokio::test]
async fn what_is_sealed_stays_sealed_on_its_way() {
    let (local, server) = (Broker::new(), Server::start());
    let remote = server.connect(7).broker();
    let orders = local.create::<Order>().stage(Turn).publisher().await.unwrap();
    orders.publish(Order::new(7, "tea")).await.unwrap();
    let untold = bridge(&local, &remote).topic_named("orders").mirror_out().await.unwrap_err();
    let untold = format!("{:?}", memq::Error::from(untold));
    assert!(untold.contains("remote broker: topic \"orders\": stage = [] there"), "{untold}");
    remote.delete("orders").await.unwrap();

    let told = bridge(&local, &remote).topic::<Order>().stage(Turn).mirror_out().await;
    let mirror = run(told.unwrap());
    let mut copies = remote.topic("orders").subscriber().keep_sealed().await.unwrap();
    let copy = copies.recv().await.unwrap();
    assert!(copy.is_sealed() && !String::from_utf8_lossy(copy.bytes()).contains("tea"));
    let elsewhere = server.connect(1).broker();
    let mut typed = elsewhere.create::<Order>().stage(Turn).subscriber().await.unwrap();
    assert_eq!(*typed.recv().await.unwrap(), Order::new(7, "tea"));
    mirror.shut_down().await;
}

#[tokio::test]
async fn a_report_counts_what_no_poll_has_seen() {
    let (local, server) = (Broker::new(), Server::start());
    let remote = server.connect(16).broker();
    let bridge = bridge(&local, &remote).topic_named("jobs").mirror_out().await.unwrap();
    let handle = bridge.handle();
    publish(&local, "jobs", numbers(0..70)).await;
    assert_eq!(handle.report().mirrors[0].lag, 70);
    let mirror = run(bridge);
    mirror.until(|stats| stats.mirrored == 70 && stats.lag == 0).await;
    let publisher = local.topic("jobs").publisher().await.unwrap();
    for n in numbers(70..90) {
        publisher.try_publish(Record::new(n)).unwrap();
    }
    assert_eq!(handle.report().mirrors[0].lag, 20);
    mirror.kill().await;
    // It is as it was told last, and stays so.
    assert_eq!(handle.report().mirrors[0].lag, 0);
}
