//! Bridges between a broker in memory and a server, and between two of each.

mod ends;
mod loops;
mod mirroring;
mod resuming;
mod trouble;

use memq::{Bridge, BridgeError, BridgeHandle, BridgeReport, Broker, Record, Start, Subscriber};
use std::time::Duration;
use tokio::task::JoinHandle;

/// Far more than anything takes here.
const PATIENCE: Duration = Duration::from_secs(60);

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

    /// Why it failed.
    async fn fail(self) -> BridgeError {
        tokio::time::timeout(PATIENCE, self.task).await.unwrap().unwrap().unwrap_err()
    }

    /// Ends it as a process does that is killed.
    async fn kill(self) {
        self.task.abort();
        assert!(self.task.await.unwrap_err().is_cancelled());
    }

    /// Waits until its first mirror is as is said of it.
    async fn until(&self, is_so: impl Fn(&memq::MirrorStats) -> bool) {
        let wait = async {
            while !is_so(&self.handle.report().mirrors[0]) {
                tokio::task::yield_now().await;
            }
        };
        let waited = tokio::time::timeout(PATIENCE, wait).await;
        assert!(waited.is_ok(), "it stays at {:?}", self.handle.report());
    }
}

/// Publishes texts.
async fn publish(broker: &Broker, topic: &str, texts: impl IntoIterator<Item = String>) {
    let publisher = broker.topic(topic).publisher().await.unwrap();
    publisher.publish_batch(texts.into_iter().map(Record::new)).await.unwrap();
}

/// The numbers of a range, as texts.
fn numbers(range: std::ops::Range<u64>) -> Vec<String> {
    range.map(|n| n.to_string()).collect()
}

/// A reader of all that a topic holds.
async fn reader(broker: &Broker, topic: &str) -> Subscriber<Record> {
    broker.topic(topic).subscriber().from(Start::Earliest).await.unwrap()
}

/// The next record.
async fn next(reader: &mut Subscriber<Record>) -> Record {
    tokio::time::timeout(PATIENCE, reader.recv()).await.unwrap().unwrap().into_inner()
}

/// The next texts.
async fn take(reader: &mut Subscriber<Record>, count: usize) -> Vec<String> {
    let mut texts = Vec::new();
    for _ in 0..count {
        texts.push(String::from_utf8(next(reader).await.bytes().to_vec()).unwrap());
    }
    texts
}

/// How many messages a topic was given.
async fn published(broker: &Broker, topic: &str) -> u64 {
    broker.stats(topic).await.unwrap().published
}
