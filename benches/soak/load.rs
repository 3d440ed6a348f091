//! What the soak does: four topics with everything that comes and goes.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use memq::{Broker, Format, Record, RecvError, Start, Topic, TopicBuilder};
use serde::{Deserialize, Serialize};
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};

/// Kept by count; readers that are slow lose.
#[derive(Clone, Topic)]
#[topic(name = "frames", max = 10_000)]
#[expect(dead_code, reason = "it is only moved about")]
struct Frame([u64; 8]);

/// Kept by time, as JSON, and each customer's in order.
#[derive(Clone, Serialize, Deserialize, Topic)]
#[topic(name = "orders", format = Json, ttl = "200ms", max = 50_000)]
struct Order {
    #[topic(key)]
    customer: u64,
    item: String,
}

/// Waits for its workers, and keeps nothing that is done.
#[derive(Clone, Topic)]
#[topic(name = "jobs", max = 1_024, overflow = Wait, retain = UntilConsumed)]
#[expect(dead_code, reason = "it is only moved about")]
struct Job(Vec<u8>);

/// What was done, for the figures at the end.
#[derive(Debug, Default)]
pub struct Counts {
    published: AtomicU64,
    received: AtomicU64,
    skipped: AtomicU64,
    acknowledged: AtomicU64,
    returned: AtomicU64,
    readers: AtomicU64,
    topics: AtomicU64,
}

impl Counts {
    pub fn print(&self, elapsed: Duration) {
        let seconds = elapsed.as_secs_f64();
        println!("{seconds:.0} s");
        let all = [
            ("published", &self.published),
            ("received", &self.received),
            ("skipped", &self.skipped),
            ("acknowledged", &self.acknowledged),
            ("returned", &self.returned),
            ("readers and members that came and went", &self.readers),
            ("topics made and deleted", &self.topics),
        ];
        for (name, count) in all {
            let count = count.load(Ordering::Relaxed);
            println!("{name}: {count} ({:.0}/s)", count as f64 / seconds);
        }
    }
}

/// Starts everything; it stops where the set is dropped.
pub async fn start(counts: &Arc<Counts>) -> JoinSet<()> {
    let broker = Arc::new(Broker::new());
    let mut tasks = JoinSet::new();

    tasks.spawn(publish(broker.clone(), counts.clone(), |number| Frame([number; 8])));
    tasks.spawn(publish(broker.clone(), counts.clone(), |number| Order {
        customer: number % 100,
        item: format!("tea {number}"),
    }));
    tasks.spawn(publish(broker.clone(), counts.clone(), |number| Job(vec![number as u8; 256])));

    tasks.spawn(read::<Frame>(broker.clone(), counts.clone(), Pace::Fast));
    tasks.spawn(read::<Frame>(broker.clone(), counts.clone(), Pace::Slow));
    tasks.spawn(read::<Order>(broker.clone(), counts.clone(), Pace::Fast));
    tasks.spawn(read::<Order>(broker.clone(), counts.clone(), Pace::Slow));
    for _ in 0..2 {
        tasks.spawn(visit::<Frame>(broker.clone(), counts.clone()));
        tasks.spawn(visit::<Order>(broker.clone(), counts.clone()));
        tasks.spawn(work::<Order>(broker.clone(), counts.clone()));
        tasks.spawn(work::<Job>(broker.clone(), counts.clone()));
    }
    tasks.spawn(ephemeral(broker.clone(), counts.clone()));
    tasks.spawn(repeated(broker, counts.clone()));
    tasks
}

fn add(to: &AtomicU64, count: u64) {
    to.fetch_add(count, Ordering::Relaxed);
}

async fn publish<T: Topic>(broker: Arc<Broker>, counts: Arc<Counts>, make: fn(u64) -> T) {
    let publisher = broker.publisher::<T>().await.expect("a publisher");
    for number in 0.. {
        publisher.publish(make(number)).await.expect("published");
        if number % 1_024 == 1_023 {
            add(&counts.published, 1_024);
        }
    }
}

