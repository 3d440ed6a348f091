//! Bridges between a broker in memory and a server.
#![allow(clippy::unwrap_used, clippy::disallowed_methods, reason = "a test, which starts tasks")]

#[path = "../support/mod.rs"]
mod support;

mod mirroring;
mod outages;
mod resuming;

use std::future::Future;

use memq::{Bridge, BridgeError, BridgeHandle, BridgeReport, Broker, MirrorStats};
use memq::{Record, Start, Subscriber};
use tokio::task::JoinHandle;

use crate::support::PATIENCE;

/// A bridge that runs in a task.
struct Running {
    handle: BridgeHandle,
    task: JoinHandle<Result<BridgeReport, BridgeError>>,
}

fn run(bridge: Bridge) -> Running {
    Running { handle: bridge.handle(), task: tokio::spawn(bridge) }
}

impl Running {
    /// What it did, once it is shut down.
    async fn shut_down(self) -> BridgeReport {
        let report = self.handle.shutdown(PATIENCE).await;
        assert_eq!(self.task.await.unwrap().unwrap(), report);
        report
    }

    /// Ends it as a process does that is killed.
    async fn kill(self) {
        self.task.abort();
        assert!(self.task.await.unwrap_err().is_cancelled());
    }

    /// Waits until its first mirror is as is said of it.
    async fn until(&self, is_so: impl Fn(&MirrorStats) -> bool) {
        while !is_so(&self.handle.report().mirrors[0]) {
            assert!(!self.task.is_finished(), "it ended: {:?}", self.handle.report());
            tokio::task::yield_now().await;
        }
    }
}

/// The topic `jobs`, which keeps more than any test publishes.
async fn jobs(broker: &Broker) {
    broker.topic("jobs").max(1_000_000).create().await.unwrap();
}

/// Publishes the numbers of a range to `jobs`, not all at once.
fn publish(
    broker: &Broker,
    range: std::ops::Range<u64>,
) -> impl Future<Output = ()> + Send + 'static {
    let broker = broker.clone();
    async move {
        let publisher = broker.topic("jobs").publisher().await.unwrap();
        let mut receipts = Vec::new();
        for n in range {
            receipts.push(publisher.send(Record::new(n.to_string())).await.unwrap());
            if n % 100 == 0 {
                tokio::task::yield_now().await;
            }
        }
        for receipt in receipts {
            receipt.await.unwrap();
        }
    }
}

/// The numbers of a range, as texts.
fn numbers(range: std::ops::Range<u64>) -> Vec<String> {
    range.map(|n| n.to_string()).collect()
}

/// A reader of all that `jobs` holds.
async fn reader(broker: &Broker) -> Subscriber<Record> {
    broker.topic("jobs").subscriber().from(Start::Earliest).await.unwrap()
}

/// The next texts.
async fn take(reader: &mut Subscriber<Record>, count: usize) -> Vec<String> {
    let mut texts = Vec::new();
    while texts.len() < count {
        let record = reader.recv().await.unwrap();
        texts.push(String::from_utf8(record.bytes().to_vec()).unwrap());
    }
    texts
}

/// How many messages `jobs` was given.
async fn published(broker: &Broker) -> u64 {
    broker.stats("jobs").await.unwrap().published
}
