//! How the cost of a message grows with depth, subscribers, topics and size, by powers of ten.

use std::time::{Duration, Instant};

use bytes::Bytes;
use memq::{Broker, Overflow, Start};
use tokio::sync::{broadcast, mpsc};
use tokio_memq::mq::{ConsumptionMode, MessageQueue, TopicOptions};
use tokio_memq::{AsyncMessagePublisher, MessageSubscriber};

use crate::measure::median;
use crate::run::{DEADLINE, this_thread};

/// One way for costs to grow.
pub struct Axis {
    pub name: &'static str,
    pub what: &'static str,
    /// What is along the axis.
    pub along: &'static str,
    pub series: Vec<Series>,
}

/// A peer along an axis: nanoseconds at each place.
pub struct Series {
    pub peer: &'static str,
    pub points: Vec<(u64, f64)>,
}

/// Measures a peer at a place for about so long.
type Cost = fn(u64, Duration) -> f64;

/// An axis before it is measured: its places, and who is measured there.
type Plan =
    (&'static str, &'static str, &'static str, &'static [u64], &'static [(&'static str, Cost)]);

/// All axes; every place of every peer in turn, `rounds` times over.
pub fn all(rounds: usize, scale: f64, mut say: impl FnMut(&str)) -> Vec<Axis> {
    let plan: [Plan; 4] = [
        (
            "depth",
            "publish and receive 16 bytes at the end of a topic that keeps so many messages",
            "messages kept",
            &[10, 100, 1_000, 10_000, 100_000, 1_000_000],
            &[("memq", depth_ours), ("tokio-memq", depth_seed)],
        ),
        (
            "subscribers",
            "a delivery of 1 KB to one of so many subscribers, publishing included, on one thread",
            "subscribers",
            &[1, 10, 100, 1_000],
            &[
                ("memq", readers_ours),
                ("tokio-memq", readers_seed),
                ("tokio-broadcast", readers_tokio),
            ],
        ),
        (
            "topics",
            "publish and receive 16 bytes on one of so many topics, in turn",
            "topics",
            &[1, 10, 100, 1_000, 10_000, 100_000],
            &[("memq", topics_ours), ("tokio-memq", topics_seed)],
        ),
        (
            "size",
            "publish and receive a message of so many bytes, clones of one",
            "bytes",
            &[10, 100, 1_000, 10_000, 100_000, 1_000_000, 10_000_000],
            &[("memq", size_ours), ("tokio-memq", size_seed), ("tokio-mpsc", size_tokio)],
        ),
    ];
    let time = Duration::from_millis(60).mul_f64(scale);
    let mut axes = Vec::new();
    for (name, what, along, places, peers) in plan {
        let mut values = vec![vec![Vec::new(); places.len()]; peers.len()];
        for round in 1..=rounds {
            for (at, place) in places.iter().enumerate() {
                for ((peer, cost), values) in peers.iter().zip(&mut values) {
                    say(&format!("growth of {name} round {round}/{rounds} {peer} at {place}"));
                    values[at].push(cost(*place, time));
                }
            }
        }
        let series = peers.iter().zip(values).map(|((peer, _), values)| {
            let medians = values.into_iter().map(|mut values| median(&mut values));
            Series { peer, points: places.iter().copied().zip(medians).collect() }
        });
        axes.push(Axis { name, what, along, series: series.collect() });
    }
    axes
}

/// Nanoseconds of one call, each of which does `inner` things.
async fn repeat(time: Duration, inner: u64, mut each: impl AsyncFnMut(u64)) -> f64 {
    let began = Instant::now();
    let mut calls = 0;
    // The clock is read seldom enough not to matter.
    let stride = (256 / inner).max(1);
    let run = async {
        while began.elapsed() < time || calls == 0 {
            for _ in 0..stride {
                each(calls).await;
                calls += 1;
            }
        }
    };
    let _ = tokio::time::timeout(DEADLINE, run).await;
    began.elapsed().as_nanos() as f64 / (calls * inner).max(1) as f64
}

fn depth_ours(depth: u64, time: Duration) -> f64 {
    this_thread().block_on(async {
        let broker = Broker::new();
        let topic = broker.topic("deep").max(depth as usize).max_bytes(1 << 30);
        let topic = topic.overflow(Overflow::DropOldest);
        let publisher = topic.publisher().await.expect("a publisher");
        let message = Bytes::from(vec![7; 16]);
        for _ in 0..depth {
            publisher.publish_bytes(message.clone()).await.expect("published");
        }
        let mut subscriber = topic.subscriber().from(Start::Latest).await.expect("a subscriber");
        repeat(time, 1, async |_| {
            publisher.publish_bytes(message.clone()).await.expect("published");
            subscriber.recv().await.expect("a message");
        })
        .await
    })
}

fn depth_seed(depth: u64, time: Duration) -> f64 {
    this_thread().block_on(async {
        let queue = MessageQueue::new();
        let options =
            TopicOptions { max_messages: Some(depth as usize), ..TopicOptions::default() };
        queue.create_topic("deep".into(), options.clone()).await.expect("a topic");
        let publisher = queue.publisher("deep".into());
        for _ in 0..depth {
            publisher.publish([7_u8; 16]).await.expect("published");
        }
        let subscriber =
            queue.subscriber_with_options_and_mode("deep".into(), options, ConsumptionMode::Latest);
        let subscriber = subscriber.await.expect("a subscriber");
        repeat(time, 1, async |_| {
            publisher.publish([7_u8; 16]).await.expect("published");
            subscriber.recv().await.expect("a message");
        })
        .await
    })
}

