//! S12: ten thousand topics: create each, publish one message, ask for its statistics.

use std::time::Instant;

use memq::Broker;
use tokio_memq::AsyncMessagePublisher;
use tokio_memq::mq::MessageQueue;

use super::row;
use crate::measure::{Outcome, Workload};
use crate::run::this_thread;

const TOPICS: u64 = 10_000;
const PAYLOAD: &[u8] = &[7; 64];

pub fn all() -> Vec<Workload> {
    let workload = |name, what, unit, value: fn(&Cost) -> f64| Workload {
        name,
        what,
        unit,
        higher_is_better: false,
        most: TOPICS,
        least: TOPICS,
        fixed: true,
        rows: vec![
            row("memq", move |count| outcome(count, value, ours(count))),
            row("tokio-memq", move |count| outcome(count, value, seed(count))),
        ],
    };
    vec![
        workload(
            "S12",
            "a topic out of ten thousand: create it, publish 64 bytes, ask for its statistics",
            "µs",
            |cost| cost.seconds * 1e6,
        ),
        workload("S12-heap", "heap that such a topic keeps", "bytes", |cost| cost.bytes),
    ]
}

/// Of all topics together.
struct Cost {
    seconds: f64,
    bytes: f64,
    /// Topics whose statistics know the message.
    known: u64,
}

fn outcome(count: u64, value: fn(&Cost) -> f64, cost: Cost) -> Outcome {
    let elapsed = std::time::Duration::from_secs_f64(cost.seconds);
    let value = value(&cost) / count as f64;
    Outcome { delivered: cost.known, ..Outcome::whole(value, elapsed, count) }
}

fn cost<T>(fill: impl AsyncFnOnce(&mut u64) -> T) -> Cost {
    let runtime = this_thread();
    let mut known = 0;
    let mut held = None;
    let began = Instant::now();
    let info = allocation_counter::measure(|| {
        held = Some(runtime.block_on(fill(&mut known)));
    });
    let seconds = began.elapsed().as_secs_f64();
    std::hint::black_box(&held);
    Cost { seconds, bytes: info.bytes_current as f64, known }
}

fn ours(count: u64) -> Cost {
    cost(async |known| {
        let broker = Broker::new();
        for number in 0..count {
            let name = format!("topic.{number}");
            let publisher = broker.topic(&name).publisher().await.expect("a publisher");
            publisher.publish_bytes(PAYLOAD).await.expect("published");
            *known += broker.stats(&name).await.expect("statistics").published;
        }
        broker
    })
}

fn seed(count: u64) -> Cost {
    cost(async |known| {
        let queue = MessageQueue::new();
        for number in 0..count {
            let name = format!("topic.{number}");
            let publisher = queue.publisher(name.clone());
            publisher.publish(PAYLOAD).await.expect("published");
            let stats = queue.get_topic_stats(name).await.expect("statistics");
            *known += stats.message_count as u64;
        }
        queue
    })
}
