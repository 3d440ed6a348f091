//! Message ids: a publish that is repeated stores nothing.

use crate::common;

use std::time::Duration;

use common::{paused, settle};
use memq::{Broker, EncodeError, Offset, Overflow, PublishError, Topic};
use tokio::runtime::Handle;
use tokio::time::advance;

#[derive(Debug, PartialEq, Topic)]
#[topic(name = "payments", dedup = "2m")]
struct Payment(u64);

#[test]
fn a_repeated_id_returns_the_first_offset_and_stores_nothing() {
    paused().block_on(async {
        let broker = Broker::new();
        let payments = broker.publisher::<Payment>().await.unwrap();
        let other = broker.publisher::<Payment>().await.unwrap();
        payments.publish(Payment(1)).await.unwrap();
        assert_eq!(payments.publish(Payment(2)).id("a").await.unwrap(), Offset(1));
        assert_eq!(other.publish(Payment(3)).id("a").await.unwrap(), Offset(1));
        assert_eq!(payments.publish(Payment(4)).id("a").now().unwrap(), Offset(1));
        assert_eq!(payments.publish(Payment(5)).id("A").await.unwrap(), Offset(2));
        let stats = broker.stats("payments").await.unwrap();
        assert_eq!((stats.published, stats.deduplicated, stats.ids_forgotten), (3, 2, 0));
    });
}

#[test]
fn an_id_is_remembered_for_the_window_and_no_longer() {
    paused().block_on(async {
        let broker = Broker::new();
        let payments = broker.publisher::<Payment>().await.unwrap();
        payments.publish(Payment(1)).id("a").await.unwrap();
        advance(Duration::from_millis(119_999)).await;
        // A repetition does not prolong it.
        assert_eq!(payments.publish(Payment(1)).id("a").await.unwrap(), Offset(0));
        advance(Duration::from_millis(1)).await;
        assert_eq!(payments.publish(Payment(1)).id("a").await.unwrap(), Offset(1));
    });
}

#[test]
fn the_first_offset_is_returned_also_when_the_message_is_gone() {
    paused().block_on(async {
        let broker = Broker::new();
        broker.topic("small").max(1).dedup(Duration::from_secs(60)).create().await.unwrap();
        let small = broker.topic("small").publisher().await.unwrap();
        small.publish_bytes("first").id("a").await.unwrap();
        small.publish_bytes("second").id("b").await.unwrap();
        assert_eq!(small.publish_bytes("first").id("a").await.unwrap(), Offset(0));
    });
}

#[test]
fn a_repetition_needs_no_room_and_a_refused_message_is_not_remembered() {
    paused().block_on(async {
        let broker = Broker::new();
        let topic = broker.topic("full").max(1).dedup(Duration::from_secs(60));
        let full = topic.overflow(Overflow::Reject).publisher().await.unwrap();
        full.publish_bytes("first").id("a").await.unwrap();
        assert!(matches!(full.publish_bytes("x").id("b").await, Err(PublishError::Full(_))));
        assert_eq!(full.publish_bytes("first").id("a").await.unwrap(), Offset(0));
        let mut reader = broker.topic("full").subscriber().await.unwrap();
        reader.recv().await.unwrap();
        assert_eq!(full.publish_bytes("x").id("b").await.unwrap(), Offset(1));
        broker.close("full").await.unwrap();
        assert!(matches!(full.publish_bytes("first").id("a").await, Err(PublishError::Closed(_))));
    });
}

#[test]
fn an_id_that_cannot_be_remembered_is_an_error_with_the_message() {
    paused().block_on(async {
        let broker = Broker::new();
        let plain = broker.topic("plain").publisher().await.unwrap();
        let refused = plain.publish_bytes("x").id("a").await.unwrap_err();
        assert!(refused.to_string().contains("dedup = \"2m\""), "{refused}");
        assert!(matches!(refused, PublishError::NoDedup(record) if record.bytes() == "x"));

        let payments = broker.publisher::<Payment>().await.unwrap();
        for (id, length) in [(String::new(), 0), ("x".repeat(257), 257)] {
            let refused = payments.publish(Payment(1)).id(id).await.unwrap_err();
            let PublishError::Encode { message, source: EncodeError::Id { bytes } } = refused
            else {
                panic!("{refused}")
            };
            assert_eq!((message, bytes), (Payment(1), length));
        }
        assert!(payments.publish(Payment(1)).id("x".repeat(256)).await.is_ok());
    });
}

