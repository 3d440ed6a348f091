//! Messages of many bytes, in groups that ask for many messages at once.

use std::collections::HashSet;

use memq::{Broker, Consumer, Record};
use memq_nats_server::{Binary, Server};
use tokio::task::JoinSet;
use tokio::time::timeout;

use crate::slow::{FAST, Rate, link};
use crate::support::{PATIENCE, each, to};

/// Messages of 900 kB, more than a server keeps for a connection.
const ALL: usize = 100;

async fn join(broker: &Broker) -> Consumer<Record> {
    broker.topic("orders").subscriber().group("heavy").any_order().await.unwrap()
}

/// A server keeps 64 MiB for a connection, and cuts it where it does not take them as fast as they are sent.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_group_that_asks_for_many_large_messages_is_sent_no_more_than_the_server_keeps() {
    each(async |server| {
        let broker = to(&server.url()).await.unwrap();
        let publisher = broker.topic("orders").max_bytes(1 << 30).publisher().await.unwrap();
        for _ in 0..ALL / 10 {
            let large = (0..10).map(|_| Record::new(vec![7; 900_000]));
            publisher.publish_batch(large).await.unwrap();
        }
        let mut links = JoinSet::new();
        let address = link(&mut links, server.addr(), FAST, Rate(20 << 20)).await;
        let far = to(&address).await.unwrap();
        let mut group = join(&far).await;
        let mut seen = HashSet::new();
        while seen.len() < ALL {
            for delivery in group.recv_batch(1_000).await.unwrap() {
                assert_eq!(delivery.attempt(), 1, "nats-server {}", server.binary().version());
                assert!(seen.insert(delivery.offset()));
                delivery.ack();
            }
        }
        let log = server.log();
        assert_eq!(log.lines().find(|line| line.contains("Slow Consumer")), None);
    })
    .await;
}

/// It comes alone, and those after it together again.
#[tokio::test]
async fn a_message_that_is_larger_than_a_pull_of_many_may_bring_comes_to_who_asks_for_many() {
    for binary in Binary::all_or_skip() {
        let server = Server::with(&binary, "max_payload: 8MB").unwrap();
        let broker = to(&server.url()).await.unwrap();
        let publisher = broker.topic("orders").publisher().await.unwrap();
        let sizes = [1, 1, 1, 5 << 20, 6 << 20, 1, 1, 1, 1, 1];
        for bytes in sizes {
            publisher.publish(Record::new(vec![7; bytes])).await.unwrap();
        }
        let mut group = join(&broker).await;
        let (mut seen, mut batches) = (Vec::new(), Vec::new());
        while seen.len() < sizes.len() {
            let receives = timeout(PATIENCE, group.recv_batch(100));
            let batch = receives.await.expect("it comes").unwrap();
            batches.push(batch.len());
            for delivery in batch {
                assert_eq!(delivery.attempt(), 1, "nats-server {}", binary.version());
                seen.push(delivery.bytes().len());
                delivery.ack_confirmed().await.unwrap();
            }
        }
        assert_eq!(seen, sizes);
        assert!(batches.last() > Some(&1), "{batches:?}, nats-server {}", binary.version());
    }
}

/// Older servers lose their place in a group where what they would hand out again is more than was asked for.
#[tokio::test]
async fn large_messages_that_come_again_do_so_alone() {
    each(async |server| {
        let broker = to(&server.url()).await.unwrap();
        let publisher = broker.topic("orders").publisher().await.unwrap();
        let large = (0..10).map(|_| Record::new(vec![7; 900_000]));
        publisher.publish_batch(large).await.unwrap();
        let mut group = join(&broker).await;
        let (mut taken, mut settled) = (Vec::new(), 0);
        while taken.len() < 10 {
            taken.extend(group.recv_batch(100).await.unwrap());
        }
        // The others go back.
        for delivery in taken.drain(..).skip(8) {
            delivery.ack_confirmed().await.unwrap();
        }
        publisher.publish_bytes("the last").await.unwrap();
        let mut again = HashSet::new();
        while settled < 9 {
            for delivery in group.recv_batch(100).await.unwrap() {
                let offset = delivery.offset().0;
                assert_eq!(delivery.attempt(), if offset == 10 { 1 } else { 2 }, "{offset}");
                assert!(offset != 8 && offset != 9 && again.insert(offset), "{offset}");
                delivery.ack_confirmed().await.unwrap();
                settled += 1;
            }
        }
    })
    .await;
}
