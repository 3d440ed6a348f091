//! Reading a topic from its beginning, without acknowledging anything.

use std::sync::Arc;

use async_nats::jetstream::consumer::{AckPolicy, pull};
use futures_util::StreamExt as _;
use memq::Subscriber;
use memq_benches::measure::Workload;

use super::{Place, Stopwatch, Taken, row};
use crate::seen::Seen;
use crate::site::{BATCH, KEPT, Kept, Site};

pub(super) fn all(site: &Place) -> Vec<Workload> {
    vec![Workload {
        name: "read",
        what: "A reader of its own, from the oldest message on, which acknowledges nothing",
        unit: "messages/s",
        higher_is_better: true,
        most: KEPT,
        least: 1_000,
        fixed: false,
        rows: vec![
            row(site, "memq", |site, count| memq(site, count, singly)),
            row(site, "memq-batch", |site, count| memq(site, count, batches)),
            row(site, "raw", pulled),
            row(site, "raw-ordered", ordered),
        ],
    }]
}

async fn memq<F: Future<Output = u64> + Send>(
    site: Arc<Site>,
    count: u64,
    run: impl FnOnce(Subscriber<Kept>, u64) -> F + Send,
) -> (Taken, u64) {
    let began = Stopwatch::start();
    let subscriber = site.broker.subscriber::<Kept>().from(0).await.expect("a subscriber");
    let seen = run(subscriber, count).await;
    (began.stop(), seen)
}

async fn singly(mut subscriber: Subscriber<Kept>, count: u64) -> u64 {
    let mut seen = Seen::default();
    while seen.count < count {
        seen.see(&subscriber.recv().await.expect("a message"));
    }
    seen.end()
}

async fn batches(mut subscriber: Subscriber<Kept>, count: u64) -> u64 {
    let mut seen = Seen::default();
    while seen.count < count {
        let batch = subscriber.recv_batch(seen.next(count)).await.expect("messages");
        batch.iter().for_each(|message| seen.see(&message));
    }
    seen.end()
}

/// A consumer that is asked for a batch at a time, half of one ahead.
async fn pulled(site: Arc<Site>, count: u64) -> (Taken, u64) {
    let stream = site.kept().await;
    let began = Stopwatch::start();
    let config = pull::Config { ack_policy: AckPolicy::None, ..pull::Config::default() };
    let consumer = stream.create_consumer(config).await.expect("a consumer");
    let messages = consumer.stream().max_messages_per_batch(4 * BATCH).messages().await;
    let mut messages = messages.expect("a stream");
    let mut seen = Seen::default();
    while seen.count < count {
        seen.read(&messages.next().await.expect("a message").expect("a message"));
    }
    let elapsed = began.stop();
    let name = consumer.cached_info().name.clone();
    stream.delete_consumer(&name).await.expect("the consumer");
    (elapsed, seen.end())
}

/// The same, by the client's consumer that is made anew where something is wrong.
async fn ordered(site: Arc<Site>, count: u64) -> (Taken, u64) {
    let stream = site.kept().await;
    let began = Stopwatch::start();
    let config = pull::OrderedConfig::default();
    let consumer = stream.create_consumer(config).await.expect("a consumer");
    let mut messages = consumer.messages().await.expect("a stream");
    let mut seen = Seen::default();
    while seen.count < count {
        seen.read(&messages.next().await.expect("a message").expect("a message"));
    }
    (began.stop(), seen.end())
}