enum Pace {
    Fast,
    Slow,
}

/// A reader that stays.
async fn read<T: Topic>(broker: Arc<Broker>, counts: Arc<Counts>, pace: Pace) {
    let mut subscriber = broker.subscriber::<T>().await.expect("a subscriber");
    loop {
        match subscriber.recv_batch(100).await {
            Ok(batch) => add(&counts.received, batch.len() as u64),
            Err(RecvError::Lagged { skipped, .. }) => add(&counts.skipped, skipped),
            Err(error) => panic!("{error}"),
        }
        if matches!(pace, Pace::Slow) {
            sleep(Duration::from_millis(20)).await;
        }
    }
}

/// Readers that come, read from what is kept, and go, some of them in the middle of it.
async fn visit<T: Topic>(broker: Arc<Broker>, counts: Arc<Counts>) {
    loop {
        let start = if fastrand::bool() { Start::Earliest } else { Start::Latest };
        let subscriber = broker.subscriber::<T>().from(start);
        let mut subscriber = subscriber.await.expect("a subscriber");
        let mut held = Vec::new();
        let stay = async {
            for _ in 0..fastrand::u32(1..5_000) {
                if let Ok(message) = subscriber.recv().await {
                    add(&counts.received, 1);
                    if fastrand::u32(0..1_000) == 0 {
                        held.push(message);
                    }
                }
            }
        };
        let _ = timeout(Duration::from_millis(fastrand::u64(1..200)), stay).await;
        add(&counts.readers, 1);
    }
}

/// Members that come, work, fail at some of it, and go with what they hold.
async fn work<T: Topic>(broker: Arc<Broker>, counts: Arc<Counts>) {
    loop {
        let member = broker.subscriber::<T>().group("workers").await;
        let mut member = member.expect("a member");
        let mut held = Vec::new();
        let stay = async {
            for _ in 0..fastrand::u32(1..20_000) {
                let Ok(delivery) = member.recv().await else { continue };
                match fastrand::u32(0..1_000) {
                    0 => {
                        add(&counts.returned, 1);
                        delivery.nack();
                    }
                    1 => held.push(delivery),
                    _ => {
                        add(&counts.acknowledged, 1);
                        delivery.ack();
                    }
                }
            }
        };
        let _ = timeout(Duration::from_millis(fastrand::u64(50..500)), stay).await;
        add(&counts.returned, held.len() as u64);
        add(&counts.readers, 1);
    }
}

/// Topics that are made, used and deleted.
async fn ephemeral(broker: Arc<Broker>, counts: Arc<Counts>) {
    for number in 0_u64.. {
        let name = format!("ephemeral.{number}");
        let topic: TopicBuilder<'_, Record> = broker.topic(&name).format(Format::Json);
        let publisher = topic.publisher().await.expect("a publisher");
        let mut subscriber = topic.subscriber().await.expect("a subscriber");
        for _ in 0..10 {
            publisher.publish_bytes("{}").await.expect("published");
        }
        let batch = subscriber.recv_batch(10).await.expect("messages");
        add(&counts.received, batch.len() as u64);
        add(&counts.published, 10);
        broker.delete(&name).await.expect("deleted");
        add(&counts.topics, 1);
        sleep(Duration::from_millis(1)).await;
    }
}

/// Messages that are published twice and kept once.
async fn repeated(broker: Arc<Broker>, counts: Arc<Counts>) {
    let topic = broker.topic("repeated").max(1_000).dedup(Duration::from_millis(500));
    let publisher = topic.publisher().await.expect("a publisher");
    for number in 0_u64.. {
        let id = (number / 2).to_string();
        publisher.publish_bytes("once").id(&id).await.expect("published");
        if number % 128 == 127 {
            add(&counts.published, 64);
            sleep(Duration::from_millis(1)).await;
        }
    }
}
