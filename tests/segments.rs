//! Readers that go from segment to segment while messages go: each is read once, in order, as it was
//! published, or is among those that the reader is told it missed.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{Duration, Instant};

use memq::codec::Native;
use memq::{Broker, Overflow, Publisher, RecvError, Subscriber, Topic, TopicSpec};
use tokio::runtime::{Builder, Runtime};

/// Says which one it is, in memory of its own, and counts how many there are.
struct Counted(Box<[u64; 2]>, Arc<AtomicI64>);

impl Counted {
    fn new(number: u64, alive: &Arc<AtomicI64>) -> Self {
        alive.fetch_add(1, Ordering::Relaxed);
        Self(Box::new([number, !number]), alive.clone())
    }

    fn number(&self) -> u64 {
        assert_eq!(self.0[0], !self.0[1]);
        self.0[0]
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        self.number();
        *self.0 = [0, 0];
        self.1.fetch_sub(1, Ordering::Relaxed);
    }
}

impl std::fmt::Debug for Counted {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Counted").field(&self.0).finish()
    }
}

#[derive(Debug)]
struct Kept<const MAX: usize, const WAIT: bool>(Counted);

impl<const MAX: usize, const WAIT: bool> Topic for Kept<MAX, WAIT> {
    type Codec = Native;
    const SPEC: TopicSpec = TopicSpec::new("kept").max_messages(MAX).overflow(if WAIT {
        Overflow::Wait
    } else {
        Overflow::DropOldest
    });
}

/// How long each way of going on is taken.
fn span() -> Duration {
    let millis = std::env::var("MEMQ_SPAN").ok().and_then(|millis| millis.parse().ok());
    Duration::from_millis(millis.unwrap_or(20))
}

async fn publish<const MAX: usize, const WAIT: bool>(
    publisher: Publisher<Kept<MAX, WAIT>>,
    alive: Arc<AtomicI64>,
) -> u64 {
    let until = Instant::now() + span();
    let mut random = fastrand::Rng::with_seed(MAX as u64);
    let mut next = 0;
    while Instant::now() < until {
        let count = random.u64(1..3 * MAX as u64 / 2 + 3);
        if random.bool() {
            let batch = (next..next + count).map(|number| Kept(Counted::new(number, &alive)));
            assert_eq!(publisher.publish_batch(batch).await.unwrap()[0].0, next);
        } else {
            for number in next..next + count {
                let offset = publisher.publish(Kept(Counted::new(number, &alive))).await.unwrap();
                assert_eq!(offset.0, number);
            }
        }
        next += count;
        if random.u8(..) == 0 {
            std::thread::yield_now();
        }
    }
    next
}

/// Reads until the topic is closed. How many messages it read, and how many it was told it missed.
async fn read<const MAX: usize, const WAIT: bool>(
    mut reader: Subscriber<Kept<MAX, WAIT>>,
    seed: u64,
) -> (u64, u64) {
    let mut random = fastrand::Rng::with_seed(seed);
    let (mut next, mut missed) = (0, 0);
    let take = |offset: u64, number: u64, next: &mut u64| {
        assert_eq!((offset, number), (*next, *next), "twice, missing or another one");
        *next += 1;
    };
    loop {
        let result = match random.u8(..4) {
            0 => reader.recv_batch(random.usize(1..70)).await.map(|batch| {
                for message in &batch {
                    take(message.offset().0, message.0.number(), &mut next);
                }
            }),
            1 => reader.try_recv().map(|message| {
                if let Some(message) = message {
                    take(message.offset().0, message.0.number(), &mut next);
                }
            }),
            2 => reader.recv_ref().await.map(|message| {
                take(message.offset().0, message.0.number(), &mut next);
            }),
            _ => reader.recv().await.map(|message| {
                take(message.offset().0, message.0.number(), &mut next);
            }),
        };
        match result {
            Ok(()) => {}
            Err(RecvError::Lagged { skipped, .. }) => {
                assert!(skipped > 0 && !WAIT);
                next += skipped;
                missed += skipped;
            }
            Err(RecvError::Closed) => break,
            Err(error) => panic!("{error}"),
        }
        if random.u16(..500) == 0 {
            // It lets the publisher get ahead.
            (0..random.u64(..200)).for_each(|_| std::thread::yield_now());
        }
    }
    let stats = reader.stats();
    assert_eq!((stats.delivered, stats.skipped, stats.lag), (next - missed, missed, 0));
    (next - missed, missed)
}

fn round<const MAX: usize, const WAIT: bool>() {
    let alive = Arc::default();
    let broker = Broker::new();
    let opening: Runtime = Builder::new_current_thread().enable_all().build().unwrap();
    let mut threads = Vec::new();
    let publisher =
        opening.block_on(async { broker.publisher::<Kept<MAX, WAIT>>().await.unwrap() });
    for seed in 0..3 {
        let reader =
            opening.block_on(async { broker.subscriber::<Kept<MAX, WAIT>>().await.unwrap() });
        threads.push(std::thread::spawn(move || {
            let runtime = Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(async {
                let most = span() + Duration::from_secs(30);
                tokio::time::timeout(most, read(reader, seed)).await.expect("a reader hangs")
            })
        }));
    }
    let count = opening.block_on(publish(publisher, Arc::clone(&alive)));
    let closing = broker.clone();
    opening.block_on(async move { closing.close("kept").await.unwrap() });
    let stats = opening.block_on(async { broker.stats("kept").await.unwrap() });
    assert_eq!(stats.published, count);
    assert_eq!(stats.published, stats.depth + stats.dropped.max_messages + stats.consumed);
    for thread in threads {
        let (read, missed) = thread.join().unwrap();
        assert_eq!(read + missed, count);
        assert!(!WAIT || missed == 0);
        if std::env::var("MEMQ_SPAN").is_ok() {
            println!("{MAX} {WAIT}: read {read}, missed {missed}");
        }
    }
    drop(broker);
    drop(opening);
    assert_eq!(alive.load(Ordering::Relaxed), 0, "kept by chains");
}

fn rounds<const WAIT: bool>() {
    round::<1, WAIT>();
    round::<2, WAIT>();
    round::<3, WAIT>();
    round::<8, WAIT>();
    round::<15, WAIT>();
    round::<16, WAIT>();
    round::<17, WAIT>();
    round::<24, WAIT>();
    round::<33, WAIT>();
    round::<64, WAIT>();
    round::<1000, WAIT>();
}

#[test]
fn whoever_is_overtaken_is_told_of_each_message_it_missed() {
    rounds::<false>();
}

#[test]
fn where_publishers_wait_each_message_is_read_once() {
    rounds::<true>();
}
