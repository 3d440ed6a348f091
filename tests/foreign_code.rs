//! Code that is not ours runs in between: wakers, drops, codecs. It may panic, and use the topic.

use crate::common;

use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Wake, Waker};
use std::time::Duration;

use common::{Bell, poll_with, settle_with, try_now};
use memq::codec::{Json, Native};
use memq::schema::Lineage;
use memq::{
    Broker, DeadLetter, Ended, Offset, Overflow, Publisher, Record, RecvError, Start, Topic,
    TopicSpec,
};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

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
    const SPEC: TopicSpec = TopicSpec::new("bombs").ttl(Duration::from_secs(4));
}

#[tokio::test(start_paused = true)]
async fn a_drop_that_panics_keeps_nothing_from_a_subscriber() {
    let broker = Broker::new();
    let bombs = broker.publisher::<Bomb>().await.unwrap();
    let mut reader = broker.subscriber::<Bomb>().await.unwrap();
    // Outside the runtime, so that no sweeper comes before the reader.
    let thread = bombs.clone();
    std::thread::spawn(move || thread.try_publish(Bomb(true)).map(drop)).join().unwrap().unwrap();
    tokio::time::advance(Duration::from_secs(5)).await;
    assert!(matches!(reader.try_recv(), Err(RecvError::Lagged { skipped: 1, .. })));
    bombs.publish(Bomb(false)).await.unwrap();
    assert_eq!(reader.try_recv().unwrap().unwrap().offset().0, 1);
}

struct Panicking;

impl Wake for Panicking {
    fn wake(self: Arc<Self>) {
        panic!("a waker that panics");
    }
}

#[tokio::test]
async fn a_waker_that_panics_takes_no_wake_up_from_others() {
    let broker = Broker::new();
    let topic = broker.topic("log");
    let writer = topic.publisher().await.unwrap();
    let mut first = topic.subscriber().await.unwrap();
    let mut second = topic.subscriber().await.unwrap();
    let bell = Bell::new();
    // Until it sleeps it wakes itself.
    assert!(settle_with(&bell, &mut Box::pin(first.recv())).is_pending());
    let bad = Waker::from(Arc::new(Panicking));
    assert!(first.poll_recv(&mut Context::from_waker(&bad)).is_pending());
    assert!(settle_with(&bell, &mut Box::pin(second.recv())).is_pending());
    let rings = bell.rings();
    writer.try_publish(Record::new("x")).unwrap();
    assert_eq!(bell.rings(), rings + 1);
    assert!(second.try_recv().unwrap().is_some());
}

/// Its clone and its drop publish, which would hang if either ran under the topic's lock.
struct Busy(Publisher<Record>, AtomicUsize);

impl Wake for Busy {
    fn wake(self: Arc<Self>) {
        self.1.fetch_add(1, Ordering::Relaxed);
        self.0.try_publish(Record::new("from a waker")).unwrap();
    }
}

impl Drop for Busy {
    fn drop(&mut self) {
        self.0.try_publish(Record::new("from a drop")).unwrap();
    }
}

#[tokio::test]
async fn a_waker_may_publish_to_the_topic_that_wakes_it() {
    let broker = Broker::new();
    let topic = broker.topic("log");
    let writer = topic.publisher().await.unwrap();
    let mut reader = topic.subscriber().from(Start::Latest).await.unwrap();
    for _ in 0..100 {
        let busy = Waker::from(Arc::new(Busy(writer.clone(), AtomicUsize::new(0))));
        let mut context = Context::from_waker(&busy);
        while let Poll::Ready(received) = reader.poll_recv(&mut context) {
            received.unwrap();
        }
        writer.try_publish(Record::new("x")).unwrap();
    }
    assert!(broker.stats("log").await.unwrap().published >= 200);
}

/// Takes five seconds of the paused clock to encode.
#[derive(Deserialize)]
struct Slow;

impl Serialize for Slow {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        // `advance` moves the clock in its first poll.
        let mut advance = Box::pin(tokio::time::advance(Duration::from_secs(5)));
        let _ = advance.as_mut().poll(&mut Context::from_waker(Waker::noop()));
        serializer.serialize_unit()
    }
}

impl Topic for Slow {
    type Codec = Json;
    const SPEC: TopicSpec = TopicSpec::new("slow").ttl(Duration::from_secs(60));
}

