//! Wakers and messages of others that panic, where somebody else comes by: it is told by the panic hook, and
//! who came by has what he came for.

use crate::common;

use std::future::IntoFuture;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, Wake, Waker};
use std::time::Duration;

use common::{Bell, poll_once, poll_with, settle_with, try_now};
use memq::codec::{Json, Native};
use memq::{
    Broker, Consumer, Offset, Overflow, Partition, Record, RecvError, Retain, Start, Subscriber,
    Topic, TopicSpec,
};
use serde::{Serialize, Serializer};

/// A waker that panics.
struct Bad;

impl Wake for Bad {
    fn wake(self: Arc<Self>) {
        panic!("a waker that panics");
    }
}

/// One that panics once it is to.
struct Armed(AtomicBool);

impl Wake for Armed {
    fn wake(self: Arc<Self>) {
        assert!(!self.0.load(Ordering::SeqCst), "a waker that panics");
    }
}

fn bad() -> Waker {
    Waker::from(Arc::new(Bad))
}

/// It sleeps, and panics where it is woken.
fn sleeps_badly<F: Future + Unpin>(future: &mut F) {
    assert!(settle_with(&Bell::new(), future).is_pending());
    assert!(Pin::new(future).poll(&mut Context::from_waker(&bad())).is_pending());
}

fn reader_sleeps_badly(reader: &mut Subscriber<Record>) {
    assert!(settle_with(&Bell::new(), &mut Box::pin(reader.recv())).is_pending());
    assert!(reader.poll_recv(&mut Context::from_waker(&bad())).is_pending());
}

fn member_sleeps_badly(member: &mut Consumer<Record>) {
    assert!(member.poll_recv(&mut Context::from_waker(&bad())).is_pending());
}

#[tokio::test]
async fn a_reader_misses_nothing_where_a_publisher_wakes_badly() {
    let broker = Broker::new();
    let topic = broker.topic("log").max(1).overflow(Overflow::Wait);
    let writer = topic.publisher().await.unwrap();
    let mut reader = topic.subscriber().await.unwrap();
    for number in 0..4 {
        writer.publish_bytes("x").await.unwrap();
        let mut waits = writer.publish_bytes("y").into_future();
        sleeps_badly(&mut waits);
        let offset = match number {
            0 => reader.try_recv().unwrap().unwrap().offset(),
            1 => poll_once(reader.recv()).unwrap().unwrap().offset(),
            2 => poll_once(reader.recv_ref()).unwrap().unwrap().offset(),
            _ => try_now(reader.recv_batch(9)).unwrap().unwrap().get(0).unwrap().offset(),
        };
        assert_eq!(offset, Offset(number));
    }
}

/// Two are due: whoever comes first is handed one, and calls the other for the second.
#[tokio::test(start_paused = true)]
async fn a_member_keeps_what_it_was_handed_where_another_one_wakes_badly() {
    let broker = Broker::new();
    let topic = broker.topic("log");
    let writer = topic.publisher().await.unwrap();
    let open = || broker.topic("log").subscriber().group("g").max_attempts(2);
    let (mut member, mut other) = (open().await.unwrap(), open().await.unwrap());
    writer.publish_batch(["a", "b"].map(Record::new)).await.unwrap();
    for delivery in member.recv_batch(2).await.unwrap() {
        delivery.nack_after(Duration::from_millis(10));
    }
    // It has a timer, too, which wakes it as well.
    let armed = Arc::new(Armed(AtomicBool::new(false)));
    let waker = Waker::from(armed.clone());
    assert!(other.poll_recv(&mut Context::from_waker(&waker)).is_pending());
    tokio::time::advance(Duration::from_millis(20)).await;
    armed.0.store(true, Ordering::SeqCst);
    for offset in [0, 1] {
        let delivery = member.try_recv().unwrap().unwrap();
        assert_eq!((delivery.offset(), delivery.attempt()), (Offset(offset), 2));
        delivery.ack();
        armed.0.store(false, Ordering::SeqCst);
    }
}

