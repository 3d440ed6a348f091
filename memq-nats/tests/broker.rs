//! The handles of a broker over a connection.
#![allow(clippy::unwrap_used, reason = "this is a test")]

mod support;

use std::time::Duration;

use memq::{AdminError, Offset, OpenError, PublishError, Record, RecvError, Start};
use memq_nats_server::Proxy;

use crate::support::{each, raw, texts, to};

const SECOND: Duration = Duration::from_secs(1);

#[tokio::test]
async fn a_connection_that_is_awaited_is_a_broker() {
    each(async |server| {
        let broker = memq_nats::connect(server.url()).await.unwrap();
        let publisher = broker.topic("orders").max(10).publisher().await.unwrap();
        assert_eq!(publisher.publish_bytes("tea").await.unwrap(), Offset(0));
        let batch = (0..5).map(|n| Record::new(n.to_string()));
        assert_eq!(publisher.publish_batch(batch).await.unwrap().len(), 5);
        assert_eq!(texts(&server, "memq-orders").await, ["tea", "0", "1", "2", "3", "4"]);
        let conflict = broker.topic("orders").max(11).publisher().await.unwrap_err();
        assert!(matches!(conflict, OpenError::Conflict(conflict) if conflict.option == "max"));
        assert_eq!(broker.stats("orders").await.unwrap().published, 6);
        assert_eq!(broker.topics().await.unwrap().len(), 1);
        broker.delete("orders").await.unwrap();
        let gone = broker.stats("orders").await.unwrap_err();
        assert!(matches!(gone, AdminError::NotFound { .. }), "{gone}");
    })
    .await;
}

#[tokio::test]
async fn awaiting_the_builder_is_the_same() {
    each(async |server| {
        let broker = to(&server.url()).namespace("shop").await.unwrap();
        broker.topic("orders").publisher().await.unwrap().publish_bytes("tea").await.unwrap();
        drop(broker);
        assert_eq!(texts(&server, "shop-orders").await, ["tea"]);
    })
    .await;
}

/// memq itself removes only from the front of a stream.
#[tokio::test]
async fn what_others_removed_from_the_last_messages_is_lag() {
    each(async |server| {
        let broker = to(&server.url()).await.unwrap();
        let publisher = broker.topic("orders").publisher().await.unwrap();
        publisher.publish_batch((0..6).map(|n| Record::new(n.to_string()))).await.unwrap();
        let stream = raw(&server).await.get_stream("memq-orders").await.unwrap();
        // Offset 4: sequences begin at 1.
        stream.delete_message(5).await.unwrap();
        let mut last = broker.topic("orders").subscriber().from(Start::Last(2)).await.unwrap();
        let lagged = last.recv().await.unwrap_err();
        assert!(matches!(lagged, RecvError::Lagged { skipped: 1, .. }), "{lagged}");
        assert_eq!(last.recv().await.unwrap().offset(), Offset(5));
        let group = broker.topic("orders").subscriber().from(Start::Last(2)).group("work");
        let mut group = group.without_dead_letters().await.unwrap();
        let first = group.recv().await.unwrap();
        assert_eq!(first.offset(), Offset(5), "a group is not told");
        first.ack();
        // What retention removed from the front is none.
        stream.purge().sequence(4).await.unwrap();
        assert_eq!(last.seek(Start::Last(6)).await.unwrap(), Offset(3));
        assert_eq!(last.recv().await.unwrap().offset(), Offset(3));
    })
    .await;
}

#[tokio::test]
async fn durations_that_mean_never_are_as_good_as_that() {
    each(async |server| {
        let never = Duration::MAX;
        let broker = to(&server.url()).ack_timeout(never).give_up_after(never).await.unwrap();
        let publisher = broker.topic("orders").publisher().await.unwrap();
        publisher.publish_bytes("0").within(never).await.unwrap();
        publisher.publish_bytes("1").await.unwrap();
        let open = async || {
            let group = broker.topic("orders").subscriber().group("slow").any_order();
            group.ack_deadline(never).await.unwrap()
        };
        let mut slow = open().await;
        slow.recv().await.unwrap().nack_after(never);
        let second = slow.recv().await.unwrap();
        assert_eq!(second.offset(), Offset(1), "the first has not come again");
        second.ack_confirmed().await.unwrap();
        drop(slow);
        assert!(open().await.recv_timeout(SECOND / 2).await.unwrap().is_none());
        assert_eq!(broker.stats("orders").await.unwrap().groups.len(), 1);
    })
    .await;
}

/// Cut, it may be noticed before or after the message is sent; held, nothing is noticed.
#[tokio::test]
async fn a_publish_within_a_time_is_told_by_then_also_while_nobody_answers() {
    each(async |server| {
        for holds in [false, true] {
            let proxy = Proxy::to(server.addr()).unwrap();
            let broker = to(&proxy.url()).await.unwrap();
            let name = if holds { "held" } else { "cut" };
            let publisher = broker.topic(name).publisher().await.unwrap();
            publisher.publish_bytes("first").await.unwrap();
            if holds {
                proxy.hold()
            } else {
                proxy.cut()
            }
            let mut late = Vec::new();
            for text in ["1", "2"] {
                let publish = publisher.publish_bytes(text).within(SECOND / 5).into_future();
                let told = tokio::time::timeout(10 * SECOND, publish).await;
                late.push((text, told.expect("it is told").unwrap_err()));
            }
            proxy.resume();
            publisher.publish_bytes("last").await.unwrap();
            let mut left: Vec<_> = texts(&server, &format!("memq-{name}")).await;
            for (text, error) in late {
                match error {
                    PublishError::Timeout(_) => {
                        assert!(!left.iter().any(|it| it == text), "{left:?}")
                    }
                    PublishError::Unknown { .. } => left.retain(|it| it != text),
                    _ => panic!("{error}"),
                }
            }
            assert_eq!(left, ["first", "last"], "{name}");
        }
    })
    .await;
}
