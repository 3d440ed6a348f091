//! Subscribers of topics elsewhere.

use std::pin::Pin;
use std::time::Duration;

use futures_util::StreamExt as _;
use memq::codec::MessagePack;
use memq::spi::Capability;
use memq::{
    Broker, Format, LagReason, Offset, OpenError, Partition, Publisher, Record, RecvError,
    SeekError, Start, Subscriber, Topic, TopicSpec,
};

use crate::common::{Bell, Order, poll_with, settle, settle_with, spawn};
use crate::loopback::{Loopback, Server};
use crate::numbers;

numbers!(Number, "numbers");

async fn orders(count: u64) -> (Server, Loopback, Broker, Publisher<Order>) {
    let server = Server::start();
    let connection = server.connect(64);
    let broker = connection.broker();
    let orders = broker.publisher::<Order>().await.unwrap();
    orders.publish_batch((0..count).map(order)).await.unwrap();
    (server, connection, broker, orders)
}

fn order(number: u64) -> Order {
    Order::new(number, "tea")
}

/// Position, since start, delivered, filtered, skipped, lag; and that they add up.
fn numbers<T: memq::Payload>(subscriber: &Subscriber<T>) -> [u64; 6] {
    let stats = subscriber.stats();
    let sum = stats.delivered + stats.filtered + stats.skipped + stats.lag;
    assert_eq!(stats.since_start, sum);
    let [position, all] = [stats.position.0, stats.since_start];
    assert_eq!(subscriber.position().0, position);
    [position, all, stats.delivered, stats.filtered, stats.skipped, stats.lag]
}

#[tokio::test]
async fn every_way_to_receive_gives_the_next_messages() {
    let (_, _, broker, orders) = orders(10).await;
    let mut incoming = broker.subscriber::<Order>().await.unwrap();
    assert_eq!(incoming.topic().as_str(), "orders");
    assert_eq!(incoming.recv().await.unwrap().customer, 0);
    assert_eq!(incoming.recv_ref().await.unwrap().customer, 1);
    assert_eq!(incoming.try_recv().unwrap().unwrap().customer, 2);
    let long = Duration::from_secs(60);
    assert_eq!(incoming.recv_timeout(long).await.unwrap().unwrap().customer, 3);
    assert_eq!(incoming.next().await.unwrap().unwrap().customer, 4);
    let stream: Pin<&mut Subscriber<Order>> = Pin::new(&mut incoming);
    let some: Vec<_> = stream.take(2).map(|order| order.unwrap().customer).collect().await;
    assert_eq!(some, [5, 6]);
    let batch = incoming.recv_batch(2).await.unwrap();
    assert!(batch.iter().map(|order| (order.offset().0, order.customer)).eq([(7, 7), (8, 8)]));
    assert!(incoming.recv_batch(0).await.unwrap().is_empty());
    assert_eq!(incoming.recv_batch(1_000).await.unwrap().len(), 1);

    assert!(incoming.try_recv().unwrap().is_none());
    assert!(incoming.recv_timeout(Duration::ZERO).await.unwrap().is_none());
    assert_eq!(numbers(&incoming), [10, 10, 10, 0, 0, 0]);
    orders.publish(order(10)).await.unwrap();
    assert_eq!(incoming.recv().await.unwrap().into_inner(), order(10));
}

#[tokio::test]
async fn a_message_has_what_was_said_of_it_and_can_be_kept() {
    let server = Server::start();
    let broker = server.connect(8).broker();
    broker.topic("orders").partitions(4).await.unwrap();
    let orders = broker.publisher::<Order>().await.unwrap();
    orders.publish(order(7)).partition(2).header("trace", "4bf92f").await.unwrap();
    orders.publish(order(8)).key("other").partition(3).await.unwrap();
    let mut incoming = broker.subscriber::<Order>().await.unwrap();
    let first = incoming.recv().await.unwrap();
    let second = incoming.recv_ref().await.unwrap();
    assert_eq!((second.key(), second.partition()), (Some("other".into()), Partition(3)));
    assert!(second.headers().is_empty() && second.published_at() >= first.published_at());
    drop(incoming);
    assert_eq!((first.key(), first.partition()), (Some("7".into()), Partition(2)));
    assert_eq!((first.offset(), first.headers().get("trace")), (Offset(0), Some("4bf92f")));
    let inside = server.inside().topic("orders").subscriber().await.unwrap().recv().await.unwrap();
    assert_eq!(first.published_at(), inside.published_at());
}

