//! Groups: messages are fetched, read and settled.

use std::convert::Infallible;
use std::future::poll_fn;
use std::sync::{Arc, Mutex};
use std::task::Poll;

use async_nats::jetstream::consumer::{AckPolicy, Consumer as RawConsumer, pull};
use futures_util::{FutureExt as _, StreamExt as _, TryStreamExt as _};
use memq::Consumer;
use memq_benches::measure::Workload;

use super::{Place, Stopwatch, Taken, row};
use crate::seen::Seen;
use crate::site::{BATCH, KEPT, Kept, Site};

pub(super) fn all(site: &Place) -> Vec<Workload> {
    vec![
        Workload {
            name: "group-batches",
            what: "A group's only member fetches 256 messages at a time, reads and acknowledges them; \
                   until the server knows of all. raw takes the batch and then acknowledges it, as memq hands \
                   out what has come; raw-each acknowledges each message before it takes the next one",
            unit: "messages/s",
            higher_is_better: true,
            most: KEPT,
            least: 1_000,
            fixed: false,
            rows: vec![
                row(site, "memq", |site, count| memq(site, count, batches_one_by_one)),
                row(site, "memq-batch", |site, count| memq(site, count, batches)),
                row(site, "memq-any-order", |site, count| {
                    memq_by(site, count, Rules::AnyOrder, batches_one_by_one)
                }),
                row(site, "raw", |site, count| raw(site, count, fetch)),
                row(site, "raw-each", |site, count| raw(site, count, fetch_each)),
            ],
        },
        Workload {
            name: "group-singly",
            what: "The same, one message asked for at a time. memq-prefetch has 256 fetched ahead, as raw-stream \
                   has; memq-worker has 64 handlers, and asks for as many as are free; memq-ahead is a group \
                   without dead letters, which fetches some ahead where nothing is said",
            unit: "messages/s",
            higher_is_better: true,
            most: KEPT,
            least: 1_000,
            fixed: false,
            rows: vec![
                row(site, "memq", |site, count| memq(site, count, singly)),
                row(site, "memq-any-order", |site, count| {
                    memq_by(site, count, Rules::AnyOrder, singly)
                }),
                row(site, "memq-prefetch", |site, count| {
                    memq_by(site, count, Rules::Prefetch, singly)
                }),
                row(site, "memq-worker", |site, count| memq(site, count, worker)),
                row(site, "memq-ahead", |site, count| memq_by(site, count, Rules::Ahead, singly)),
                row(site, "raw", |site, count| raw(site, count, fetch_singly)),
                row(site, "raw-stream", |site, count| raw(site, count, stream)),
            ],
        },
        Workload {
            name: "group-confirmed",
            what: "As group-batches; the server's word for each acknowledgement is waited for",
            unit: "messages/s",
            higher_is_better: true,
            most: 50_000,
            least: 256,
            fixed: false,
            rows: vec![
                row(site, "memq", |site, count| memq(site, count, confirmed)),
                row(site, "raw", |site, count| raw(site, count, fetch_confirmed)),
            ],
        },
    ]
}

async fn memq<F: Future<Output = u64> + Send>(
    site: Arc<Site>,
    count: u64,
    run: impl FnOnce(Consumer<Kept>, u64) -> F + Send,
) -> (Taken, u64) {
    memq_by(site, count, Rules::Default, run).await
}

/// What a group is told.
#[derive(Clone, Copy)]
enum Rules {
    Default,
    /// Keys take no turns: then the server looks at no subjects.
    AnyOrder,
    /// A batch is fetched ahead.
    Prefetch,
    /// Nothing becomes a dead letter: then attempts are not counted, and messages are fetched that may
    /// have to be given back.
    Ahead,
}

async fn memq_by<F: Future<Output = u64> + Send>(
    site: Arc<Site>,
    count: u64,
    rules: Rules,
    run: impl FnOnce(Consumer<Kept>, u64) -> F + Send,
) -> (Taken, u64) {
    let group = site.unused("workers");
    let mut member = site.broker.subscriber::<Kept>().group(&*group).max_in_flight(4 * BATCH);
    member = match rules {
        Rules::Default => member,
        Rules::AnyOrder => member.any_order(),
        Rules::Prefetch => member.prefetch(BATCH),
        Rules::Ahead => member.without_dead_letters(),
    };
    let member = member.await.expect("a member");
    let began = Stopwatch::start();
    let seen = run(member, count).await;
    site.settled(count).await;
    let elapsed = began.stop();
    site.broker.delete_group("kept", &group).await.expect("the group");
    (elapsed, seen)
}

async fn batches(mut member: Consumer<Kept>, count: u64) -> u64 {
    let mut seen = Seen::default();
    while seen.count < count {
        let deliveries = member.recv_batch(seen.next(count)).await.expect("messages");
        deliveries.iter().for_each(|delivery| seen.see(&delivery));
        deliveries.ack();
    }
    seen.end()
}

