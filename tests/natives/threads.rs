//! The same on threads: batches of more than a segment, that others read and claim meanwhile.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use fastrand::Rng;
use memq::{Backoff, Broker, Overflow, RecvError, Retain, Start, Topic};
use tokio::task::yield_now;

use super::common::{on_both_runtimes, spawn};
use crate::numbers;

numbers!(Wait5, "wait5", max_messages(5), overflow(Overflow::Wait));
numbers!(
    Wait600,
    "wait600",
    max_messages(600),
    overflow(Overflow::Wait),
    retain(Retain::UntilConsumed)
);
numbers!(WaitBytes, "wait_bytes", max_bytes(3_000), overflow(Overflow::Wait), partitions(3));
numbers!(Drop8, "drop8", max_messages(8));
numbers!(Drop500, "drop500", max_messages(500));
numbers!(Brief, "brief", max_messages(500), ttl(Duration::from_millis(3)));

/// A topic of numbers.
trait Number: Topic {
    fn of(number: u64) -> Self;
    fn number(&self) -> u64;
}

macro_rules! numbers_of {
    ($($type:ident)*) => {$(
        impl Number for $type {
            fn of(number: u64) -> Self { Self(number) }
            fn number(&self) -> u64 { self.0 }
        }
    )*};
}

numbers_of!(Wait5 Wait600 WaitBytes Drop8 Drop500 Brief);

const PUBLISHERS: u64 = 3;

/// Each publisher counts up: `publisher * SPAN + count`.
const SPAN: u64 = 1_000_000;

/// What one reader saw: at which offset it is, what it read, and the next of each publisher.
#[derive(Default)]
struct Seen {
    offset: u64,
    read: u64,
    next: [u64; PUBLISHERS as usize],
}

impl Seen {
    fn take(&mut self, offset: memq::Offset, number: u64) {
        assert_eq!(offset.0, self.offset, "out of order, twice or missing");
        let next = &mut self.next[(number / SPAN) as usize];
        assert!(number % SPAN >= *next, "out of its publisher's order");
        *next = number % SPAN + 1;
        self.offset += 1;
        self.read += 1;
    }
}

async fn read<T: Number>(broker: Broker, seed: u64) -> Seen {
    let mut reader = broker.subscriber::<T>().from(Start::Earliest).await.unwrap();
    let (mut rng, mut seen) = (Rng::with_seed(seed), Seen::default());
    loop {
        let result = match rng.u8(..4) {
            0 => reader.recv().await.map(|one| seen.take(one.offset(), one.number())),
            1 => reader.recv_ref().await.map(|one| seen.take(one.offset(), one.number())),
            _ => reader.recv_batch(rng.usize(1..2_000)).await.map(|batch| {
                batch.iter().for_each(|one| seen.take(one.offset(), one.number()));
            }),
        };
        match result {
            Ok(()) => {}
            Err(RecvError::Lagged { skipped, .. }) => seen.offset += skipped,
            Err(RecvError::Closed) => return seen,
            Err(error) => panic!("{error}"),
        }
        let stats = reader.stats();
        assert_eq!(stats.delivered, seen.read);
        assert_eq!(stats.since_start, stats.delivered + stats.skipped + stats.lag);
        if rng.u8(..50) == 0 {
            yield_now().await;
        }
    }
}

async fn publish<T: Number>(broker: Broker, id: u64, count: u64) {
    let publisher = broker.publisher::<T>().await.unwrap();
    let (mut rng, mut next) = (Rng::with_seed(100 + id), id * SPAN);
    let end = next + count;
    while next < end {
        let first = next;
        match rng.u8(..8) {
            0 => drop(publisher.publish(T::of(next)).await.unwrap()),
            1 => drop(publisher.reserve().await.unwrap().send(T::of(next)).unwrap()),
            _ => {
                next = (next + rng.u64(..600)).min(end);
                publisher.publish_batch((first..next).map(T::of)).await.unwrap();
                continue;
            }
        }
        next += 1;
    }
}

/// Publishes and closes the topic.
async fn publish_all<T: Number>(broker: &Broker, each: u64) {
    let tasks = [0, 1, 2].map(|id| spawn(publish::<T>(broker.clone(), id, each)));
    for task in tasks {
        task.await.unwrap();
    }
    let stats = broker.stats(T::SPEC.name()).await.unwrap();
    assert_eq!(stats.published, PUBLISHERS * each);
    assert_eq!(stats.published, stats.depth + stats.dropped.total() + stats.consumed);
    broker.close(T::SPEC.name()).await.unwrap();
}