#[tokio::test(start_paused = true)]
async fn a_batch_is_dated_when_it_is_stored_however_slow_its_encoding() {
    let broker = Broker::new();
    let slow = broker.publisher::<Slow>().await.unwrap();
    let mut reader = broker.subscriber::<Slow>().await.unwrap();
    slow.publish_batch((0..100).map(|_| Slow)).await.unwrap();
    match reader.try_recv() {
        Ok(Some(first)) => assert_eq!(first.offset().0, 0),
        Ok(None) => panic!("nothing was stored"),
        Err(error) => panic!("{error}"),
    }
}

/// The second of a batch cannot be read: its position is where the subscriber says it stands.
#[tokio::test]
async fn an_error_that_ended_a_batch_is_not_lost_by_resuming_at_the_position() {
    let broker = Broker::new();
    broker.create::<Slow>().await.unwrap();
    let raw = broker.topic("slow").publisher().await.unwrap();
    for payload in ["null", "{", "null"] {
        raw.publish_bytes(payload).await.unwrap();
    }
    let mut reader = broker.subscriber::<Slow>().await.unwrap();
    assert_eq!(reader.recv_batch(9).await.unwrap().len(), 1);
    let position = reader.position();
    assert_eq!(position.0, 1);
    reader.seek(position).await.unwrap();
    match reader.recv().await {
        Err(RecvError::Decode { offset, .. }) => assert_eq!(offset, position),
        other => panic!("{:?}", other.map(|message| message.offset())),
    }
    assert_eq!(reader.recv().await.unwrap().offset().0, 2);
}

/// Panics when its third is decoded.
#[derive(Serialize)]
struct Shy(u64);

impl<'de> Deserialize<'de> for Shy {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let number = u64::deserialize(deserializer)?;
        assert_ne!(number, 2, "too shy");
        Ok(Self(number))
    }
}

impl Topic for Shy {
    type Codec = Json;
    const SPEC: TopicSpec = TopicSpec::new("shy");
}

#[tokio::test(start_paused = true)]
async fn a_codec_that_panics_in_a_batch_keeps_nothing_else_from_its_group() {
    let broker = Broker::new();
    let shy = broker.publisher::<Shy>().await.unwrap();
    let mut member = broker.subscriber::<Shy>().group("g").await.unwrap();
    shy.publish_batch((0..6).map(Shy)).await.unwrap();
    let Some(Ok(batch)) = try_now(member.recv_batch(10)) else {
        panic!("the others are not there")
    };
    let numbers: Vec<_> = batch.iter().map(|shy| (shy.0, shy.attempt())).collect();
    assert_eq!(numbers, [0, 1, 3, 4, 5].map(|number| (number, 1)));
    assert!(catch_unwind(AssertUnwindSafe(|| try_now(member.recv_batch(10)))).is_err());
    batch.ack();
    let stats = member.stats().unwrap();
    assert_eq!((stats.settled, stats.in_flight, stats.delayed), (5, 0, 1));
}

static ARMED: AtomicBool = AtomicBool::new(false);

/// The first one panics when it is freed, once.
#[derive(Debug)]
struct Mine(u64);

impl Drop for Mine {
    fn drop(&mut self) {
        if self.0 == 0 && ARMED.swap(false, Ordering::SeqCst) {
            panic!("mine");
        }
    }
}

impl Topic for Mine {
    type Codec = Native;
    const SPEC: TopicSpec = TopicSpec::new("mines").ttl(Duration::from_secs(300));
}

#[test]
fn a_panic_of_another_message_keeps_none_from_being_dead_lettered() {
    common::paused().block_on(async {
        let broker = Broker::new();
        let mines = broker.publisher::<Mine>().await.unwrap();
        let mut group = broker.subscriber::<Mine>().group("squad").await.unwrap();
        mines.publish(Mine(0)).await.unwrap();
        group.recv().await.unwrap().ack();
        tokio::time::advance(Duration::from_secs(200)).await;
        mines.publish(Mine(1)).await.unwrap();
        let held = group.recv().await.unwrap();
        held.extend_by(Duration::from_secs(600)).unwrap();
        ARMED.store(true, Ordering::SeqCst);
        // The first one is due, and no task has run since.
        let mut advance = Box::pin(tokio::time::advance(Duration::from_secs(101)));
        assert!(common::poll_once(&mut advance).is_none());
        held.reject("bad");
        assert!(!ARMED.load(Ordering::SeqCst), "it is freed by this");
        drop(advance);
        assert!(group.try_recv().unwrap().is_none());
        let stats = group.stats().unwrap();
        assert_eq!((stats.dead, stats.dead_lettered), (0, 1));
    });
}

