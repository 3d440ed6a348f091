//! Many members at once, that come and go, panic, are aborted and cancelled: every message is
//! settled once, none is lost, those of a key in order, and nobody sleeps while there is work.

use crate::common;

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use common::{on_both_runtimes, spawn};
use memq::{Backoff, Broker, Consumer, Delivery, Overflow, Record, RecvError, Retain, SettleError};
use tokio::task::yield_now;

const KEYS: u64 = 37;

/// What was settled, and in which order.
#[derive(Default)]
struct Ledger {
    settled: AtomicU64,
    /// Of each key, the number settled last; and every offset that was.
    seen: Mutex<(HashMap<u64, u64>, Vec<bool>)>,
}

impl Ledger {
    /// Between the end of a delivery and this, no later message of its key can be settled: so its
    /// number is noted before, and taken back where the delivery did not count.
    async fn settle(&self, delivery: Delivery<Record>) {
        let (key, number) = read(&delivery);
        let offset = delivery.offset().0 as usize;
        let before = {
            let mut seen = self.seen.lock().unwrap();
            if key < KEYS {
                let before = seen.0.insert(key, number);
                assert!(before.is_none_or(|before| before < number), "{key}: {number}, {before:?}");
            }
            seen.1.get(offset).copied().unwrap_or(false)
        };
        assert!(!before, "{offset} was handed out after it was settled");
        // Nobody else has it: its deadline does not pass and its consumer lives.
        delivery.ack_confirmed().await.unwrap();
        let mut seen = self.seen.lock().unwrap();
        let length = seen.1.len().max(offset + 1);
        seen.1.resize(length, false);
        assert!(!std::mem::replace(&mut seen.1[offset], true), "{offset} was settled twice");
        self.settled.fetch_add(1, Ordering::SeqCst);
    }
}

/// The key, `KEYS` for none, and the number of the message within it.
fn read(record: &Record) -> (u64, u64) {
    let number = |at: usize| u64::from_le_bytes(record.bytes()[at..at + 8].try_into().unwrap());
    (number(0), number(8))
}

fn record(key: u64, number: u64) -> Record {
    let bytes = [key.to_le_bytes(), number.to_le_bytes()].concat();
    Record::new(bytes).with_key((key < KEYS).then_some(key))
}

/// Each publisher has keys of its own, so that the numbers of a key rise along the topic.
async fn publish(broker: Broker, publisher: u64, publishers: u64, count: u64, keyed: bool) {
    let log = broker.topic("log").publisher().await.unwrap();
    let mut own: Vec<u64> = (0..=KEYS).filter(|key| key % publishers == publisher).collect();
    if !keyed {
        own = vec![KEYS];
    }
    for number in 0..count {
        let key = own[number as usize % own.len()];
        log.publish(record(key, number)).await.unwrap();
        if number % 7 == 0 {
            yield_now().await;
        }
    }
}

async fn join(broker: &Broker) -> Result<Consumer<Record>, memq::OpenError> {
    let topic = broker.topic("log");
    let builder = topic.subscriber().group("work").without_dead_letters();
    builder.max_in_flight(8).backoff(Backoff::NONE).ack_deadline(Duration::from_secs(3600)).await
}

/// A member for a while: it settles, drops, nacks, panics, leaves things lying about, and waits in
/// `select!` beside something else. Returns whether the topic has ended.
async fn member(broker: Broker, ledger: Arc<Ledger>, seed: u64) -> bool {
    let mut rng = fastrand::Rng::with_seed(seed);
    let mut consumer = join(&broker).await.unwrap();
    let mut lying = Vec::new();
    for _ in 0..rng.u32(20..200) {
        let received = match rng.u8(..4) {
            0 => consumer.try_recv().transpose(),
            // Never for good with something in hand: it may be what everybody waits for.
            1 => tokio::select! {
                batch = consumer.recv_batch(rng.usize(1..6)) => match batch {
                    Ok(batch) => {
                        let mut batch = batch.into_iter();
                        let first = batch.next();
                        lying.extend(batch);
                        first.map(Ok)
                    }
                    Err(error) => Some(Err(error)),
                },
                () = busy(rng.u8(..9)) => None,
            },
            2 if lying.is_empty() => Some(consumer.recv().await),
            _ => tokio::select! {
                received = consumer.recv() => Some(received),
                () = busy(rng.u8(..9)) => None,
            },
        };
        match received {
            None => yield_now().await,
            Some(Err(RecvError::Closed)) => return true,
            Some(Err(error)) => panic!("{error}"),
            Some(Ok(delivery)) => lying.push(delivery),
        }
        // At its limit it would wait for itself.
        while lying.len() > 4 || (!lying.is_empty() && rng.bool()) {
            let delivery = lying.swap_remove(rng.usize(..lying.len()));
            match rng.u8(..24) {
                0 => drop(delivery),
                1 => delivery.nack(),
                2 => delivery.nack_after(Duration::from_micros(rng.u64(..50))),
                3 if rng.u8(..4) == 0 => panic!("on purpose"),
                _ => ledger.settle(delivery).await,
            }
        }
    }
    false
}

async fn busy(turns: u8) {
    for _ in 0..turns {
        yield_now().await;
    }
}

/// Members that follow each other in one place until the topic has ended. Some are aborted.
async fn place(broker: Broker, ledger: Arc<Ledger>, place: u64) {
    for life in 0.. {
        let seed = place * 1_000_003 + life;
        let alive = spawn(member(broker.clone(), ledger.clone(), seed));
        if life % 3 == 2 {
            busy((seed % 251) as u8).await;
            alive.abort();
        }
        match alive.await {
            Ok(true) => return,
            Ok(false) => {}
            Err(error) if error.is_cancelled() => {}
            Err(error) => {
                let panic = error.into_panic();
                let said = panic.downcast_ref::<&str>().copied();
                if said != Some("on purpose") {
                    std::panic::resume_unwind(panic);
                }
            }
        }
    }
}