async fn subscribers<T: Number>(each: u64, may_lag: bool) {
    let broker = Broker::new();
    broker.create::<T>().await.unwrap();
    let readers = [0, 1, 2].map(|seed| spawn(read::<T>(broker.clone(), seed)));
    // Each is there before the first message.
    while broker.stats(T::SPEC.name()).await.unwrap().subscribers.len() < readers.len() {
        yield_now().await;
    }
    publish_all::<T>(&broker, each).await;
    for reader in readers {
        let seen = reader.await.unwrap();
        assert_eq!(seen.offset, PUBLISHERS * each);
        assert!(may_lag || seen.read == PUBLISHERS * each);
    }
}

#[test]
fn large_batches_are_read_once_and_in_order() {
    on_both_runtimes(|| async {
        subscribers::<Wait5>(3_000, false).await;
        subscribers::<Wait600>(20_000, false).await;
        subscribers::<WaitBytes>(10_000, false).await;
    });
}

#[test]
fn large_batches_that_push_out_others_are_counted_exactly() {
    on_both_runtimes(|| async {
        subscribers::<Drop8>(20_000, true).await;
        subscribers::<Drop500>(20_000, true).await;
        subscribers::<Brief>(20_000, true).await;
    });
}

/// How often each message was acknowledged.
type Ledger = Arc<[AtomicU32]>;

fn note(ledger: &Ledger, each: u64, number: u64) {
    let at = number / SPAN * each + number % SPAN;
    ledger[at as usize].fetch_add(1, Ordering::SeqCst);
}

async fn member<T: Number>(broker: Broker, group: &str, seed: u64, ledger: Ledger, each: u64) {
    let builder = broker.subscriber::<T>().from(Start::Earliest).group(group);
    let builder = builder.without_dead_letters().backoff(Backoff::NONE);
    let builder = builder.ack_deadline(Duration::from_secs(3_600));
    let mut rng = Rng::with_seed(seed);
    let most = *rng.choice(&[3, 50, 1_000]).unwrap();
    let mut consumer = builder.max_in_flight(most).await.unwrap();
    loop {
        let mut held = Vec::new();
        let received = if rng.u8(..4) == 0 {
            tokio::select! {
                biased;
                delivery = consumer.recv() => delivery.map(|delivery| held.push(delivery)),
                () = yield_now() => Ok(()),
            }
        } else {
            consumer.recv_batch(rng.usize(1..300)).await.map(|batch| match rng.u8(..10) {
                // They come back.
                0 => drop(batch),
                1..5 => {
                    batch.iter().for_each(|delivery| note(&ledger, each, delivery.number()));
                    batch.ack();
                }
                _ => held.extend(batch),
            })
        };
        match received {
            Ok(()) => {}
            Err(RecvError::Closed) => return,
            Err(error) => panic!("{error}"),
        }
        for delivery in held {
            match rng.u8(..20) {
                0 => delivery.nack(),
                1 => drop(delivery),
                _ => {
                    let number = delivery.number();
                    delivery.ack_confirmed().await.unwrap();
                    note(&ledger, each, number);
                }
            }
        }
    }
}

async fn groups<T: Number>(each: u64) {
    let broker = Broker::new();
    broker.create::<T>().await.unwrap();
    let ledgers = ["a", "b"].map(|group| {
        let ledger: Ledger = (0..PUBLISHERS * each).map(|_| AtomicU32::new(0)).collect();
        let members = [0, 1, 2].map(|seed| {
            let (broker, ledger) = (broker.clone(), ledger.clone());
            spawn(member::<T>(broker, group, seed, ledger, each))
        });
        (ledger, members)
    });
    while broker.stats(T::SPEC.name()).await.unwrap().groups.len() < ledgers.len() {
        yield_now().await;
    }
    publish_all::<T>(&broker, each).await;
    for (ledger, members) in ledgers {
        for member in members {
            member.await.unwrap();
        }
        assert!(ledger.iter().all(|acks| acks.load(Ordering::SeqCst) == 1));
    }
}

#[test]
fn large_batches_are_settled_once_by_each_group() {
    on_both_runtimes(|| async {
        groups::<Wait5>(1_000).await;
        groups::<Wait600>(5_000).await;
        groups::<WaitBytes>(5_000).await;
    });
}