/// A waker that panics when it is dropped.
struct Sticky;

impl Wake for Sticky {
    fn wake(self: Arc<Self>) {}
}

impl Drop for Sticky {
    fn drop(&mut self) {
        panic!("a waker that is dropped badly");
    }
}

#[tokio::test]
async fn a_reader_sleeps_again_where_the_waker_before_drops_badly() {
    let broker = Broker::new();
    let topic = broker.topic("log");
    let writer = topic.publisher().await.unwrap();
    let mut reader = topic.subscriber().await.unwrap();
    let bell = Bell::new();
    assert!(settle_with(&bell, &mut Box::pin(reader.recv())).is_pending());
    {
        let sticky = Waker::from(Arc::new(Sticky));
        assert!(reader.poll_recv(&mut Context::from_waker(&sticky)).is_pending());
    }
    let rings = bell.rings();
    assert!(poll_with(&bell, &mut Box::pin(reader.recv())).is_pending());
    writer.publish_bytes("x").await.unwrap();
    assert_eq!(bell.rings(), rings + 1);
}

/// Panics when it is dropped, if it is to.
struct Bomb(bool);

impl Drop for Bomb {
    fn drop(&mut self) {
        if self.0 {
            panic!("boom");
        }
    }
}

impl Topic for Bomb {
    type Codec = Native;
    const SPEC: TopicSpec = TopicSpec::new("bombs").retain(Retain::UntilConsumed);
}

#[tokio::test]
async fn a_member_gets_everything_where_what_was_read_drops_badly() {
    for (auto_ack, batch) in [(false, 1), (false, 3), (true, 1), (true, 3)] {
        let broker = Broker::new();
        let bombs = broker.publisher::<Bomb>().await.unwrap();
        let group = broker.subscriber::<Bomb>().group("g");
        let group = if auto_ack { group.auto_ack() } else { group };
        let mut member = group.await.unwrap();
        for number in 0..40 {
            bombs.publish(Bomb(number % 2 == 0)).await.unwrap();
        }
        let mut offsets = Vec::new();
        while offsets.len() < 40 {
            let batch = try_now(member.recv_batch(batch)).expect("the rest is lost").unwrap();
            offsets.extend(batch.iter().map(|delivery| delivery.offset().0));
            // What was lent to this task is dropped by it, and so is what panics then.
            drop(catch_unwind(AssertUnwindSafe(|| batch.ack())));
        }
        assert_eq!(offsets, (0..40).collect::<Vec<_>>());
        assert_eq!(member.stats().unwrap().settled, 40);
    }
}

#[tokio::test]
async fn who_is_made_where_another_one_wakes_badly_is_there_once() {
    let broker = Broker::new();
    let topic = broker.topic("log").partitions(2).max(1).overflow(Overflow::Wait);
    let writer = topic.publisher().await.unwrap();
    writer.publish_bytes("a").await.unwrap();
    let mut waits = writer.publish_bytes("b").into_future();
    sleeps_badly(&mut waits);
    let mut reader = topic.subscriber().from(Start::Earliest).await.unwrap();
    assert_eq!(broker.stats("log").await.unwrap().subscribers.len(), 1);
    assert!(reader.try_recv().unwrap().is_some());
    assert!(settle_with(&Bell::new(), &mut waits).is_ready());
    drop(reader);

    let mut member = topic.subscriber().from(Start::Latest).group("g").await.unwrap();
    member_sleeps_badly(&mut member);
    drop(topic.subscriber().group("g").await.unwrap());
    let group = broker.stats("log").await.unwrap().groups.remove(0);
    assert_eq!(group.members.len(), 1);
}

