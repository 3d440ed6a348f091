//! Many at once, on one thread and on several: order, loss, counts and wake-ups under load.

use crate::common;

use std::future::IntoFuture;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use common::{bounded, on_both_runtimes, settle, spawn};
use memq::{
    Broker, LagReason, Offset, Overflow, Publisher, RecvError, Start, Subscriber, Topic, TopicStats,
};
use tokio::task::yield_now;

numbers!(Many, "many", max_messages(100_000));
numbers!(Tiny, "tiny", max_messages(3));
numbers!(Some40, "some40", max_messages(40));
// Twenty-seven messages in segments that are closed before they are full.
numbers!(Bytes, "bytes", max_bytes(2_000));
numbers!(Wait1, "wait1", max_messages(1), overflow(Overflow::Wait));
numbers!(Wait2, "wait2", max_messages(2), overflow(Overflow::Wait));
numbers!(Wait7, "wait7", max_messages(7), overflow(Overflow::Wait));
numbers!(Brief, "brief", max_messages(50), ttl(Duration::from_millis(1)));

/// A number that each publisher counts up: `publisher * SPAN + count`.
const SPAN: u64 = 1_000_000;

/// A topic of numbers, for tests that are the same for several topics.
trait Numbers: Topic {
    fn of(number: u64) -> Self;
    fn number(&self) -> u64;
}

macro_rules! numbers_of {
    ($($type:ident)*) => {$(
        impl Numbers for $type {
            fn of(number: u64) -> Self { Self(number) }
            fn number(&self) -> u64 { self.0 }
        }
    )*};
}

numbers_of!(Many Tiny Some40 Bytes Wait1 Wait2 Wait7 Brief);

fn check(stats: &TopicStats) {
    assert_eq!(stats.published, stats.depth + stats.dropped.total() + stats.consumed, "{stats:?}");
    assert_eq!(stats.next.0, stats.published);
    for reader in &stats.subscribers {
        let sum = reader.delivered + reader.filtered + reader.skipped + reader.lag;
        assert_eq!(reader.since_start, sum, "{reader:?}");
        assert!(reader.position <= stats.next && reader.lag <= stats.published, "{stats:?}");
    }
}

/// Looks at the numbers for as long as the flag is not set.
async fn watch(broker: Broker, topic: &'static str, done: Arc<AtomicBool>) {
    let mut published = 0;
    while !done.load(Ordering::Relaxed) {
        let stats = broker.stats(topic).await.unwrap();
        check(&stats);
        assert!(stats.published >= published);
        published = stats.published;
        yield_now().await;
    }
}

async fn publish_all<T: Numbers>(publisher: Publisher<T>, id: u64, count: u64) {
    let mut at = 0;
    while at < count {
        if at % 3 == 0 {
            let end = (at + 1 + at % 40).min(count);
            let batch = publisher.publish_batch((at..end).map(|n| T::of(id * SPAN + n)));
            assert!(batch.await.unwrap().is_sorted());
            at = end;
        } else {
            publisher.publish(T::of(id * SPAN + at)).await.unwrap();
            at += 1;
        }
    }
}

/// What one reader saw, checked as it comes.
struct Seen {
    next: u64,
    skipped: u64,
    delivered: u64,
    /// For each publisher, the count after the last one seen.
    counts: Vec<u64>,
}

impl Seen {
    fn new(publishers: usize) -> Self {
        Self { next: 0, skipped: 0, delivered: 0, counts: vec![0; publishers] }
    }

    fn take(&mut self, offset: Offset, number: u64) {
        assert_eq!(offset, Offset(self.next), "out of order, twice or missing");
        let count = &mut self.counts[(number / SPAN) as usize];
        assert!(number % SPAN >= *count, "out of its publisher's order");
        *count = number % SPAN + 1;
        self.next += 1;
        self.delivered += 1;
    }

    fn lag(&mut self, skipped: u64) {
        assert!(skipped > 0);
        self.next += skipped;
        self.skipped += skipped;
    }
}

/// Reads `total` messages in every way there is, `pace` yields apart.
async fn read_all<T: Numbers>(
    mut reader: Subscriber<T>,
    publishers: usize,
    total: u64,
    pace: u64,
) -> Seen {
    let mut seen = Seen::new(publishers);
    let mut turn = 0;
    while seen.next < total {
        turn += 1;
        for _ in 0..pace {
            yield_now().await;
        }
        let result = match turn % 4 {
            0 => reader.recv_batch(turn as usize % 50 + 1).await.map(|batch| {
                batch.iter().for_each(|message| seen.take(message.offset(), message.number()));
            }),
            1 => reader.try_recv().map(|message| {
                message.iter().for_each(|message| seen.take(message.offset(), message.number()));
            }),
            2 => tokio::select! {
                biased;
                message = reader.recv() => {
                    message.map(|message| seen.take(message.offset(), message.number()))
                }
                () = yield_now() => Ok(()),
            },
            _ => reader.recv().await.map(|m| seen.take(m.offset(), m.number())),
        };
        match result {
            Ok(()) => {}
            Err(RecvError::Lagged { skipped, .. }) => seen.lag(skipped),
            Err(error) => panic!("{error}"),
        }
    }
    let stats = reader.stats();
    assert_eq!((stats.delivered, stats.skipped, stats.lag), (seen.delivered, seen.skipped, 0));
    seen
}

