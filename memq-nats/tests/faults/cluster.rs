//! Topics that are kept on three servers, of which one or two are killed while everybody is at work.

use std::sync::Arc;
use std::time::Duration;

use memq::{Broker, OpenError, PublishError, Publisher, Record};
use memq_nats_server::{Binary, Cluster, Ledger, Mark, Seen};

use crate::kit::{Traffic, blocking, read_records, record, to};

/// Far more than anything takes here; a test that waits longer has failed. Newer servers may say for two
/// minutes that a message is being stored which they have given up.
const PATIENCE: Duration = Duration::from_secs(300);

/// Runs a test on a new cluster of each version there is.
async fn each<F: Future<Output = ()>>(test: impl Fn(Arc<Cluster>, String) -> F) {
    for binary in Binary::all_or_skip() {
        let version = binary.version().to_string();
        let cluster = blocking(move || Arc::new(Cluster::start(&binary).unwrap())).await;
        let run = tokio::time::timeout(PATIENCE, test(cluster, version.clone())).await;
        assert!(run.is_ok(), "nothing happens any more, on nats-server {version}");
    }
}

/// A broker of topics that are kept on all three.
async fn connect(cluster: &Cluster, namespace: &str, window: usize) -> Broker {
    let connect = to(&cluster.urls()).namespace(namespace).replicas(3).window(window);
    connect.await.unwrap()
}

/// Everybody at work in a new topic, whose leader is killed and comes back as one of the others.
async fn without_its_leader(
    cluster: &Arc<Cluster>,
    window: usize,
    ahead: usize,
) -> crate::kit::Outcome {
    let namespace = format!("window{window}");
    let mut traffic = Traffic::start(connect(cluster, &namespace, window).await, ahead).await;
    traffic.goes_on().await;
    let killing = cluster.clone();
    blocking(move || {
        killing.wait_for_stream_leader(&format!("{namespace}-orders")).unwrap().kill9();
    })
    .await;
    // With the two that are left.
    traffic.goes_on().await;
    let restarting = cluster.clone();
    blocking(move || restarting.restart().unwrap()).await;
    traffic.goes_on().await;
    traffic.end().await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_killed_leader_loses_and_doubles_nothing_and_all_go_on() {
    each(async |cluster, version| {
        // One after the other, nothing can be overtaken.
        let outcome = without_its_leader(&cluster, 1, 300).await;
        outcome.all_is_well(&format!("a leader killed, window of 1, {version}"));
        outcome.in_order();
        // With many under way those behind one that is lost may be stored before it: they are counted.
        let outcome = without_its_leader(&cluster, 1_000, 1_500).await;
        outcome.all_is_well(&format!("a leader killed, window of 1,000, {version}"));
    })
    .await;
}

fn mark(number: u64) -> Mark {
    Mark { publisher: 3, number }
}

/// Publishes for a publisher that does not wait for long, and says whether that was stored.
async fn try_publish(hasty: &Publisher<Record>, ledger: &Ledger, number: u64) -> bool {
    match hasty.publish(record(mark(number))).await {
        Ok(_) => {
            ledger.acknowledged(mark(number));
            return true;
        }
        Err(PublishError::Unavailable { message, .. }) => {
            assert_eq!(message.bytes()[..], *mark(number).to_string().as_bytes());
            ledger.refused(mark(number));
        }
        Err(PublishError::Unknown { .. }) => {}
        Err(other) => panic!("{other:?}"),
    }
    false
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn with_two_of_three_dead_nothing_is_acknowledged_until_one_is_back() {
    each(async |cluster, version| {
        let mut traffic = Traffic::start(connect(&cluster, "patient", 1).await, 300).await;
        let hasty = to(&cluster.urls()).namespace("hasty").replicas(3);
        let hasty = hasty.give_up_after(Duration::from_secs(1)).await.unwrap();
        // Right after the start a cluster may have no place for it yet.
        let publisher = loop {
            match hasty.topic("orders").publisher().await {
                Ok(publisher) => break publisher,
                Err(OpenError::Unavailable { .. }) => {}
                Err(other) => panic!("{other}"),
            }
        };
        let ledger = Ledger::new();
        let mut numbers = 0..;
        while !try_publish(&publisher, &ledger, numbers.next().unwrap()).await {}
        traffic.goes_on().await;

        // The leader is left, which would be the first to say too much.
        let killing = cluster.clone();
        let killed = blocking(move || {
            let leader =
                killing.wait_for_stream_leader("patient-orders").unwrap().name().to_owned();
            let others = killing.nodes().iter().filter(|node| node.name() != leader);
            others
                .map(|node| {
                    node.kill9();
                    node.name().to_owned()
                })
                .collect::<Vec<_>>()
        })
        .await;
        assert_eq!(killed.len(), 2);
        // What had been acknowledged by then is told by then.
        try_publish(&publisher, &ledger, numbers.next().unwrap()).await;
        let acknowledged = traffic.acknowledged();
        for _ in 0..3 {
            assert!(!try_publish(&publisher, &ledger, numbers.next().unwrap()).await);
        }
        assert_eq!(traffic.acknowledged(), acknowledged, "two of three are dead");

        let starting = cluster.clone();
        blocking(move || {
            let node = starting.nodes().iter().find(|node| node.name() == killed[0]).unwrap();
            node.restart().unwrap();
        })
        .await;
        traffic.goes_on().await;
        while !try_publish(&publisher, &ledger, numbers.next().unwrap()).await {}
        let restarting = cluster.clone();
        blocking(move || restarting.restart().unwrap()).await;
        traffic.goes_on().await;
        let outcome = traffic.end().await;
        outcome.all_is_well(&format!("two of three killed, {version}"));
        outcome.in_order();

        // Nor was what the other one was told not to be stored.
        let mut reading = hasty.topic("orders").subscriber().await.unwrap();
        hasty.close("orders").await.unwrap();
        let mut seen = Seen::new();
        assert_eq!(read_records(&mut reading, &mut seen).await, 0);
        let report = ledger.compare(&seen);
        assert_eq!((report.lost, report.doubled, report.refused_and_seen), (0, 0, 0), "{report}");
        assert_eq!(report.out_of_order, 0, "{report}");
    })
    .await;
}