#[tokio::test]
async fn one_that_waits_is_woken_and_one_that_is_dropped_has_lost_nothing() {
    let (_, _, broker, orders) = orders(0).await;
    let mut incoming = broker.subscriber::<Order>().await.unwrap();
    for number in 0..3 {
        let bell = Bell::new();
        {
            let mut waiting = Box::pin(incoming.recv());
            assert!(settle_with(&bell, &mut waiting).is_pending());
            let mut waiting = Box::pin(orders.publish(order(number)).into_future());
            assert!(poll_with(&bell, &mut waiting).is_pending());
            settle().await;
            assert!(poll_with(&bell, &mut waiting).is_ready());
        }
        assert!(bell.rings() > 0);
        assert!(settle_with(&bell, &mut Box::pin(incoming.recv_batch(0))).is_ready());
        assert_eq!(incoming.recv().await.unwrap().customer, number);
    }
    let waiting = spawn(async move { incoming.recv().await.map(|order| order.customer) });
    settle().await;
    orders.publish(order(3)).await.unwrap();
    assert_eq!(waiting.await.unwrap().unwrap(), 3);
}

#[tokio::test]
async fn a_slow_subscriber_is_told_how_many_it_missed() {
    let server = Server::start();
    let broker = server.connect(64).broker();
    broker.topic("orders").max(10).await.unwrap();
    let orders = broker.publisher::<Order>().await.unwrap();
    let mut slow = broker.subscriber::<Order>().await.unwrap();
    orders.publish_batch((0..5).map(order)).await.unwrap();
    assert_eq!(slow.recv().await.unwrap().customer, 0);
    // Those that had come are handed out.
    orders.publish_batch((5..100).map(order)).await.unwrap();
    assert_eq!(slow.recv_batch(100).await.unwrap().len(), 4);
    match slow.recv().await.unwrap_err() {
        RecvError::Lagged { skipped, reason } => {
            assert_eq!((skipped, reason), (85, LagReason::Removed));
        }
        other => panic!("no lag: {other}"),
    }
    assert_eq!(numbers(&slow), [90, 100, 5, 0, 85, 10]);
    assert!(slow.recv_batch(100).await.unwrap().iter().map(|o| o.customer).eq(90..100));

    // One that starts before what is kept is told at once, by a batch too.
    let mut late = broker.subscriber::<Order>().from(80).await.unwrap();
    let lag = late.recv_batch(100).await.unwrap_err();
    assert!(matches!(lag, RecvError::Lagged { skipped: 10, .. }));
    assert_eq!(late.recv_batch(100).await.unwrap().len(), 10);
}

#[tokio::test]
async fn what_a_filter_or_a_partition_passes_over_is_counted() {
    let server = Server::start();
    let broker = server.connect(64).broker();
    broker.topic("orders").partitions(3).max(60).await.unwrap();
    let orders = broker.publisher::<Order>().await.unwrap();
    let mut one = broker.subscriber::<Order>().partition(1).await.unwrap();
    for number in 0..90 {
        orders.publish(order(number)).partition(u16::try_from(number % 3).unwrap()).await.unwrap();
    }
    // What is gone is told, although most of it was of other partitions.
    let lag = one.recv().await.unwrap_err();
    assert!(matches!(lag, RecvError::Lagged { skipped: 30, .. }));
    for number in (31..90).step_by(3) {
        assert_eq!(one.recv().await.unwrap().customer, number);
    }
    assert!(one.try_recv().unwrap().is_none());
    assert_eq!(numbers(&one), [90, 90, 20, 40, 30, 0]);

    let filter = |order: &Order| order.customer % 2 == 0;
    let builder = broker.subscriber::<Order>().filter(filter).filter(|order| order.customer > 50);
    let mut some = builder.await.unwrap();
    let batch = some.recv_batch(100).await.unwrap();
    assert!(batch.iter().map(|order| order.customer).eq((52..90).step_by(2)));
    assert_eq!(numbers(&some), [90, 60, 19, 41, 0, 0]);
}

#[tokio::test]
async fn one_that_passes_over_everything_lets_others_run() {
    let (_, _, broker, _orders) = orders(3_000).await;
    let mut none = broker.subscriber::<Order>().filter(|_| false).await.unwrap();
    let bell = Bell::new();
    let mut waiting = Box::pin(none.recv());
    assert!(poll_with(&bell, &mut waiting).is_pending());
    assert!(bell.rings() > 0, "it would sleep with messages there");
    assert!(settle_with(&bell, &mut waiting).is_pending());
    drop(waiting);
    assert_eq!(numbers(&none), [3_000, 3_000, 0, 3_000, 0, 0]);
}