#[test]
fn a_cancelled_publish_is_not_remembered() {
    paused().block_on(async {
        let broker = Broker::new();
        let topic = broker.topic("wait").max(1).dedup(Duration::from_secs(60));
        let wait = topic.overflow(Overflow::Wait).publisher().await.unwrap();
        wait.publish_bytes("first").await.unwrap();
        assert!(common::try_now(wait.publish_bytes("second").id("a").into_future()).is_none());
        let mut reader = broker.topic("wait").subscriber().await.unwrap();
        reader.recv().await.unwrap();
        assert_eq!(wait.publish_bytes("second").id("a").await.unwrap(), Offset(1));
        assert_eq!(reader.recv().await.unwrap().bytes(), "second");
    });
}

#[test]
fn more_ids_than_are_remembered_are_counted() {
    paused().block_on(async {
        let broker = Broker::new();
        let many = broker.topic("many").max(1).dedup(Duration::from_secs(60)).publisher().await;
        let many = many.unwrap();
        for number in 0..(1 << 20) + 3_u32 {
            many.publish_bytes("").id(number.to_string()).now().unwrap();
        }
        assert_eq!(broker.stats("many").await.unwrap().ids_forgotten, 3);
        assert_eq!(many.publish_bytes("").id("3").now().unwrap(), Offset(3));
        assert_eq!(many.publish_bytes("").id("2").now().unwrap(), Offset((1 << 20) + 3));
    });
}

/// Looks at its topic when it is dropped.
#[derive(Topic)]
#[topic(name = "calls-back", dedup = "2m")]
struct CallsBack(Option<Broker>);

impl Drop for CallsBack {
    fn drop(&mut self) {
        if let Some(broker) = self.0.take() {
            assert!(common::poll_once(broker.stats("calls-back")).unwrap().is_ok());
        }
    }
}

#[test]
fn a_repeated_message_is_dropped_where_its_code_may_use_the_topic() {
    paused().block_on(async {
        let broker = Broker::new();
        let publisher = broker.publisher::<CallsBack>().await.unwrap();
        publisher.publish(CallsBack(None)).id("a").await.unwrap();
        // In a thread, so that a deadlock fails.
        let (done, is_done) = std::sync::mpsc::channel();
        let again = broker.clone();
        std::thread::spawn(move || {
            publisher.publish(CallsBack(Some(again))).id("a").now().unwrap();
            done.send(()).unwrap();
        });
        is_done.recv_timeout(Duration::from_secs(30)).expect("it hangs");
    });
}

fn tasks() -> usize {
    Handle::current().metrics().num_alive_tasks()
}

#[test]
fn what_forgets_ids_ends_with_them_and_with_its_topic() {
    type End = fn(Broker);
    let ends: [End; 3] = [
        |broker| assert!(common::poll_once(broker.close("log")).unwrap().is_ok()),
        |broker| assert!(common::poll_once(broker.delete("log")).unwrap().is_ok()),
        drop,
    ];
    let hour = Duration::from_secs(3_600);
    for end in ends {
        paused().block_on(async {
            let broker = Broker::new();
            let topic = broker.topic("log").dedup(hour).ttl(hour);
            let writer = topic.publisher().await.unwrap();
            writer.publish_bytes("x").id("a").await.unwrap();
            settle().await;
            assert_eq!(tasks(), 2);
            end(broker.clone());
            drop(broker);
            settle().await;
            assert_eq!(tasks(), 0);
        });
    }
}

/// A few at a time, and others run between.
#[test]
fn another_runtime_forgets_the_ids_that_the_first_one_cannot() {
    let broker = Broker::new();
    let window = Duration::from_secs(60);
    let first = paused();
    let writer = first.block_on(async {
        let writer = broker.topic("log").dedup(window).publisher().await.unwrap();
        for number in 0..1_000 {
            writer.publish_bytes("x").id(number.to_string()).await.unwrap();
        }
        settle().await;
        assert_eq!(tasks(), 1);
        writer
    });
    drop(first);
    paused().block_on(async {
        writer.publish_bytes("x").await.unwrap();
        settle().await;
        assert_eq!(tasks(), 1);
        advance(window * 2).await;
        let mut turns = 0;
        while tasks() > 0 {
            tokio::task::yield_now().await;
            turns += 1;
            assert!(turns < 10_000, "it does not end");
        }
        assert!(turns > 1_000 / 100, "{turns}");
    });
}