fn readers_ours(readers: u64, time: Duration) -> f64 {
    this_thread().block_on(async {
        let broker = Broker::new();
        let topic = broker.topic("wide").max(1_024);
        let publisher = topic.publisher().await.expect("a publisher");
        let mut subscribers = Vec::new();
        for _ in 0..readers {
            subscribers.push(topic.subscriber().await.expect("a subscriber"));
        }
        let message = Bytes::from(vec![7; 1_024]);
        repeat(time, readers, async |_| {
            publisher.publish_bytes(message.clone()).await.expect("published");
            for subscriber in &mut subscribers {
                subscriber.recv().await.expect("a message");
            }
        })
        .await
    })
}

fn readers_seed(readers: u64, time: Duration) -> f64 {
    this_thread().block_on(async {
        let queue = MessageQueue::new();
        let mut subscribers = Vec::new();
        for _ in 0..readers {
            subscribers.push(queue.subscriber("wide".into()).await.expect("a subscriber"));
        }
        let publisher = queue.publisher("wide".into());
        let message = std::sync::Arc::new(vec![7_u8; 1_024]);
        repeat(time, readers, async |_| {
            let format = tokio_memq::SerializationFormat::Native;
            publisher.publish_shared_bytes(message.clone(), format).await.expect("published");
            for subscriber in &subscribers {
                subscriber.recv().await.expect("a message");
            }
        })
        .await
    })
}

fn readers_tokio(readers: u64, time: Duration) -> f64 {
    this_thread().block_on(async {
        let (sender, _) = broadcast::channel(1_024);
        let mut receivers = (0..readers).map(|_| sender.subscribe()).collect::<Vec<_>>();
        let message = Bytes::from(vec![7; 1_024]);
        repeat(time, readers, async |_| {
            sender.send(message.clone()).expect("receivers");
            for receiver in &mut receivers {
                receiver.recv().await.expect("a message");
            }
        })
        .await
    })
}

fn topics_ours(topics: u64, time: Duration) -> f64 {
    this_thread().block_on(async {
        let broker = Broker::new();
        let mut handles = Vec::new();
        for number in 0..topics {
            let topic = broker.topic(&format!("topic.{number}")).max(16);
            let publisher = topic.publisher().await.expect("a publisher");
            handles.push((publisher, topic.subscriber().await.expect("a subscriber")));
        }
        let message = Bytes::from(vec![7; 16]);
        repeat(time, 1, async |call| {
            let (publisher, subscriber) = &mut handles[(call % topics) as usize];
            publisher.publish_bytes(message.clone()).await.expect("published");
            subscriber.recv().await.expect("a message");
        })
        .await
    })
}

fn topics_seed(topics: u64, time: Duration) -> f64 {
    this_thread().block_on(async {
        let queue = MessageQueue::new();
        let mut handles = Vec::new();
        for number in 0..topics {
            let name = format!("topic.{number}");
            let options = TopicOptions { max_messages: Some(16), ..TopicOptions::default() };
            let subscriber = queue.subscriber_with_options(name.clone(), options);
            handles.push((queue.publisher(name), subscriber.await.expect("a subscriber")));
        }
        repeat(time, 1, async |call| {
            let (publisher, subscriber) = &handles[(call % topics) as usize];
            publisher.publish([7_u8; 16]).await.expect("published");
            subscriber.recv().await.expect("a message");
        })
        .await
    })
}

fn size_ours(size: u64, time: Duration) -> f64 {
    this_thread().block_on(async {
        let broker = Broker::new();
        let topic = broker.topic("large").max(16).max_bytes(1 << 30);
        let publisher = topic.publisher().await.expect("a publisher");
        let mut subscriber = topic.subscriber().await.expect("a subscriber");
        let message = Bytes::from(vec![7; size as usize]);
        repeat(time, 1, async |_| {
            publisher.publish_bytes(message.clone()).await.expect("published");
            subscriber.recv().await.expect("a message");
        })
        .await
    })
}

fn size_seed(size: u64, time: Duration) -> f64 {
    this_thread().block_on(async {
        let queue = MessageQueue::new();
        let options = TopicOptions { max_messages: Some(16), ..TopicOptions::default() };
        let subscriber = queue.subscriber_with_options("large".into(), options);
        let subscriber = subscriber.await.expect("a subscriber");
        let publisher = queue.publisher("large".into());
        let message = std::sync::Arc::new(vec![7_u8; size as usize]);
        repeat(time, 1, async |_| {
            let format = tokio_memq::SerializationFormat::Native;
            publisher.publish_shared_bytes(message.clone(), format).await.expect("published");
            subscriber.recv().await.expect("a message");
        })
        .await
    })
}

fn size_tokio(size: u64, time: Duration) -> f64 {
    this_thread().block_on(async {
        let (sender, mut receiver) = mpsc::channel(16);
        let message = Bytes::from(vec![7; size as usize]);
        repeat(time, 1, async |_| {
            sender.send(message.clone()).await.expect("a receiver");
            receiver.recv().await.expect("a message");
        })
        .await
    })
}