/// Publishes when it is dropped, if it has a publisher.
struct Loud(Mutex<Option<Publisher<Loud>>>);

impl Loud {
    fn quiet() -> Self {
        Self(Mutex::new(None))
    }
}

impl Topic for Loud {
    type Codec = Native;
    // Each message has a segment of its own.
    const SPEC: TopicSpec = TopicSpec::new("loud").overflow(Overflow::Wait).max_messages(8);
}

impl Drop for Loud {
    fn drop(&mut self) {
        if let Some(publisher) = self.0.get_mut().unwrap().take() {
            drop(publisher.try_publish(Self::quiet()));
        }
    }
}

/// A member goes from one stretch of the log to the next, and lets go of the one before where the topic may
/// be used.
#[tokio::test]
async fn what_a_member_lets_go_of_may_use_the_topic() {
    let broker = Broker::new();
    let writer = broker.publisher::<Loud>().await.unwrap();
    for number in 0..8 {
        let publisher = (number == 1).then(|| writer.clone());
        writer.try_publish(Loud(Mutex::new(publisher))).unwrap();
    }
    let group = broker.subscriber::<Loud>().from(Start::Earliest).group("g").auto_ack();
    let mut member = group.await.unwrap();
    for _ in 0..4 {
        drop(member.try_recv().unwrap().unwrap());
        drop(writer.try_publish(Loud::quiet()));
    }
    assert_eq!(member.stats().unwrap().settled, 4);
}

/// Version 1 of a topic, and version 2, which panics when it is made of the number 2 of version 1.
mod versions {
    use super::*;

    #[derive(Serialize, Deserialize)]
    pub struct Old(pub u64);

    impl Topic for Old {
        type Codec = Json;
        const SPEC: TopicSpec = TopicSpec::new("grown");
    }

    #[derive(Debug, Serialize, Deserialize)]
    pub struct New(pub u64);

    impl From<Old> for New {
        fn from(old: Old) -> Self {
            assert_ne!(old.0, 2, "not this one");
            Self(old.0)
        }
    }

    impl Topic for New {
        type Codec = Json;
        const SPEC: TopicSpec = TopicSpec::new("grown").version(2);
        const LINEAGE: Lineage<Self> = Lineage::from::<Old>();
    }
}

use versions::{New, Old};

/// What a caught panic says.
fn said(caught: std::thread::Result<impl Sized>) -> String {
    let Err(panic) = caught else { panic!("it does not panic") };
    panic.downcast_ref::<String>().cloned().unwrap_or_default()
}

#[tokio::test]
async fn a_converter_that_panics_takes_one_message_from_a_subscriber() {
    let broker = Broker::new();
    let old = broker.publisher::<Old>().await.unwrap();
    let mut single = broker.subscriber::<New>().await.unwrap();
    let mut batches = broker.subscriber::<New>().await.unwrap();
    old.publish_batch((0..6).map(Old)).await.unwrap();

    let mut seen = Vec::new();
    while let Ok(Some(new)) =
        catch_unwind(AssertUnwindSafe(|| single.try_recv())).unwrap_or_else(|_| single.try_recv())
    {
        seen.push(new.0);
    }
    assert_eq!(seen, [0, 1, 3, 4, 5]);

    let batch = try_now(batches.recv_batch(10)).unwrap().unwrap();
    assert_eq!(batch.iter().map(|new| new.0).collect::<Vec<_>>(), [0, 1]);
    assert_eq!(batches.position().0, 2);
    let panicked = catch_unwind(AssertUnwindSafe(|| try_now(batches.recv_batch(10))));
    assert!(said(panicked).contains("not this one"));
    assert_eq!(batches.position().0, 3);
    let batch = try_now(batches.recv_batch(10)).unwrap().unwrap();
    assert_eq!(batch.iter().map(|new| new.0).collect::<Vec<_>>(), [3, 4, 5]);
    assert_eq!(batches.stats().lag, 0);
}