/// Everything that is published is settled once, by members of which none lives long.
async fn all_is_settled(partitions: u16, overflow: Overflow, max: usize, members: u64, count: u64) {
    let broker = Broker::new();
    let topic = broker.topic("log").partitions(partitions).overflow(overflow).max(max);
    topic.retain(Retain::UntilConsumed).create().await.unwrap();
    settled_once(&broker, members, count, true).await;
    assert_eq!(broker.stats("log").await.unwrap().depth, 0);
}

async fn settled_once(broker: &Broker, members: u64, count: u64, keyed: bool) {
    const PUBLISHERS: u64 = 4;
    // The group is there before the first message, and does not go with its members.
    drop(join(broker).await.unwrap());
    let ledger = Arc::new(Ledger::default());
    let places: Vec<_> =
        (0..members).map(|at| spawn(place(broker.clone(), ledger.clone(), at))).collect();
    let publishers: Vec<_> = (0..PUBLISHERS)
        .map(|at| spawn(publish(broker.clone(), at, PUBLISHERS, count, keyed)))
        .collect();
    for publisher in publishers {
        publisher.await.unwrap();
    }
    broker.close("log").await.unwrap();
    for place in places {
        place.await.unwrap();
    }
    let stats = broker.stats("log").await.unwrap();
    let all = PUBLISHERS * count;
    let group = stats.group("work").unwrap();
    assert_eq!((stats.published, stats.dropped.total()), (all, 0));
    assert_eq!((group.settled, group.lag, group.in_flight, group.skipped), (all, 0, 0, 0));
    assert_eq!(group.delivered, group.redelivered + all);
    assert!(group.members.is_empty());
    // A member that is aborted between settling and saying so has settled all the same.
    let settled = ledger.settled.load(Ordering::SeqCst);
    let lives = ledger.seen.lock().unwrap().1.iter().filter(|seen| **seen).count() as u64;
    assert_eq!((settled, lives), (all, all));
}

#[test]
fn members_that_are_killed_lose_nothing_and_settle_nothing_twice() {
    on_both_runtimes(|| all_is_settled(1, Overflow::DropOldest, 100_000, 6, 3_000));
}

#[test]
fn neither_with_more_partitions_than_members() {
    on_both_runtimes(|| all_is_settled(16, Overflow::DropOldest, 100_000, 5, 3_000));
}

#[test]
fn nor_while_publishers_wait_for_the_group() {
    on_both_runtimes(|| all_is_settled(4, Overflow::Wait, 20, 6, 2_000));
}

/// Members claim ahead: the topic waits, keeps what was settled, and its messages have no keys.
async fn claimed_ahead(max: usize, keyed: bool) {
    let broker = Broker::new();
    broker.topic("log").overflow(Overflow::Wait).max(max).create().await.unwrap();
    settled_once(&broker, 4, 3_000, keyed).await;
}

#[test]
fn nor_where_members_claim_ahead() {
    on_both_runtimes(|| claimed_ahead(500, false));
}

#[test]
fn nor_where_they_do_and_publishers_wait() {
    on_both_runtimes(|| claimed_ahead(40, false));
}

#[test]
fn nor_where_some_have_keys() {
    on_both_runtimes(|| claimed_ahead(500, true));
}

/// The deadline passes while members hold messages: what comes late counts or does not, but each
/// message is settled by one of them.
async fn deadlines_pass() {
    const COUNT: u64 = 400;
    let broker = Broker::new();
    let log = broker.topic("log").partitions(2);
    let publisher = log.publisher().await.unwrap();
    let settled = Arc::new(AtomicU64::new(0));
    let open = async || {
        let builder = broker.topic("log").subscriber().group("work").without_dead_letters();
        builder.ack_deadline(Duration::from_millis(1)).await.unwrap()
    };
    let mut members = Vec::new();
    for at in 0..4 {
        let (mut consumer, settled) = (open().await, settled.clone());
        members.push(spawn(async move {
            let mut late = Vec::new();
            let mut ok = 0;
            loop {
                let received = consumer.recv().await;
                for delivery in std::mem::take(&mut late) {
                    ok += settle_one(delivery, &settled).await;
                }
                match received {
                    Ok(delivery) if (delivery.offset().0 + at) % 3 == 0 => late.push(delivery),
                    Ok(delivery) => ok += settle_one(delivery, &settled).await,
                    Err(RecvError::Closed) => return ok,
                    Err(error) => panic!("{error}"),
                }
            }
        }));
    }
    for number in 0..COUNT {
        publisher.publish(record(number % (KEYS + 1), number)).await.unwrap();
        yield_now().await;
    }
    broker.close("log").await.unwrap();
    let mut sum = 0;
    for member in members {
        sum += member.await.unwrap();
    }
    let stats = broker.stats("log").await.unwrap();
    let group = stats.group("work").unwrap();
    assert_eq!((sum, group.settled, group.lag), (COUNT, COUNT, 0));
}

async fn settle_one(delivery: Delivery<Record>, settled: &AtomicU64) -> u64 {
    match delivery.ack_confirmed().await {
        Ok(()) => {
            settled.fetch_add(1, Ordering::SeqCst);
            1
        }
        Err(SettleError::HandedOutAgain | SettleError::AlreadySettled) => 0,
        Err(error) => panic!("{error}"),
    }
}

#[test]
fn a_message_whose_deadline_passes_is_settled_once() {
    on_both_runtimes(deadlines_pass);
}
