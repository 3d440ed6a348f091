//! Publishing: one message at a time, and a window of them.

use std::collections::VecDeque;
use std::future::IntoFuture as _;
use std::sync::Arc;

use async_nats::HeaderMap;
use async_nats::jetstream::context::PublishAckFuture;
use memq::Publisher;
use memq_benches::measure::Workload;

use super::{Place, Stopwatch, Taken, row};
use crate::site::{PUBLISHED, Published, RAW, Reading, SUBJECT, Site, WINDOW};

pub(super) fn all(site: &Place) -> Vec<Workload> {
    vec![
        Workload {
            name: "publish-awaited",
            what: "One message at a time: the next one once the server has said that it is stored",
            unit: "messages/s",
            higher_is_better: true,
            most: 50_000,
            least: 100,
            fixed: false,
            rows: vec![
                row(site, "memq", |site, count| memq(site, count, awaited)),
                row(site, "raw", |site, count| raw(site, count, 1, true)),
                row(site, "raw-bare", |site, count| raw(site, count, 1, false)),
            ],
        },
        Workload {
            name: "publish-pipelined",
            what: "A thousand messages on their way at once, each known to be stored in the end",
            unit: "messages/s",
            higher_is_better: true,
            most: 200_000,
            least: 1_000,
            fixed: false,
            rows: vec![
                row(site, "memq", |site, count| memq(site, count, sent)),
                row(site, "memq-batch", |site, count| memq(site, count, batch)),
                row(site, "raw", |site, count| raw(site, count, WINDOW, true)),
                row(site, "raw-bare", |site, count| raw(site, count, WINDOW, false)),
            ],
        },
    ]
}

fn messages(count: u64) -> impl Iterator<Item = Published> {
    (0..count).map(|number| Published(Reading::new(number)))
}

async fn memq<F: Future<Output = ()> + Send>(
    site: Arc<Site>,
    count: u64,
    run: impl FnOnce(Publisher<Published>, u64) -> F + Send,
) -> (Taken, u64) {
    let publisher = site.broker.publisher::<Published>().await.expect("a publisher");
    let began = Stopwatch::start();
    run(publisher, count).await;
    let elapsed = began.stop();
    let stored = site.count_and_delete(PUBLISHED).await;
    (elapsed, stored)
}

async fn awaited(publisher: Publisher<Published>, count: u64) {
    for message in messages(count) {
        publisher.publish(message).await.expect("stored");
    }
}

async fn sent(publisher: Publisher<Published>, count: u64) {
    let mut receipts = VecDeque::with_capacity(WINDOW);
    for message in messages(count) {
        if receipts.len() == WINDOW {
            let first = receipts.pop_front().expect("the oldest");
            memq_receipt(first).await;
        }
        receipts.push_back(publisher.send(message).await.expect("admitted"));
    }
    for receipt in receipts {
        memq_receipt(receipt).await;
    }
}

async fn memq_receipt(receipt: memq::Receipt<Published>) {
    receipt.await.expect("stored");
}

async fn batch(publisher: Publisher<Published>, count: u64) {
    publisher.publish_batch(messages(count)).await.expect("stored");
}

/// The client, with at most so many messages on their way; `ids` has it give each an id, by which a
/// repetition would be known, as memq does.
async fn raw(site: Arc<Site>, count: u64, window: usize, ids: bool) -> (Taken, u64) {
    site.raw_stream().await;
    let prefix = format!("{}:", site.raw.client().new_inbox());
    let began = Stopwatch::start();
    let mut acks: VecDeque<PublishAckFuture> = VecDeque::with_capacity(window);
    for number in 0..count {
        let message = Published(Reading::new(number));
        let payload = serde_json::to_vec(&message).expect("JSON").into();
        let ack = if ids {
            let mut headers = HeaderMap::new();
            headers.insert("Nats-Msg-Id", format!("{prefix}{number}"));
            site.raw.publish_with_headers(SUBJECT, headers, payload).await
        } else {
            site.raw.publish(SUBJECT, payload).await
        };
        acks.push_back(ack.expect("sent"));
        if acks.len() == window {
            let first = acks.pop_front().expect("the oldest");
            first.into_future().await.expect("stored");
        }
    }
    for ack in acks {
        ack.into_future().await.expect("stored");
    }
    let elapsed = began.stop();
    let stored = site.count_and_delete(RAW).await;
    (elapsed, stored)
}