#[tokio::test]
async fn a_permit_is_there_where_the_next_one_wakes_badly() {
    let broker = Broker::new();
    let topic = broker.topic("log").max(2).overflow(Overflow::Wait);
    let writer = topic.publisher().await.unwrap();
    let mut reader = topic.subscriber().await.unwrap();
    writer.publish_batch(["a", "b"].map(Record::new)).await.unwrap();
    let bell = Bell::new();
    let mut first = Box::pin(writer.reserve());
    assert!(settle_with(&bell, &mut first).is_pending());
    let mut second = writer.publish_bytes("c").into_future();
    sleeps_badly(&mut second);
    assert_eq!(reader.recv_batch(2).await.unwrap().len(), 2);
    let Poll::Ready(permit) = poll_with(&bell, &mut first) else { panic!("there is room") };
    drop((permit, second));
    writer.try_reserve().unwrap().send(Record::new("d")).unwrap();
}

/// However many wake badly, also at once.
#[tokio::test]
async fn a_publish_and_a_broker_that_ends_reach_everybody() {
    let broker = Broker::new();
    let mut readers = Vec::new();
    for number in 0..8 {
        let topic = broker.topic(&format!("log-{number}"));
        let writer = topic.publisher().await.unwrap();
        let (mut one, mut two) =
            (topic.subscriber().await.unwrap(), topic.subscriber().await.unwrap());
        reader_sleeps_badly(&mut one);
        reader_sleeps_badly(&mut two);
        let mut publish = writer.publish_bytes("x").into_future();
        assert!(matches!(poll_with(&Bell::new(), &mut publish), Poll::Ready(Ok(Offset(0)))));
        assert!(one.try_recv().unwrap().is_some() && two.try_recv().unwrap().is_some());
        reader_sleeps_badly(&mut one);
        readers.extend([one, two]);
    }
    drop(broker);
    for reader in &mut readers {
        assert!(matches!(reader.try_recv(), Err(RecvError::Closed)));
    }
}

#[tokio::test(start_paused = true)]
async fn a_letter_is_stored_and_redriven_once_where_its_reader_wakes_badly() {
    let broker = Broker::new();
    let topic = broker.topic("log");
    let writer = topic.publisher().await.unwrap();
    let mut member = topic.subscriber().group("g").await.unwrap();
    let dead = topic.dead_letters("g");
    let mut letters = dead.subscriber().await.unwrap();
    writer.publish_bytes("x").await.unwrap();
    reader_sleeps_badly(&mut letters);
    member.recv().await.unwrap().reject("bad");
    tokio::time::advance(Duration::from_secs(60)).await;
    assert!(member.try_recv().unwrap().is_none());
    assert_eq!(letters.recv_batch(9).await.unwrap().len(), 1);
    assert_eq!(member.stats().unwrap().dead_lettered, 1);

    let mut reader = topic.subscriber().from(Start::Latest).await.unwrap();
    reader_sleeps_badly(&mut reader);
    assert_eq!(dead.redrive(|_, _| true).await.unwrap().redriven, 1);
    assert_eq!(dead.redrive(|_, _| true).await.unwrap().redriven, 0);
    assert_eq!(reader.recv_batch(9).await.unwrap().len(), 1);
}

/// Panics where it is encoded, once.
struct Shy(AtomicBool);

impl Serialize for Shy {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        assert!(self.0.swap(true, Ordering::SeqCst), "too shy");
        serializer.serialize_unit()
    }
}

impl<'de> serde::Deserialize<'de> for Shy {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        <()>::deserialize(deserializer)?;
        Ok(Self(AtomicBool::new(true)))
    }
}

impl Topic for Shy {
    type Codec = Json;
    const SPEC: TopicSpec = TopicSpec::new("shy").partitions(4);
}

#[tokio::test]
async fn a_publish_whose_encoding_panicked_stores_nothing_without_what_was_said_of_it() {
    let broker = Broker::new();
    let writer = broker.publisher::<Shy>().await.unwrap();
    let message = writer.publish(Shy(AtomicBool::new(false))).key("k").partition(Partition(3));
    let mut publish = message.into_future();
    for _ in 0..2 {
        let polled = catch_unwind(AssertUnwindSafe(|| poll_with(&Bell::new(), &mut publish)));
        assert!(polled.is_err());
    }
    assert_eq!(broker.stats("shy").await.unwrap().published, 0);
}