/// Where no message may be tried twice, and where each is settled by being handed out.
#[tokio::test(start_paused = true)]
async fn a_converter_that_panics_in_a_batch_of_a_group_fails_its_own_message_alone() {
    for auto_ack in [false, true] {
        let broker = Broker::new();
        let old = broker.publisher::<Old>().await.unwrap();
        let group = broker.subscriber::<New>().group("g");
        let group = if auto_ack { group.auto_ack() } else { group.max_attempts(1) };
        let mut member = group.await.unwrap();
        old.publish_batch((0..6).map(Old)).await.unwrap();
        let batch = try_now(member.recv_batch(10)).unwrap().unwrap();
        assert_eq!(batch.iter().map(|new| new.0).collect::<Vec<_>>(), [0, 1, 3, 4, 5]);
        if auto_ack {
            // That moves nothing, and takes nothing back.
            member.seek(Start::Committed).await.unwrap();
        }
        let panicked = catch_unwind(AssertUnwindSafe(|| member.try_recv()));
        assert!(said(panicked).contains("not this one"));
        batch.ack();
        assert!(member.try_recv().unwrap().is_none());
        let stats = member.stats().unwrap();
        let ended = (stats.settled, stats.dead_lettered, stats.in_flight, stats.delayed);
        assert_eq!(ended, if auto_ack { (6, 0, 0, 0) } else { (5, 1, 0, 0) });
    }
}

#[tokio::test]
async fn a_filter_that_panics_in_a_batch_takes_one_message_and_is_said_later() {
    let broker = Broker::new();
    let new = broker.publisher::<New>().await.unwrap();
    let picky = broker.subscriber::<New>().filter(|new| {
        assert_ne!(new.0, 3, "not this one");
        new.0 != 2
    });
    let mut picky = picky.await.unwrap();
    new.publish_batch((0..6).map(New)).await.unwrap();
    assert_eq!(try_now(picky.recv_batch(10)).unwrap().unwrap().len(), 2);
    // Whoever moves there is told as well.
    let position = picky.position();
    assert_eq!(position.0, 2);
    picky.seek(position).await.unwrap();
    assert!(catch_unwind(AssertUnwindSafe(|| picky.try_recv())).is_err());
    let batch = try_now(picky.recv_batch(10)).unwrap().unwrap();
    assert_eq!(batch.iter().map(|new| new.0).collect::<Vec<_>>(), [4, 5]);
}

#[tokio::test(start_paused = true)]
async fn a_worker_goes_on_past_a_converter_that_panics() {
    let broker = Broker::new();
    let old = broker.publisher::<Old>().await.unwrap();
    let group = broker.subscriber::<New>().group("g").max_attempts(2).await.unwrap();
    let mut other = broker.subscriber::<New>().group("g").await.unwrap();
    old.publish_batch((0..6).map(Old)).await.unwrap();
    broker.close("grown").await.unwrap();
    let report = group.run(|_: New| async { Ok::<(), &str>(()) }).await.unwrap();
    assert_eq!((report.succeeded, report.undecodable, report.ended), (5, 2, Ended::Closed));
    let stats = other.stats().unwrap();
    assert_eq!((stats.settled, stats.dead_lettered, stats.in_flight), (5, 1, 0));
    assert!(matches!(other.try_recv(), Err(RecvError::Closed)));
    // It is a dead letter as it was, for whoever can read it.
    let dead = broker.dead_letters::<Old>("g");
    let letter = dead.subscriber().await.unwrap().try_recv().unwrap().unwrap();
    assert_eq!(letter.0, 2);
    assert!(DeadLetter::of(letter.headers()).unwrap().reason.contains("decoding it panicked"));
}

/// The second one panics when it is dropped, once.
#[derive(Serialize, Deserialize)]
struct Fragile(u64);

static FRAGILE: AtomicBool = AtomicBool::new(true);

impl Drop for Fragile {
    fn drop(&mut self) {
        if self.0 == 1 && FRAGILE.swap(false, Ordering::SeqCst) {
            panic!("fragile");
        }
    }
}

impl Topic for Fragile {
    type Codec = Json;
    const SPEC: TopicSpec = TopicSpec::new("fragile");
}

/// What the log has the bytes of is dropped: whoever polls the batch again after a panic of that publishes
/// nothing twice.
#[tokio::test]
async fn a_batch_that_is_polled_after_a_panic_goes_on_where_it_was() {
    let broker = Broker::new();
    let fragile = broker.publisher::<Fragile>().await.unwrap();
    let mut batch = fragile.publish_batch((0..3).map(Fragile));
    assert!(catch_unwind(AssertUnwindSafe(|| poll_with(&Bell::new(), &mut batch))).is_err());
    let Poll::Ready(Ok(offsets)) = poll_with(&Bell::new(), &mut batch) else { panic!("it fails") };
    assert_eq!(offsets, [0, 1, 2].map(Offset));
    assert_eq!(broker.stats("fragile").await.unwrap().published, 3);
}