#[tokio::test]
async fn a_record_that_cannot_be_read_is_one_error() {
    let (server, _, broker, orders) = orders(2).await;
    let inside = server.inside().topic("orders").publisher().await.unwrap();
    inside.publish(Record::new("{").with_format(Format::Json)).await.unwrap();
    inside.publish(Record::new("?").with_format(Format::Custom)).await.unwrap();
    orders.publish(order(4)).await.unwrap();
    let mut incoming = broker.subscriber::<Order>().await.unwrap();
    assert_eq!(incoming.recv_batch(100).await.unwrap().len(), 2);
    // It is taken, and still to be said.
    assert_eq!(incoming.position(), Offset(2));
    for at in [2, 3] {
        let error = incoming.recv().await.unwrap_err();
        assert!(matches!(error, RecvError::Decode { offset, .. } if offset.0 == at), "{error}");
    }
    assert_eq!(incoming.recv().await.unwrap().customer, 4);
    assert_eq!(numbers(&incoming), [5, 5, 5, 0, 0, 0]);

    incoming.seek(0).await.unwrap();
    assert_eq!(incoming.recv_batch(100).await.unwrap().len(), 2);
    assert_eq!(incoming.seek(Start::Offset(Offset(4))).await.unwrap(), Offset(4));
    assert_eq!(incoming.recv().await.unwrap().customer, 4, "the error is of where it was");
}

#[tokio::test]
async fn it_starts_and_moves_where_it_is_told() {
    let (_, _, broker, orders) = orders(20).await;
    let mut latest = broker.subscriber::<Order>().from(Start::Latest).await.unwrap();
    let mut incoming = broker.subscriber::<Order>().from(12).await.unwrap();
    let at = incoming.recv().await.unwrap().published_at();
    assert_eq!(incoming.position(), Offset(13));
    let beyond = incoming.seek(21).await.unwrap_err();
    let (requested, end) = (Offset(21), Offset(20));
    assert_eq!(beyond, SeekError::BeyondEnd { requested, end });
    assert_eq!(incoming.seek(Start::Committed).await.unwrap_err(), SeekError::NotAGroup);
    assert_eq!(incoming.recv().await.unwrap().customer, 13);
    assert_eq!(numbers(&incoming), [14, 8, 2, 0, 0, 6]);

    assert_eq!(incoming.seek(3).await.unwrap(), Offset(3));
    assert_eq!(numbers(&incoming), [3, 17, 0, 0, 0, 17]);
    assert_eq!(incoming.recv().await.unwrap().customer, 3);
    assert_eq!(incoming.seek(Start::Earliest).await.unwrap(), Offset(0));
    assert!(incoming.seek(Start::Time(at)).await.unwrap() <= Offset(12));
    for (count, first) in [(6, 14), (21, 0), (0, 20)] {
        assert_eq!(incoming.seek(Start::Last(count)).await.unwrap(), Offset(first));
    }
    assert_eq!(incoming.seek(Start::Latest).await.unwrap(), Offset(20));
    orders.publish(order(20)).await.unwrap();
    for reader in [&mut latest, &mut incoming] {
        assert_eq!(reader.recv().await.unwrap().customer, 20);
    }

    match broker.subscriber::<Order>().from(22).await.unwrap_err() {
        OpenError::BeyondEnd { requested, end, .. } => {
            assert_eq!((requested, end), (Offset(22), Offset(21)));
        }
        other => panic!("another error: {other}"),
    }
    let committed = broker.subscriber::<Order>().from(Start::Committed).await.unwrap_err();
    assert!(matches!(committed, OpenError::Option { option: "from", .. }));
    let partition = broker.subscriber::<Order>().partition(1).await.unwrap_err();
    assert!(matches!(partition, OpenError::Partition { partitions: 1, .. }));
    let native = broker.subscriber::<Number>().await.unwrap_err();
    assert!(
        matches!(native, OpenError::Unsupported { what, .. } if what == Capability::Native.what())
    );
}

#[tokio::test]
async fn a_closed_topic_is_read_to_its_end() {
    let (_, _, broker, _orders) = orders(3).await;
    let mut drains = broker.subscriber::<Order>().await.unwrap();
    let mut waits = broker.subscriber::<Order>().from(Start::Latest).await.unwrap();
    let waiting = spawn(async move { waits.next().await.is_none() });
    settle().await;
    broker.close("orders").await.unwrap();
    assert!(waiting.await.unwrap());
    for number in 0..3 {
        assert_eq!(drains.recv().await.unwrap().customer, number);
    }
    assert!(matches!(drains.try_recv(), Err(RecvError::Closed)));
    assert!(matches!(drains.recv_batch(7).await, Err(RecvError::Closed)));
    assert!(drains.next().await.is_none());
    // What is kept can be read again.
    drains.seek(1).await.unwrap();
    assert_eq!(drains.next().await.unwrap().unwrap().customer, 1);
}

