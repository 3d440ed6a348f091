//! What a topic keeps, and that the memory of everything else goes.

use crate::common;

use std::future::IntoFuture;
use std::sync::Arc;
use std::sync::atomic::{AtomicIsize, Ordering};
use std::time::Duration;

use common::{Bell, paused, poll_with, settle, settle_with};
use memq::codec::Native;
use memq::{
    Broker, LagReason, Offset, Overflow, PublishError, Record, RecvError, Start, Topic, TopicSpec,
};
use tokio::runtime::Handle;

/// A value that knows how many of its kind there are.
#[derive(Debug)]
struct Counted(Arc<AtomicIsize>);

impl Counted {
    fn new(alive: &Arc<AtomicIsize>) -> Self {
        alive.fetch_add(1, Ordering::SeqCst);
        Self(alive.clone())
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::SeqCst);
    }
}

fn alive(counter: &Arc<AtomicIsize>) -> usize {
    counter.load(Ordering::SeqCst).try_into().unwrap()
}

/// Keeps `MAX` messages.
#[derive(Debug)]
struct Last<const MAX: usize>(#[allow(dead_code, reason = "it is there to be dropped")] Counted);

impl<const MAX: usize> Topic for Last<MAX> {
    type Codec = Native;
    const SPEC: TopicSpec = TopicSpec::new("last").max_messages(MAX);
}

/// Says that it holds a kilobyte, and keeps so many bytes.
struct Heavy<const BYTES: usize>(#[allow(dead_code, reason = "it is there to be dropped")] Counted);

impl<const BYTES: usize> Topic for Heavy<BYTES> {
    type Codec = Native;
    const SPEC: TopicSpec = TopicSpec::new("heavy").max_bytes(BYTES);

    fn footprint(&self) -> usize {
        KILOBYTE
    }
}

const KILOBYTE: usize = 1_000;
/// What a message costs beside what it holds.
const PRICE: usize = 64;

const MINUTE: Duration = Duration::from_secs(60);

/// Is kept for a minute.
#[derive(Debug)]
struct Brief(#[allow(dead_code, reason = "it is there to be dropped")] Counted);

impl Topic for Brief {
    type Codec = Native;
    const SPEC: TopicSpec = TopicSpec::new("brief").ttl(MINUTE).max_messages(5_000);
}

/// Messages in the same stretch of the log, at most: an eighth of what is kept, or 8, up to half of it.
fn stretch(max: usize) -> usize {
    (max / 8).max(8.min(max / 2)).clamp(1, 256)
}

#[tokio::test]
async fn max_keeps_exactly_the_newest() {
    for max in [1, 2, 3, 4, 5, 7, 8, 9, 15, 16, 17, 31, 32, 33, 127, 128, 255, 256, 257, 2_100] {
        let broker = Broker::new();
        let topic = broker.topic("log").max(max);
        let writer = topic.publisher().await.unwrap();
        let mut reader = topic.subscriber().await.unwrap();
        let total = 3 * max as u64 + 5;
        for n in 0..total {
            writer.publish_bytes(n.to_le_bytes().to_vec()).await.unwrap();
            let stats = broker.stats("log").await.unwrap();
            assert_eq!(stats.depth, (n + 1).min(max as u64));
            assert_eq!(stats.earliest, Some(Offset(n + 1 - stats.depth)));
        }
        let skipped = total - max as u64;
        match reader.recv().await {
            Err(RecvError::Lagged { skipped: said, reason: LagReason::MaxMessages }) => {
                assert_eq!(said, skipped);
            }
            other => panic!("{other:?}"),
        }
        for n in skipped..total {
            let record = reader.recv().await.unwrap();
            assert_eq!((record.offset(), &record.bytes()[..]), (Offset(n), &n.to_le_bytes()[..]));
        }
        assert!(reader.try_recv().unwrap().is_none());
    }
}

async fn memory_follows_max<const MAX: usize>() {
    let counter = Arc::default();
    let broker = Broker::new();
    let last = broker.publisher::<Last<MAX>>().await.unwrap();
    for _ in 0..4 * MAX + 1_000 {
        last.publish(Last(Counted::new(&counter))).await.unwrap();
        assert!(alive(&counter) < MAX + stretch(MAX), "{} of {MAX}", alive(&counter));
    }
    last.publish_batch((0..700).map(|_| Last(Counted::new(&counter)))).await.unwrap();
    assert!(alive(&counter) < MAX.max(1) + stretch(MAX));
    drop((broker, last));
    assert_eq!(alive(&counter), 0);
}

#[tokio::test]
async fn memory_follows_what_max_keeps() {
    memory_follows_max::<1>().await;
    memory_follows_max::<2>().await;
    memory_follows_max::<7>().await;
    memory_follows_max::<8>().await;
    memory_follows_max::<15>().await;
    memory_follows_max::<16>().await;
    memory_follows_max::<64>().await;
    memory_follows_max::<1_000>().await;
    memory_follows_max::<5_000>().await;
}

async fn memory_follows_bytes<const BYTES: usize>() {
    let counter = Arc::default();
    let broker = Broker::new();
    let heavy = broker.publisher::<Heavy<BYTES>>().await.unwrap();
    let fit = BYTES / (KILOBYTE + PRICE);
    for n in 1..=3 * fit + 100 {
        heavy.publish(Heavy(Counted::new(&counter))).await.unwrap();
        let stats = broker.stats("heavy").await.unwrap();
        assert_eq!(stats.depth as usize, n.min(fit));
        assert!(stats.bytes as usize <= BYTES);
        let extra = alive(&counter) - stats.depth as usize;
        assert!(extra <= fit / 8 + 1, "{extra} of {fit}");
    }
    assert_eq!(broker.stats("heavy").await.unwrap().dropped.max_messages, 0);
}

#[tokio::test]
async fn memory_follows_what_max_bytes_keeps() {
    memory_follows_bytes::<1_064>().await;
    memory_follows_bytes::<2_000>().await;
    memory_follows_bytes::<3_500>().await;
    memory_follows_bytes::<20_000>().await;
    memory_follows_bytes::<1_000_000>().await;
}

#[tokio::test]
async fn one_large_message_takes_the_place_of_many_small_ones() {
    let broker = Broker::new();
    let topic = broker.topic("log").max_bytes(10 * (PRICE + 10));
    let writer = topic.publisher().await.unwrap();
    let mut reader = topic.subscriber().await.unwrap();
    writer.publish_batch((0..10).map(|_| Record::new(vec![0; 10]))).await.unwrap();
    assert_eq!(broker.stats("log").await.unwrap().depth, 10);
    writer.publish_bytes(vec![0; 10 * (PRICE + 10) - PRICE]).await.unwrap();
    let stats = broker.stats("log").await.unwrap();
    assert_eq!((stats.depth, stats.dropped.max_bytes), (1, 10));
    match reader.recv().await {
        Err(RecvError::Lagged { skipped: 10, reason: LagReason::MaxBytes }) => {}
        other => panic!("{other:?}"),
    }
    assert_eq!(reader.recv().await.unwrap().offset(), Offset(10));
}

#[tokio::test]
async fn a_held_message_keeps_only_its_own_stretch() {
    let counter = Arc::default();
    let broker = Broker::new();
    let last = broker.publisher::<Last<800>>().await.unwrap();
    let mut reader = broker.subscriber::<Last<800>>().await.unwrap();
    last.publish_batch((0..500).map(|_| Last(Counted::new(&counter)))).await.unwrap();
    let mut held = None;
    for _ in 0..300 {
        held = Some(reader.recv().await.unwrap());
    }
    drop(reader);
    for _ in 0..10_000 {
        last.publish(Last(Counted::new(&counter))).await.unwrap();
    }
    let all = alive(&counter);
    assert!(all <= 800 + 2 * stretch(800), "{all}");
    let offset = held.as_ref().unwrap().offset();
    assert_eq!(offset, Offset(299));
    drop(held);
    assert!(alive(&counter) < 800 + stretch(800));
}

#[tokio::test]
async fn an_idle_reader_keeps_one_stretch_at_most() {
    let counter = Arc::default();
    let broker = Broker::new();
    let last = broker.publisher::<Last<800>>().await.unwrap();
    let mut reader = broker.subscriber::<Last<800>>().await.unwrap();
    for n in 0..5_000 {
        last.publish(Last(Counted::new(&counter))).await.unwrap();
        if n == 100 {
            reader.recv().await.unwrap();
        }
    }
    assert!(alive(&counter) <= 800 + 2 * stretch(800), "{}", alive(&counter));
    assert_eq!(reader.position(), Offset(1));
}

#[tokio::test]
async fn everything_is_freed_when_the_last_handle_goes() {
    let counter = Arc::default();
    let broker = Broker::new();
    let last = broker.publisher::<Last<100>>().await.unwrap();
    let mut reader = broker.subscriber::<Last<100>>().await.unwrap();
    last.publish_batch((0..150).map(|_| Last(Counted::new(&counter)))).await.unwrap();
    drop((broker, last));
    assert!(alive(&counter) >= 100, "a reader may still drain");
    assert!(matches!(reader.recv().await, Err(RecvError::Lagged { skipped: 50, .. })));
    let message = reader.recv().await.unwrap();
    drop(reader);
    assert!(alive(&counter) <= stretch(100));
    drop(message);
    assert_eq!(alive(&counter), 0);
}

#[tokio::test]
async fn a_deleted_topic_is_freed_while_its_handles_are_there() {
    let counter = Arc::default();
    let broker = Broker::new();
    let last = broker.publisher::<Last<100>>().await.unwrap();
    let reader = broker.subscriber::<Last<100>>().await.unwrap();
    last.publish_batch((0..100).map(|_| Last(Counted::new(&counter)))).await.unwrap();
    broker.delete("last").await.unwrap();
    assert_eq!(alive(&counter), 0);
    drop((last, reader));
}

#[tokio::test(start_paused = true)]
async fn an_idle_topic_frees_what_expired_without_traffic() {
    let counter = Arc::default();
    let broker = Broker::new();
    let brief = broker.publisher::<Brief>().await.unwrap();
    let mut reader = broker.subscriber::<Brief>().await.unwrap();
    for _ in 0..10 {
        brief.publish_batch((0..100).map(|_| Brief(Counted::new(&counter)))).await.unwrap();
        tokio::time::advance(MINUTE / 20).await;
    }
    assert_eq!(alive(&counter), 1_000);
    // A reader that waits changes nothing.
    for _ in 0..1_000 {
        drop(reader.recv().await.unwrap());
    }
    let bell = Bell::new();
    assert!(settle_with(&bell, &mut Box::pin(reader.recv())).is_pending());
    let rings = bell.rings();
    assert_eq!(Handle::current().metrics().num_alive_tasks(), 1);

    for _ in 0..32 {
        tokio::time::advance(MINUTE / 16).await;
        settle().await;
    }
    assert_eq!(alive(&counter), 0);
    assert_eq!(broker.stats("brief").await.unwrap().dropped.expired, 1_000);
    assert_eq!(bell.rings(), rings, "a reader was woken for messages it had read");
    assert_eq!(Handle::current().metrics().num_alive_tasks(), 0, "an empty topic has a task");
}

#[tokio::test(start_paused = true)]
async fn ttl_is_exact_to_the_nanosecond() {
    let broker = Broker::new();
    let topic = broker.topic("log").ttl(MINUTE);
    let writer = topic.publisher().await.unwrap();
    writer.publish_bytes("a").await.unwrap();
    tokio::time::advance(MINUTE - Duration::from_nanos(1)).await;
    let mut reader = topic.subscriber().await.unwrap();
    assert_eq!(reader.try_recv().unwrap().unwrap().offset(), Offset(0));
    reader.seek(Start::Earliest).await.unwrap();
    tokio::time::advance(Duration::from_nanos(1)).await;
    match reader.try_recv() {
        Err(RecvError::Lagged { skipped: 1, reason: LagReason::Expired }) => {}
        other => panic!("{other:?}"),
    }
    assert!(reader.try_recv().unwrap().is_none());
}

#[tokio::test(start_paused = true)]
async fn ttl_counts_from_storing_and_not_from_construction() {
    let broker = Broker::new();
    let topic = broker.topic("log").ttl(MINUTE);
    let writer = topic.publisher().await.unwrap();
    let mut reader = topic.subscriber().await.unwrap();
    writer.publish_bytes("first").await.unwrap();
    let begin = reader.recv().await.unwrap().published_at();

    let record = Record::new("made early");
    let publish = writer.publish(record);
    let future = publish.into_future();
    tokio::time::advance(MINUTE * 3).await;
    future.await.unwrap();
    tokio::time::advance(MINUTE - Duration::from_millis(1)).await;
    assert_eq!(reader.recv().await.unwrap().published_at(), begin + MINUTE * 3);
}

#[tokio::test(start_paused = true)]
async fn ttl_of_a_publish_that_waited_counts_from_storing() {
    let broker = Broker::new();
    let topic = broker.topic("log").ttl(MINUTE).max(1).overflow(Overflow::Wait);
    let writer = topic.publisher().await.unwrap();
    let mut reader = topic.subscriber().await.unwrap();
    writer.publish_bytes("first").await.unwrap();
    let begin = broker.topic("log").subscriber().await.unwrap().recv().await.unwrap();

    let bell = Bell::new();
    let mut single = writer.publish_bytes("waits").into_future();
    assert!(poll_with(&bell, &mut single).is_pending());
    tokio::time::advance(MINUTE / 2).await;
    reader.recv().await.unwrap();
    single.await.unwrap();
    let stored = reader.recv().await.unwrap().published_at();
    assert_eq!(stored, begin.published_at() + MINUTE / 2);

    reader.seek(Start::Earliest).await.unwrap();
    let mut batch = writer.publish_batch([Record::new("a")]);
    assert!(poll_with(&bell, &mut batch).is_pending());
    tokio::time::advance(MINUTE / 3).await;
    reader.recv().await.unwrap();
    batch.await.unwrap();
    assert_eq!(reader.recv().await.unwrap().published_at(), stored + MINUTE / 3);
}

/// The sweeper comes a few times in one `ttl`; what expired between is no obstacle either.
#[tokio::test(start_paused = true)]
async fn what_expired_takes_no_room() {
    let broker = Broker::new();
    let topic = broker.topic("log").ttl(MINUTE).max(2).overflow(Overflow::Reject);
    let writer = topic.publisher().await.unwrap();
    let fill = async || {
        for _ in 0..2 {
            writer.publish_bytes("x").await.unwrap();
            tokio::time::advance(Duration::from_millis(10)).await;
        }
    };
    fill().await;
    assert!(matches!(writer.reserve().await, Err(PublishError::Full(()))));
    tokio::time::advance(MINUTE).await;
    drop(writer.reserve().await.unwrap());

    fill().await;
    assert!(matches!(writer.try_publish(Record::new("y")), Err(PublishError::Full(_))));
    tokio::time::advance(MINUTE).await;
    writer.try_publish(Record::new("y")).unwrap();
}

#[test]
fn another_runtime_expires_what_the_first_one_cannot() {
    let counter = Arc::default();
    let broker = Broker::new();
    let first = paused();
    let brief = first.block_on(async {
        let brief = broker.publisher::<Brief>().await.unwrap();
        brief.publish(Brief(Counted::new(&counter))).await.unwrap();
        settle().await;
        assert_eq!(Handle::current().metrics().num_alive_tasks(), 1);
        brief
    });
    drop(first);
    assert_eq!(alive(&counter), 1);

    paused().block_on(async {
        brief.publish(Brief(Counted::new(&counter))).await.unwrap();
        assert_eq!(Handle::current().metrics().num_alive_tasks(), 1);
        for _ in 0..40 {
            tokio::time::advance(MINUTE / 16).await;
            settle().await;
        }
        assert_eq!(alive(&counter), 0);
        assert_eq!(Handle::current().metrics().num_alive_tasks(), 0);
    });

    // And without a runtime, the next one who comes does it.
    brief.try_publish(Brief(Counted::new(&counter))).unwrap();
    assert_eq!(alive(&counter), 1);
}

#[tokio::test(start_paused = true)]
async fn a_topic_has_one_sweeper_however_much_is_published() {
    let counter = Arc::default();
    let broker = Broker::new();
    let brief = broker.publisher::<Brief>().await.unwrap();
    for _ in 0..1_000 {
        brief.publish(Brief(Counted::new(&counter))).await.unwrap();
    }
    assert_eq!(Handle::current().metrics().num_alive_tasks(), 1);
    broker.delete("brief").await.unwrap();
    settle().await;
    assert_eq!(Handle::current().metrics().num_alive_tasks(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_closed_topic_frees_what_expires_too() {
    let counter = Arc::default();
    let broker = Broker::new();
    let brief = broker.publisher::<Brief>().await.unwrap();
    let reader = broker.subscriber::<Brief>().await.unwrap();
    brief.publish_batch((0..100).map(|_| Brief(Counted::new(&counter)))).await.unwrap();
    broker.close("brief").await.unwrap();
    settle().await;
    tokio::time::advance(MINUTE * 2).await;
    settle().await;
    assert_eq!(alive(&counter), 0);
    assert_eq!(Handle::current().metrics().num_alive_tasks(), 0);
    drop(reader);
}

#[tokio::test(start_paused = true)]
async fn the_sweeper_ends_with_its_broker_although_handles_stay() {
    let counter = Arc::default();
    let broker = Broker::new();
    let brief = broker.publisher::<Brief>().await.unwrap();
    let mut reader = broker.subscriber::<Brief>().await.unwrap();
    brief.publish(Brief(Counted::new(&counter))).await.unwrap();
    settle().await;
    drop(broker);
    settle().await;
    assert_eq!(Handle::current().metrics().num_alive_tasks(), 0);
    // Nobody is given an expired message, with or without.
    tokio::time::advance(MINUTE).await;
    assert!(matches!(reader.recv().await, Err(RecvError::Lagged { skipped: 1, .. })));
    assert!(matches!(reader.recv().await, Err(RecvError::Closed)));
    assert_eq!(alive(&counter), 0);
}

/// Says that it holds a mebibyte, with no limit of its own.
struct Large(#[allow(dead_code, reason = "it is there to be dropped")] Counted);

impl Topic for Large {
    type Codec = Native;
    const SPEC: TopicSpec = TopicSpec::new("large");

    fn footprint(&self) -> usize {
        1 << 20
    }
}

#[tokio::test]
async fn large_messages_do_not_fill_the_memory_where_nothing_is_said() {
    let counter = Arc::default();
    let broker = Broker::new();
    let large = broker.publisher::<Large>().await.unwrap();
    let mut reader = broker.subscriber::<Large>().await.unwrap();
    for _ in 0..1_000 {
        large.publish(Large(Counted::new(&counter))).await.unwrap();
        reader.recv().await.unwrap();
        assert!(alive(&counter) <= 256);
    }
    assert!(broker.stats("large").await.unwrap().bytes <= memq::DEFAULT_MAX_BYTES as u64);
}

/// Nobody reads: what waits is let in by time alone.
#[tokio::test(start_paused = true)]
async fn whoever_waits_for_room_goes_on_when_the_oldest_expires() {
    let broker = Broker::new();
    let topic = broker.topic("log").ttl(MINUTE).max(1).overflow(Overflow::Wait);
    let writer = topic.publisher().await.unwrap();
    for n in 0..3 {
        assert_eq!(writer.publish_bytes("x").await.unwrap(), Offset(n));
    }
    writer.reserve().await.unwrap().send(Record::new("x")).unwrap();
    writer.publish_batch([Record::new("x"), Record::new("x")]).await.unwrap();
    let stats = broker.stats("log").await.unwrap();
    assert_eq!((stats.dropped.expired, stats.consumed, stats.depth), (5, 0, 1));
}

#[test]
fn whoever_waits_for_room_in_another_runtime_goes_on_too() {
    for reserve in [false, true] {
        let broker = Broker::new();
        let first = paused();
        let writer = first.block_on(async {
            let topic = broker.topic("log").ttl(MINUTE).max(1).overflow(Overflow::Wait);
            let writer = topic.publisher().await.unwrap();
            writer.publish_bytes("x").await.unwrap();
            writer
        });
        drop(first);
        paused().block_on(async {
            let mut waiting = Box::pin(async {
                if reserve {
                    drop(writer.reserve().await.unwrap());
                } else {
                    writer.publish_bytes("x").await.unwrap();
                }
            });
            let bell = Bell::new();
            assert!(poll_with(&bell, &mut waiting).is_pending());
            for _ in 0..40 {
                tokio::time::advance(MINUTE / 16).await;
                settle().await;
            }
            assert!(bell.rings() > 0, "nobody expires the oldest");
            assert!(poll_with(&bell, &mut waiting).is_ready());
        });
    }
}

#[tokio::test(start_paused = true)]
async fn the_shortest_and_the_longest_ttl_are_kept() {
    let broker = Broker::new();
    let long = broker.topic("long").ttl(Duration::MAX);
    let short = broker.topic("short").ttl(Duration::from_nanos(1));
    let (keeps, loses) = (long.publisher().await.unwrap(), short.publisher().await.unwrap());
    for _ in 0..10 {
        keeps.publish_bytes("x").await.unwrap();
        loses.publish_bytes("x").await.unwrap();
        tokio::time::advance(MINUTE * 60 * 24 * 365).await;
        settle().await;
    }
    assert_eq!(broker.stats("long").await.unwrap().depth, 10);
    assert_eq!(broker.stats("short").await.unwrap().dropped.expired, 10);
    let mut reader = long.subscriber().from(Start::Ago(Duration::MAX)).await.unwrap();
    assert_eq!(reader.recv().await.unwrap().offset(), Offset(0));
    reader.seek(Start::Ago(Duration::ZERO)).await.unwrap();
    assert!(reader.recv_timeout(Duration::from_secs(1)).await.unwrap().is_none());
}