async fn traffic<T: Numbers>(
    topic: &'static str,
    publishers: usize,
    readers: usize,
    each: u64,
    pace: u64,
) -> (Broker, Vec<Seen>) {
    let broker = Broker::new();
    let total = publishers as u64 * each;
    let done = Arc::new(AtomicBool::new(false));
    let mut reading = Vec::new();
    for reader in 0..readers {
        let subscriber = broker.subscriber::<T>().await.unwrap();
        reading.push(spawn(read_all(subscriber, publishers, total, pace * reader as u64)));
    }
    let mut writing = Vec::new();
    for id in 0..publishers {
        let publisher = broker.publisher::<T>().await.unwrap();
        writing.push(spawn(publish_all(publisher, id as u64, each)));
    }
    let watching = spawn(watch(broker.clone(), topic, done.clone()));
    let mut seen = Vec::new();
    for task in writing {
        bounded("a publisher", task).await.unwrap();
    }
    for task in reading {
        seen.push(bounded("a reader", task).await.unwrap());
    }
    done.store(true, Ordering::Relaxed);
    watching.await.unwrap();
    let stats = broker.stats(topic).await.unwrap();
    check(&stats);
    assert_eq!(stats.published, total);
    assert_eq!(stats.waiting_publishers, 0);
    assert!(stats.subscribers.is_empty());
    (broker, seen)
}

#[test]
fn every_reader_sees_everything_once_and_in_order() {
    on_both_runtimes(|| async {
        let (_, seen) = traffic::<Many>("many", 4, 4, 3_000, 0).await;
        for seen in seen {
            assert_eq!((seen.delivered, seen.skipped), (12_000, 0));
        }
    });
}

#[test]
fn slow_readers_of_a_small_topic_lose_exactly_what_they_are_told() {
    on_both_runtimes(|| async {
        for _ in 0..3 {
            let (broker, seen) = traffic::<Tiny>("tiny", 3, 3, 1_000, 2).await;
            assert!(seen.iter().all(|seen| seen.delivered + seen.skipped == 3_000));
            assert_eq!(broker.stats("tiny").await.unwrap().dropped.max_messages, 2_997);
            let (broker, seen) = traffic::<Bytes>("bytes", 3, 3, 1_000, 2).await;
            assert!(seen.iter().all(|seen| seen.delivered + seen.skipped == 3_000));
            assert_eq!(broker.stats("bytes").await.unwrap().dropped.max_bytes, 2_973);
            let (_, seen) = traffic::<Some40>("some40", 3, 3, 2_000, 1).await;
            assert!(seen.iter().all(|seen| seen.delivered + seen.skipped == 6_000));
        }
    });
}

#[test]
fn messages_that_expire_under_load_are_counted_exactly() {
    on_both_runtimes(|| async {
        let (_, seen) = traffic::<Brief>("brief", 3, 3, 2_000, 1).await;
        assert!(seen.iter().all(|seen| seen.delivered + seen.skipped == 6_000));
    });
}

#[test]
fn waiting_with_a_tiny_topic_never_drops_and_never_hangs() {
    async fn round<T: Numbers>(topic: &'static str) {
        for readers in 1..4 {
            let (broker, seen) = traffic::<T>(topic, 3, readers, 400, 1).await;
            assert!(seen.iter().all(|seen| seen.delivered == 1_200 && seen.skipped == 0));
            assert_eq!(broker.stats(topic).await.unwrap().dropped.total(), 0);
        }
    }
    on_both_runtimes(|| async {
        round::<Wait1>("wait1").await;
        round::<Wait2>("wait2").await;
        round::<Wait7>("wait7").await;
    });
}