#[tokio::test]
async fn a_deleted_topic_and_a_dropped_broker_end_readers() {
    let (server, _, broker, _orders) = orders(1).await;
    let mut deleted = broker.subscriber::<Order>().from(Start::Latest).await.unwrap();
    let mut waits = broker.subscriber::<Order>().from(Start::Latest).await.unwrap();
    let waiting = spawn(async move { waits.recv().await.unwrap_err() });
    settle().await;
    broker.delete("orders").await.unwrap();
    assert!(matches!(waiting.await.unwrap(), RecvError::Deleted));
    assert!(matches!(deleted.next().await, Some(Err(RecvError::Deleted))));
    assert!(deleted.next().await.is_none());
    assert_eq!(deleted.seek(0).await.unwrap_err(), SeekError::Deleted);

    let mut left = broker.subscriber::<Order>().await.unwrap();
    let waiting = spawn(async move { left.recv().await.unwrap_err() });
    settle().await;
    drop(broker);
    assert!(matches!(waiting.await.unwrap(), RecvError::Closed));
    assert!(server.connect(1).broker().options("orders").await.is_ok());
}

#[tokio::test]
async fn records_come_as_they_are_and_other_formats_are_read_where_they_are_accepted() {
    let (_, _, broker, orders) = orders(1).await;
    let other = broker.publisher::<Order>().format(MessagePack).await.unwrap();
    other.publish(order(1)).await.unwrap();
    orders.publish(order(2)).await.unwrap();
    let mut raw = broker.topic("orders").subscriber().await.unwrap();
    for (number, format) in [(0, Format::Json), (1, Format::MessagePack), (2, Format::Json)] {
        let record = raw.recv().await.unwrap();
        assert_eq!((record.format(), record.key()), (format, Some(number.to_string().into())));
        assert_eq!(record.decode::<Order>().unwrap(), order(number));
    }
    // Here the publisher told what it writes, elsewhere it has to be said.
    let mut here = broker.subscriber::<Order>().await.unwrap();
    assert_eq!(here.recv_batch(3).await.unwrap().len(), 3);
    let elsewhere = Server::start();
    let copy = elsewhere.inside().topic("orders").publisher().await.unwrap();
    drop(elsewhere.connect(1).broker().create::<Order>().await);
    copy.publish(Record::new(raw_bytes(&mut raw).await).with_format(Format::MessagePack))
        .await
        .unwrap();
    let reading = elsewhere.connect(1).broker();
    let mut knows = reading.subscriber::<Order>().accept(MessagePack).await.unwrap();
    assert_eq!(knows.recv().await.unwrap().customer, 1);
    let mut knows_not = reading.subscriber::<Order>().await.unwrap();
    assert!(matches!(knows_not.recv().await, Err(RecvError::Decode { .. })));
}

/// The bytes of the second record.
async fn raw_bytes(raw: &mut Subscriber<Record>) -> bytes::Bytes {
    raw.seek(1).await.unwrap();
    raw.recv().await.unwrap().bytes().clone()
}

#[tokio::test]
async fn another_type_is_refused_and_readers_have_numbers_of_their_own() {
    #[derive(Debug, serde::Serialize, serde::Deserialize)]
    struct Parcel(u32);

    impl Topic for Parcel {
        type Codec = memq::codec::Json;
        const SPEC: TopicSpec = TopicSpec::new("orders");
    }

    let (_, _, broker, _orders) = orders(0).await;
    let conflict = broker.subscriber::<Parcel>().await.unwrap_err();
    assert!(matches!(conflict, OpenError::Conflict(conflict) if conflict.option == "type"));
    let first = broker.subscriber::<Order>().await.unwrap();
    let second = broker.subscriber::<Order>().await.unwrap();
    assert_ne!(first.stats().id, second.stats().id);
    assert!(format!("{first:?}").contains("\"orders\""), "{first:?}");
}

#[tokio::test]
async fn a_long_batch_takes_what_is_there_and_ends() {
    let (_, _, broker, _orders) = orders(900).await;
    let mut incoming = broker.subscriber::<Order>().await.unwrap();
    let batch = incoming.recv_batch(usize::MAX).await.unwrap();
    assert!(batch.iter().map(|order| order.customer).eq(0..900));
    assert!(batch.into_iter().map(|order| order.offset().0).eq(0..900));
}

#[tokio::test]
async fn dead_letters_are_read_by_what_reads_their_topic() {
    let (_, _, broker, _orders) = orders(1).await;
    let dead = broker.dead_letters::<Order>("billing");
    assert!(matches!(dead.topic().await, Err(OpenError::NoGroup { .. })));
    assert!(matches!(dead.subscriber().await, Err(OpenError::NoGroup { .. })));

    let name = "orders.billing.dead";
    let letters = broker.topic(name).publisher().await.unwrap();
    letters.publish_bytes(&br#"{"customer":7,"item":"tea"}"#[..]).await.unwrap();
    let dead = dead.in_topic(name);
    assert_eq!(dead.topic().await.unwrap().as_str(), name);
    let mut letters = dead.subscriber().await.unwrap();
    assert_eq!(letters.topic().as_str(), name);
    assert_eq!(letters.recv().await.unwrap().into_inner(), order(7));
}
