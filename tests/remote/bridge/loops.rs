//! Bridges in circles: a message goes to each topic once.

use std::time::Duration;

use memq::{Broker, Mirrored, Record, bridge};

use super::{next, numbers, publish, published, reader, run, take};
use crate::loopback::Server;

/// Publishes one more on each broker and waits until it is everywhere: what came in circles would have
/// come before it.
async fn settled(brokers: &[&Broker], topic: &str, each: u64) {
    let mut readers = Vec::new();
    for (at, broker) in brokers.iter().enumerate() {
        readers.push(reader(broker, topic).await);
        publish(broker, topic, [format!("last of {at}")]).await;
    }
    for readers in &mut readers {
        let mut left = brokers.len();
        while left > 0 {
            left -= usize::from(next(readers).await.bytes().starts_with(b"last of "));
        }
    }
    // Twice around for whatever still is on its way.
    for _ in 0..200 {
        tokio::task::yield_now().await;
    }
    for broker in brokers {
        assert_eq!(published(broker, topic).await, each + brokers.len() as u64);
    }
}

#[tokio::test]
async fn both_ways_at_once_are_no_loop() {
    let (local, server) = (Broker::new(), Server::start());
    let remote = server.connect(7).broker();
    let both = run(bridge(&local, &remote).topic_named("jobs").mirror_both().await.unwrap());
    publish(&local, "jobs", numbers(0..300)).await;
    publish(&remote, "jobs", numbers(300..600)).await;
    for broker in [&local, &remote] {
        let mut texts = take(&mut reader(broker, "jobs").await, 600).await;
        texts.sort_by_key(|text| text.parse::<u64>().unwrap());
        assert_eq!(texts, numbers(0..600));
    }
    settled(&[&local, &remote], "jobs", 600).await;
    let report = both.shut_down().await;
    for mirror in &report.mirrors {
        assert_eq!((mirror.mirrored, mirror.returned, mirror.lag), (301, 301, 0));
    }
}

#[tokio::test]
async fn two_bridges_there_and_back_are_no_loop() {
    let (one, other) = (Broker::new(), Broker::new());
    let there = run(bridge(&one, &other).topic_named("jobs").mirror_out().await.unwrap());
    let back = run(bridge(&other, &one).topic_named("jobs").mirror_out().await.unwrap());
    publish(&one, "jobs", numbers(0..50)).await;
    publish(&other, "jobs", numbers(50..100)).await;
    take(&mut reader(&one, "jobs").await, 100).await;
    take(&mut reader(&other, "jobs").await, 100).await;
    settled(&[&one, &other], "jobs", 100).await;
    there.shut_down().await;
    back.shut_down().await;
}

#[tokio::test]
async fn processes_on_one_server_have_each_other_s_messages_once() {
    let server = Server::start();
    let (locals, remotes): (Vec<_>, Vec<_>) =
        (0..3).map(|_| (Broker::new(), server.connect(5).broker())).unzip();
    let mut bridges = Vec::new();
    for (local, remote) in locals.iter().zip(&remotes) {
        bridges.push(run(bridge(local, remote).topic_named("jobs").mirror_both().await.unwrap()));
    }
    for local in &locals {
        publish(local, "jobs", numbers(0..100)).await;
    }
    for local in &locals {
        take(&mut reader(local, "jobs").await, 300).await;
    }
    let all: Vec<&Broker> = locals.iter().collect();
    settled(&all, "jobs", 300).await;
    assert_eq!(published(&remotes[0], "jobs").await, 303);
    for bridge in bridges {
        bridge.shut_down().await;
    }
}

#[tokio::test]
async fn a_ring_is_no_loop() {
    let ring: Vec<Broker> = (0..4).map(|_| Broker::new()).collect();
    let mut bridges = Vec::new();
    for at in 0..4 {
        let (from, to) = (&ring[at], &ring[(at + 1) % 4]);
        bridges.push(run(bridge(from, to).topic_named("jobs").mirror_out().await.unwrap()));
    }
    publish(&ring[1], "jobs", numbers(0..50)).await;
    let mut end = reader(&ring[0], "jobs").await;
    for offset in 0..50 {
        let whence = Mirrored::of(next(&mut end).await.headers()).unwrap();
        assert_eq!((whence.offset.0, whence.hops), (offset, 3));
    }
    settled(&ring.iter().collect::<Vec<_>>(), "jobs", 50).await;
    for bridge in bridges {
        bridge.handle.shutdown(Duration::from_secs(60)).await;
    }
}

#[tokio::test]
async fn a_new_message_with_the_headers_of_a_mirrored_one_is_mirrored() {
    let (local, server) = (Broker::new(), Server::start());
    let remote = server.connect(7).broker();
    let both = bridge(&local, &remote)
        .topic_named("orders")
        .mirror_in()
        .topic_named("bills")
        .mirror_both()
        .await
        .unwrap();
    let both = run(both);
    publish(&remote, "orders", ["tea".into()]).await;
    let order = next(&mut reader(&local, "orders").await).await;
    let bills = local.topic("bills").publisher().await.unwrap();
    for text in ["first half", "second half"] {
        let bill = Record::new(text).with_headers(order.headers().clone());
        bills.publish(bill).await.unwrap();
    }
    let mut copies = reader(&remote, "bills").await;
    assert_eq!(take(&mut copies, 2).await, ["first half", "second half"]);
    both.shut_down().await;
}