/// Readers that come and go, publishes and reservations that are dropped, permits given back:
/// whoever stays gets through.
async fn turmoil<T: Numbers>(topic: &'static str) {
    let broker = Broker::new();
    let each = 500;
    let done = Arc::new(AtomicBool::new(false));
    let mut stays = broker.subscriber::<T>().await.unwrap();
    let mut passing = Vec::new();
    for id in 0..2 {
        let publisher = broker.publisher::<T>().await.unwrap();
        let (flag, from) = (done.clone(), broker.clone());
        passing.push(spawn(async move {
            while !flag.load(Ordering::Relaxed) {
                tokio::select! {
                    biased;
                    sent = publisher.publish(T::of(2 * SPAN)).into_future() => drop(sent),
                    () = yield_now() => {}
                }
                tokio::select! {
                    biased;
                    permit = publisher.reserve() => {
                        yield_now().await;
                        drop(permit);
                    }
                    () = yield_now() => {}
                }
                let start = if id == 0 { Start::Latest } else { Start::Earliest };
                let mut visitor = from.subscriber::<T>().from(start).await.unwrap();
                for _ in 0..3 {
                    tokio::select! {
                        biased;
                        _ = visitor.recv() => {}
                        () = yield_now() => {}
                    }
                }
                if id == 0 {
                    visitor.seek(Start::Latest).await.unwrap();
                    yield_now().await;
                }
            }
        }));
    }
    let mut writing = Vec::new();
    for id in 0..2 {
        let publisher = broker.publisher::<T>().await.unwrap();
        writing.push(spawn(publish_all(publisher, id, each)));
    }
    let watching = spawn(watch(broker.clone(), topic, done.clone()));
    let mut seen = Seen::new(3);
    bounded("a reader among others that leave", async {
        while seen.counts[..2] != [each, each] {
            let message = stays.recv().await.unwrap();
            // Those that may be dropped all have the same number.
            seen.counts[2] = 0;
            seen.take(message.offset(), message.number());
        }
    })
    .await;
    for task in writing {
        bounded("a publisher among others that are dropped", task).await.unwrap();
    }
    done.store(true, Ordering::Relaxed);
    drop(stays);
    broker.close(topic).await.unwrap();
    for task in passing {
        bounded("a visitor", task).await.unwrap();
    }
    watching.await.unwrap();
    let stats = broker.stats(topic).await.unwrap();
    check(&stats);
    assert_eq!((stats.dropped.total(), stats.waiting_publishers), (0, 0));
}

#[test]
fn leaving_readers_and_dropped_publishes_hold_nobody_up() {
    on_both_runtimes(|| async {
        turmoil::<Wait1>("wait1").await;
        turmoil::<Wait2>("wait2").await;
        turmoil::<Wait7>("wait7").await;
    });
}

#[test]
fn the_first_reader_that_comes_at_the_end_lets_publishers_go_on() {
    on_both_runtimes(|| async {
        for _ in 0..50 {
            let broker = Broker::new();
            let publisher = broker.publisher::<Wait1>().await.unwrap();
            publisher.publish(Wait1(0)).await.unwrap();
            let publishing = spawn(async move { publisher.publish(Wait1(1)).await.unwrap() });
            settle().await;
            let mut late = broker.subscriber::<Wait1>().from(Start::Latest).await.unwrap();
            let message = bounded("the first reader", late.recv()).await.unwrap();
            assert_eq!(message.0, 1);
            publishing.await.unwrap();
        }
    });
}

/// Each waits for the other all the time, on a thread and a runtime of its own: whichever parks
/// while the other moves on must be woken.
#[test]
fn a_publisher_and_a_reader_on_two_threads_never_miss_each_other() {
    fn run<T: Numbers>(publishers: u64, each: u64) {
        let broker = Broker::new();
        let (handle, reader) = common::current_thread().block_on(async {
            let publisher = broker.publisher::<T>().await.unwrap();
            (publisher, broker.subscriber::<T>().await.unwrap())
        });
        std::thread::scope(|scope| {
            for id in 0..publishers {
                let publisher = handle.clone();
                scope.spawn(move || {
                    common::current_thread().block_on(async {
                        for at in 0..each {
                            let publish = publisher.publish(T::of(id * SPAN + at));
                            bounded("a publisher", publish.into_future()).await.unwrap();
                        }
                    });
                });
            }
            let mut reader = reader;
            common::current_thread().block_on(async {
                let mut seen = Seen::new(publishers as usize);
                while seen.next < publishers * each {
                    let message = bounded("a reader", reader.recv()).await.unwrap();
                    seen.take(message.offset(), message.number());
                }
            });
        });
    }
    run::<Wait1>(1, 20_000);
    run::<Wait1>(3, 3_000);
    run::<Wait2>(2, 5_000);
    run::<Wait7>(2, 10_000);
}

/// A reader that never parks passes a message at the moment its publisher looks for room.
#[test]
fn a_publisher_that_parks_while_its_reader_moves_on_is_woken() {
    let broker = Broker::new();
    let (publisher, mut reader) = common::current_thread().block_on(async {
        let publisher = broker.publisher::<Wait1>().await.unwrap();
        (publisher, broker.subscriber::<Wait1>().await.unwrap())
    });
    let writing = std::thread::spawn(move || {
        common::current_thread().block_on(async {
            for at in 0..40_000 {
                bounded("a publisher", publisher.publish(Wait1(at)).into_future()).await.unwrap();
            }
        });
    });
    let mut next = 0;
    while next < 40_000 && !writing.is_finished() {
        while let Some(message) = reader.try_recv().unwrap() {
            assert_eq!(message.0, next);
            next += 1;
        }
        std::hint::spin_loop();
    }
    writing.join().unwrap();
}

#[tokio::test]
async fn the_reason_of_a_lag_is_that_of_the_last_message_that_went() {
    let broker = Broker::new();
    let publisher = broker.publisher::<Tiny>().await.unwrap();
    let mut reader = broker.subscriber::<Tiny>().await.unwrap();
    publisher.publish_batch((0..10).map(Tiny)).await.unwrap();
    match reader.recv().await {
        Err(RecvError::Lagged { skipped: 7, reason: LagReason::MaxMessages }) => {}
        other => panic!("{other:?}"),
    }
}
