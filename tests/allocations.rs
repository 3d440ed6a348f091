//! What a message costs the allocator. Counted, not timed.

use std::future::IntoFuture as _;
use std::time::Duration;

use futures_util::FutureExt as _;
use memq::{Broker, Topic};

#[derive(Topic)]
#[topic(name = "points")]
struct Point([u64; 8]);

/// Allocations while `MESSAGES` messages are worked on.
const MESSAGES: u64 = 25_600;

fn count(work: impl AsyncFnOnce()) -> u64 {
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    allocation_counter::measure(|| runtime.block_on(work())).count_total
}

#[test]
fn a_native_message_is_published_and_received_without_an_allocation_of_its_own() {
    let allocations = count(async || {
        let broker = Broker::new();
        let points = broker.publisher::<Point>().await.unwrap();
        let mut incoming = broker.subscriber::<Point>().await.unwrap();
        for n in 0..MESSAGES {
            points.publish(Point([n; 8])).await.unwrap();
            assert_eq!(incoming.recv().await.unwrap().0[7], n);
        }
    });
    // A segment for 256 messages, its slots and its labels, the reader's reference to it, a list to
    // free it from; and the handles.
    assert!(allocations < MESSAGES / 256 * 5 + 100, "{allocations} allocations");
}

#[test]
fn a_reader_that_waits_for_every_message_allocates_for_none() {
    let allocations = count(async || {
        let broker = Broker::new();
        let topic = broker.topic("ping").max(4_096);
        let ping = topic.publisher().await.unwrap();
        let mut incoming = topic.subscriber().await.unwrap();
        let reader = tokio::task::unconstrained(async {
            for _ in 0..MESSAGES {
                incoming.recv().await.unwrap();
            }
        });
        let writer = async {
            for _ in 0..MESSAGES {
                ping.publish_bytes("ball").await.unwrap();
                tokio::task::yield_now().await;
            }
        };
        tokio::join!(reader, writer);
    });
    assert!(allocations < MESSAGES / 256 * 4 + 200, "{allocations} allocations");
}

#[test]
fn a_batch_of_native_messages_allocates_its_list_and_nothing_for_each() {
    const KEPT: u64 = 10_000;
    let mut allocations = 0;
    count(async || {
        let broker = Broker::new();
        let points = broker.publisher::<Point>().await.unwrap();
        let mut incoming = broker.subscriber::<Point>().await.unwrap();
        points.publish_batch((0..KEPT).map(|n| Point([n; 8]))).await.unwrap();
        allocations = allocation_counter::measure(|| {
            let batch = incoming.recv_batch(KEPT as usize).now_or_never().unwrap().unwrap();
            assert_eq!(batch.iter().map(|point| point.0[0]).sum::<u64>(), KEPT * (KEPT - 1) / 2);
        })
        .count_total;
    });
    // A list that doubles as it grows, and one reference for each segment.
    assert!(allocations < 80, "{allocations} allocations");
}

#[test]
fn a_topic_that_keeps_few_messages_has_eight_in_a_segment() {
    let allocations = count(async || {
        let broker = Broker::new();
        let topic = broker.topic("few").max(16);
        let few = topic.publisher().await.unwrap();
        let mut incoming = topic.subscriber().await.unwrap();
        for _ in 0..MESSAGES {
            few.publish_bytes("ball").await.unwrap();
            incoming.recv().await.unwrap();
        }
    });
    assert!(allocations < MESSAGES / 8 * 5 + 100, "{allocations} allocations");
}

#[test]
fn ids_are_freed_after_their_window_also_where_nobody_comes_by() {
    const IDS: u64 = 20_000;
    let mut builder = tokio::runtime::Builder::new_current_thread();
    let runtime = builder.enable_time().start_paused(true).build().unwrap();
    let broker = Broker::new();
    let topic = broker.topic("ids").max(1).dedup(Duration::from_secs(60));
    let publisher = runtime.block_on(topic.publisher().into_future()).unwrap();
    let publish = |n: u64| publisher.publish_bytes("").id(n.to_string()).now().unwrap();
    let mut held = 0;
    let freed = allocation_counter::measure(|| {
        runtime.block_on(async {
            publish(0);
            let ids = allocation_counter::measure(|| (1..IDS).map(publish).for_each(drop));
            held = ids.bytes_current;
            tokio::time::advance(Duration::from_secs(70)).await;
            for _ in 0..2 * IDS / 64 {
                tokio::task::yield_now().await;
            }
        });
    });
    assert!(held > 40 * IDS as i64, "{held} bytes are held");
    assert!(freed.bytes_current < 4_000, "{} bytes stay", freed.bytes_current);
}