/// Acknowledges each message as soon as it is looked at.
async fn batches_one_by_one(mut member: Consumer<Kept>, count: u64) -> u64 {
    let mut seen = Seen::default();
    while seen.count < count {
        for delivery in member.recv_batch(seen.next(count)).await.expect("messages") {
            seen.see(&delivery);
            delivery.ack();
        }
    }
    seen.end()
}

async fn singly(mut member: Consumer<Kept>, count: u64) -> u64 {
    let mut seen = Seen::default();
    while seen.count < count {
        let delivery = member.recv().await.expect("a message");
        seen.see(&delivery);
        delivery.ack();
    }
    seen.end()
}

/// Handlers at a time.
const HANDLERS: usize = 64;

async fn worker(member: Consumer<Kept>, count: u64) -> u64 {
    let seen = Mutex::new(Seen::default());
    let worker = member.run(async |reading: Kept| {
        seen.lock().expect("no panic").see(&reading);
        Ok::<_, Infallible>(())
    });
    let mut worker = worker.concurrency(HANDLERS);
    poll_fn(|cx| {
        // Once it has handled all, and so settled them, it would wait for more.
        let ended =
            worker.poll_unpin(cx).is_ready() || seen.lock().expect("no panic").count >= count;
        if ended { Poll::Ready(()) } else { Poll::Pending }
    })
    .await;
    drop(worker);
    seen.into_inner().expect("no panic").end()
}

async fn confirmed(mut member: Consumer<Kept>, count: u64) -> u64 {
    let mut seen = Seen::default();
    while seen.count < count {
        for delivery in member.recv_batch(seen.next(count)).await.expect("messages") {
            seen.see(&delivery);
            delivery.ack_confirmed().await.expect("settled");
        }
    }
    seen.end()
}

type Raw = RawConsumer<pull::Config>;

async fn raw<F: Future<Output = u64> + Send>(
    site: Arc<Site>,
    count: u64,
    run: impl FnOnce(Raw, u64) -> F + Send,
) -> (Taken, u64) {
    // Of one length with memq's: each message and acknowledgement carries it.
    let (stream, name) = (site.kept().await, site.unused("workers"));
    let config = pull::Config {
        durable_name: Some(name.clone()),
        ack_policy: AckPolicy::Explicit,
        max_ack_pending: -1,
        ..pull::Config::default()
    };
    let consumer = stream.create_consumer(config).await.expect("a consumer");
    let began = Stopwatch::start();
    let seen = run(consumer, count).await;
    site.settled(count).await;
    let elapsed = began.stop();
    stream.delete_consumer(&name).await.expect("the consumer");
    (elapsed, seen)
}

async fn fetch_each(consumer: Raw, count: u64) -> u64 {
    let mut seen = Seen::default();
    while seen.count < count {
        let batch = consumer.fetch().max_messages(seen.next(count)).messages().await;
        let mut batch = batch.expect("a batch");
        while let Some(message) = batch.next().await {
            let message = message.expect("a message");
            seen.read(&message);
            message.ack().await.expect("acknowledged");
        }
    }
    seen.end()
}

async fn fetch(consumer: Raw, count: u64) -> u64 {
    let mut seen = Seen::default();
    while seen.count < count {
        let batch = consumer.fetch().max_messages(seen.next(count)).messages().await;
        let batch: Vec<_> = batch.expect("a batch").try_collect().await.expect("messages");
        batch.iter().for_each(|message| seen.read(message));
        for message in batch {
            message.ack().await.expect("acknowledged");
        }
    }
    seen.end()
}

async fn fetch_singly(consumer: Raw, count: u64) -> u64 {
    let mut seen = Seen::default();
    while seen.count < count {
        let batch = consumer.fetch().max_messages(1).messages().await;
        let message = batch.expect("a batch").next().await;
        let message = message.expect("a message").expect("a message");
        seen.read(&message);
        message.ack().await.expect("acknowledged");
    }
    seen.end()
}

async fn stream(consumer: Raw, count: u64) -> u64 {
    let mut seen = Seen::default();
    let messages = consumer.stream().max_messages_per_batch(BATCH).messages().await;
    let mut messages = messages.expect("a stream");
    while seen.count < count {
        let message = messages.next().await.expect("a message").expect("a message");
        seen.read(&message);
        message.ack().await.expect("acknowledged");
    }
    // What was sent beyond those is nobody's.
    drop(messages);
    seen.end()
}

async fn fetch_confirmed(consumer: Raw, count: u64) -> u64 {
    let mut seen = Seen::default();
    while seen.count < count {
        let batch = consumer.fetch().max_messages(seen.next(count)).messages().await;
        let mut batch = batch.expect("a batch");
        while let Some(message) = batch.next().await {
            let message = message.expect("a message");
            seen.read(&message);
            message.double_ack().await.expect("acknowledged");
        }
    }
    seen.end()
}
