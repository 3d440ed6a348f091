//! Publishing to a topic that is kept on three servers, of which the one that leads is killed.
#![allow(clippy::unwrap_used, reason = "this is a test")]

mod support;

use std::collections::HashSet;
use std::time::Duration;

use memq_nats_server::{Binary, Cluster};

use crate::support::{contents_by, message, request, submit, to};

/// Kills the leader while this many messages are published through a window of this size. Returns how many
/// of them are stored before one that was submitted earlier.
async fn inversions(cluster: &Cluster, name: &str, window: usize, count: usize) -> usize {
    let transport = to(&cluster.urls()).give_up_after(Duration::from_secs(50));
    let transport = transport.replicas(3).window(window).transport().await.unwrap();
    let mut wants = request(name);
    wants.max_messages = Some(2 * count);
    let topic = transport.open(wants).await.unwrap();
    let publisher = topic.publisher().await.unwrap();
    let stream = format!("memq-{name}");
    let publishing = async {
        let messages = (0..count).map(|n| message(n.to_string()));
        let mut told = Vec::new();
        for receipt in submit(&publisher, messages).await.unwrap() {
            told.push(receipt.await.unwrap().offset);
        }
        told
    };
    let killing = async {
        while topic.stats().await.unwrap().published < count as u64 / 3 {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        tokio::task::block_in_place(|| {
            cluster.wait_for_stream_leader(&stream).unwrap().kill9();
        });
    };
    let (told, ()) = tokio::join!(publishing, killing);
    tokio::task::block_in_place(|| cluster.restart()).unwrap();
    let raw = async_nats::jetstream::new(
        async_nats::connect(cluster.urls().split(',').collect::<Vec<_>>()).await.unwrap(),
    );
    // A node that was away answers for a while with what it had; memq does not believe it.
    let (stats, all) = (topic.stats().await.unwrap(), count as u64);
    assert_eq!((stats.published, stats.depth), (all, all));
    let read = contents_by(&raw, &stream, count).await;
    let read: Vec<usize> = read
        .iter()
        .map(|message| std::str::from_utf8(&message.payload).unwrap().parse().unwrap())
        .collect();
    // Nothing that was acknowledged is lost, or elsewhere than was said, and nothing is there twice.
    for (n, offset) in told.iter().enumerate() {
        assert_eq!(read[offset.0 as usize], n);
    }
    assert_eq!(read.iter().collect::<HashSet<_>>().len(), read.len());
    assert_eq!(read.len(), count);
    let mut last = 0;
    let mut overtaken = 0;
    for n in read {
        overtaken += usize::from(n < last);
        last = last.max(n);
    }
    overtaken
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_acknowledged_is_lost_or_doubled_when_the_leader_is_killed() {
    for binary in Binary::all_or_skip() {
        let cluster = tokio::task::block_in_place(|| Cluster::start(&binary)).unwrap();
        // One after the other, nothing can be overtaken.
        assert_eq!(inversions(&cluster, "strict", 1, 600).await, 0);
        let overtaken = inversions(&cluster, "fast", 1_000, 20_000).await;
        println!("nats-server {}: {overtaken} of 20,000 overtaken", binary.version());
    }
}
