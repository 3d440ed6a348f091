//! Dead letters: what goes to the dead-letter topic, how it is kept there, and how it comes back.

mod again;
mod native;

use crate::common;

use std::time::Duration;

use common::{Order, paused, try_now};
use memq::codec::{MessagePack, Stage};
use memq::{
    Backoff, Broker, Cause, Compression, DeadLetter, Format, LagReason, Offset, OpenError,
    Overflow, Partition, PublishError, Record, RecvError, SettleError,
};
use tokio::time::advance;

#[test]
fn a_record_is_kept_byte_for_byte_with_key_headers_and_origin() {
    paused().block_on(async {
        let broker = Broker::new();
        broker.topic("orders").partitions(4).create().await.unwrap();
        let orders =
            broker.publisher::<Order>().format(MessagePack).compress(Compression::Gzip).await;
        let orders = orders.unwrap();
        for number in 0..3 {
            let order = Order::new(number, &"tea".repeat(100));
            orders.publish(order).header("trace", "4bf92f").partition(3).await.unwrap();
        }
        let mut raw = broker.topic("orders").subscriber().await.unwrap();
        let original = raw.recv_batch(3).await.unwrap();

        let mut billing = broker.subscriber::<Order>().group("billing").await.unwrap();
        let before = billing.recv().await.unwrap();
        billing.recv().await.unwrap().reject("no such\ncustomer");
        before.ack();

        let mut dead = broker.topic("orders.billing.dead").subscriber().await.unwrap();
        let letter = dead.recv().await.unwrap();
        assert_eq!(letter.bytes(), original[1].bytes());
        assert_eq!(letter.format(), Format::MessagePack);
        assert_eq!(letter.compression(), Compression::Gzip);
        assert_eq!(letter.key(), Some("1".into()));
        assert_eq!(letter.headers().get("trace"), Some("4bf92f"));
        let why = DeadLetter::of(letter.headers()).unwrap();
        assert_eq!((why.reason.as_str(), why.topic.as_str()), ("no such customer", "orders"));
        assert_eq!((why.partition, why.offset), (Partition(3), Offset(1)));
        assert_eq!((why.group.as_str(), why.attempts), ("billing", 1));
        assert_eq!(why.at, letter.published_at());

        let mut typed = broker.dead_letters::<Order>("billing").subscriber().await.unwrap();
        assert_eq!(typed.recv().await.unwrap().customer, 1);
        let name = broker.dead_letters::<Order>("billing").topic().await.unwrap();
        assert_eq!(name.as_str(), "orders.billing.dead");
    });
}

#[test]
fn what_cannot_be_decoded_is_a_dead_letter_and_the_next_is_received() {
    paused().block_on(async {
        let broker = Broker::new();
        broker.create::<Order>().await.unwrap();
        let raw = broker.topic("orders").publisher().await.unwrap();
        raw.publish_bytes("not JSON").await.unwrap();
        broker.publisher::<Order>().await.unwrap().publish(Order::new(1, "tea")).await.unwrap();
        let mut billing = broker.subscriber::<Order>().group("billing").await.unwrap();
        let order = billing.recv().await.unwrap();
        assert_eq!(order.customer, 1);
        order.ack();
        let stats = billing.stats().unwrap();
        assert_eq!((stats.dead_lettered, stats.settled, stats.lag), (1, 1, 0));
        let mut dead = broker.topic("orders.billing.dead").subscriber().await.unwrap();
        let letter = dead.recv().await.unwrap();
        assert_eq!(letter.bytes(), "not JSON");
        let why = DeadLetter::of(letter.headers()).unwrap().reason;
        assert!(why.starts_with("the payload is not valid Json for this type: "), "{why}");
        // It cannot be redriven as an order: the filter is not asked.
        let letters = broker.dead_letters::<Order>("billing");
        let done = letters.redrive(|_, _| panic!("it has no value")).await.unwrap();
        assert_eq!((done.redriven, done.left), (0, 1));
        // As bytes it can.
        let done =
            broker.topic("orders").dead_letters("billing").redrive(|_, _| true).await.unwrap();
        assert_eq!((done.redriven, done.left), (1, 0));
    });
}

#[test]
fn without_dead_letters_what_cannot_be_decoded_comes_back_as_an_error() {
    paused().block_on(async {
        let broker = Broker::new();
        let raw = broker.topic("orders").publisher().await.unwrap();
        raw.publish_bytes("not JSON").await.unwrap();
        let mut billing = broker
            .subscriber::<Order>()
            .group("billing")
            .without_dead_letters()
            .backoff(Backoff::fixed(Duration::from_secs(1)))
            .await
            .unwrap();
        for _ in 0..7 {
            let refused = billing.recv().await.unwrap_err();
            assert!(matches!(refused, RecvError::Decode { offset: Offset(0), .. }));
            assert!(billing.try_recv().unwrap().is_none());
        }
        assert_eq!(billing.stats().unwrap().lag, 1);
    });
}

#[test]
fn a_reject_without_a_dead_letter_topic_is_an_error_and_the_message_comes_back() {
    paused().block_on(async {
        let broker = Broker::new();
        broker.publisher::<Order>().await.unwrap().publish(Order::new(1, "tea")).await.unwrap();
        let group = broker.subscriber::<Order>().group("billing").without_dead_letters();
        let mut billing = group.backoff(Backoff::NONE).await.unwrap();
        let refused = billing.recv().await.unwrap().reject_confirmed("no").await.unwrap_err();
        assert!(matches!(refused, SettleError::NoDeadLetterTopic), "{refused}");
        billing.recv().await.unwrap().reject("no");
        let again = billing.recv().await.unwrap();
        assert_eq!(again.attempt(), 3);
        again.ack();
        let unknown = broker.dead_letters::<Order>("billing").topic().await.unwrap_err();
        assert!(matches!(unknown, OpenError::NoDeadLetters { .. }), "{unknown}");
    });
}

#[test]
fn a_dead_letter_topic_that_takes_nothing_loses_nothing_and_is_tried_again() {
    paused().block_on(async {
        let broker = Broker::new();
        broker.topic("graves").max(1).overflow(Overflow::Reject).create().await.unwrap();
        let orders = broker.publisher::<Order>().await.unwrap();
        for number in 0..2 {
            orders.publish(Order::new(1, &number.to_string())).await.unwrap();
        }
        orders.publish(Order::new(2, "tea")).await.unwrap();
        let group = broker.subscriber::<Order>().group("billing").dead_letter("graves");
        let mut billing = group.await.unwrap();
        billing.recv().await.unwrap().reject_confirmed("first").await.unwrap();
        let refused = billing.recv().await.unwrap().reject_confirmed("second").await.unwrap_err();
        let SettleError::DeadLetter { topic, source: PublishError::Full(()) } = refused else {
            panic!("{refused}")
        };
        assert_eq!(topic, "graves");
        billing.recv().await.unwrap().ack();
        assert!(billing.try_recv().unwrap().is_none());
        let stats = billing.stats().unwrap();
        assert_eq!((stats.dead_lettered, stats.dead, stats.lag), (1, 1, 1));

        // Room, and a second later it is buried by whoever comes.
        let mut graves = broker.topic("graves").subscriber().await.unwrap();
        let first = DeadLetter::of(graves.recv().await.unwrap().headers()).unwrap();
        assert_eq!(first.reason, "first");
        let waits = common::spawn(async move { (billing.recv().await, billing) });
        common::settle().await;
        advance(Duration::from_secs(2)).await;
        common::settle().await;
        let second = DeadLetter::of(graves.recv().await.unwrap().headers()).unwrap();
        assert_eq!((second.reason.as_str(), second.offset), ("second", Offset(1)));
        orders.publish(Order::new(3, "milk")).await.unwrap();
        let (order, billing) = waits.await.unwrap();
        order.unwrap().ack();
        let stats = billing.stats().unwrap();
        assert_eq!((stats.dead_lettered, stats.settled, stats.lag), (2, 2, 0));
    });
}

#[test]
fn consumers_of_a_closed_topic_do_not_wait_for_a_dead_letter_topic_that_is_closed_too() {
    paused().block_on(async {
        let broker = Broker::new();
        broker.publisher::<Order>().await.unwrap().publish(Order::new(1, "tea")).await.unwrap();
        let mut billing = broker.subscriber::<Order>().group("billing").await.unwrap();
        let order = billing.recv().await.unwrap();
        drop(broker);
        assert!(try_now(billing.recv()).is_none(), "it may come back");
        let refused = order.reject_confirmed("too late").await.unwrap_err();
        assert!(matches!(refused, SettleError::DeadLetter { .. }), "{refused}");
        assert!(matches!(billing.recv().await, Err(RecvError::Closed)));
        assert_eq!(billing.stats().unwrap().dead, 1);
    });
}

#[test]
fn a_redrive_takes_what_the_filter_wants_once_and_leaves_the_rest() {
    paused().block_on(async {
        let broker = Broker::new();
        let orders = broker.publisher::<Order>().await.unwrap();
        for number in 0..10 {
            orders
                .publish(Order::new(number, "tea"))
                .header("n", number.to_string())
                .await
                .unwrap();
        }
        let mut billing = broker.subscriber::<Order>().group("billing").await.unwrap();
        for order in billing.recv_batch(10).await.unwrap() {
            order.reject("no");
        }
        let letters = broker.dead_letters::<Order>("billing");
        let even = letters.redrive(|order, _| order.customer % 2 == 0).await.unwrap();
        assert_eq!((even.redriven, even.left), (5, 5));
        let even = letters.redrive(|order, _| order.customer % 2 == 0).await.unwrap();
        assert_eq!((even.redriven, even.left), (0, 5));
        let rest = letters.redrive(|_, _| true).await.unwrap();
        assert_eq!((rest.redriven, rest.left), (5, 0));
        let back: Vec<u64> = billing
            .recv_batch(100)
            .await
            .unwrap()
            .into_iter()
            .map(|order| {
                assert_eq!(order.headers().get("n"), Some(order.customer.to_string().as_str()));
                assert_eq!((order.headers().len(), order.attempt()), (1, 1));
                let customer = order.customer;
                order.ack();
                customer
            })
            .collect();
        assert_eq!(back, [0, 2, 4, 6, 8, 1, 3, 5, 7, 9]);
    });
}

#[test]
fn a_redrive_that_is_cancelled_while_the_topic_is_full_has_doubled_nothing() {
    paused().block_on(async {
        let broker = Broker::new();
        broker.topic("orders").max(2).overflow(Overflow::Wait).create().await.unwrap();
        let orders = broker.publisher::<Order>().await.unwrap();
        let mut billing = broker.subscriber::<Order>().group("billing").await.unwrap();
        for number in 0..3 {
            orders.publish(Order::new(number, "tea")).await.unwrap();
            billing.recv().await.unwrap().reject("no");
        }
        let letters = broker.dead_letters::<Order>("billing");
        assert!(try_now(letters.redrive(|_, _| true)).is_none(), "there is room for two");
        let mut seen = Vec::new();
        for order in billing.recv_batch(10).await.unwrap() {
            seen.push(order.customer);
            order.ack();
        }
        assert_eq!(letters.redrive(|_, _| true).await.unwrap().redriven, 1);
        for order in billing.recv_batch(10).await.unwrap() {
            seen.push(order.customer);
            order.ack();
        }
        assert_eq!(seen, [0, 1, 2]);
    });
}

#[test]
fn headers_that_are_full_do_not_keep_a_message_alive() {
    paused().block_on(async {
        let broker = Broker::new();
        let orders = broker.publisher::<Order>().await.unwrap();
        let large = "x".repeat((64 << 10) - 1);
        orders.publish(Order::new(1, "tea")).header("h", &large).await.unwrap();
        let mut billing = broker.subscriber::<Order>().group("billing").await.unwrap();
        billing.recv().await.unwrap().reject_confirmed("ß".repeat(5_000)).await.unwrap();
        let mut dead = broker.dead_letters::<Order>("billing").subscriber().await.unwrap();
        let letter = dead.recv().await.unwrap();
        assert_eq!(letter.headers().get("h"), Some(&*large));
        assert_eq!(DeadLetter::of(letter.headers()).unwrap().reason, "ß".repeat(512));
        broker.dead_letters::<Order>("billing").redrive(|_, _| true).await.unwrap();
        assert_eq!(billing.recv().await.unwrap().headers().len(), 1);
    });
}

struct Rot;

impl Stage for Rot {
    fn name(&self) -> &str {
        "rot"
    }

    fn seal(&self, payload: &[u8]) -> Result<Vec<u8>, Cause> {
        Ok(payload.iter().map(|byte| byte ^ 0x55).collect())
    }

    fn open(&self, payload: &[u8]) -> Result<Vec<u8>, Cause> {
        self.seal(payload)
    }
}

#[test]
fn sealed_records_stay_sealed_and_are_opened_for_who_reads_dead_letters() {
    paused().block_on(async {
        let broker = Broker::new();
        let topic = broker.create::<Order>().stage(Rot);
        topic.publisher().await.unwrap().publish(Order::new(1, "tea")).await.unwrap();
        let mut billing = topic.subscriber().group("billing").await.unwrap();
        billing.recv().await.unwrap().reject("no");
        let mut dead = topic.dead_letters("billing").subscriber().await.unwrap();
        assert_eq!(dead.recv().await.unwrap().item, "tea");
        let kept = broker.topic("orders.billing.dead").subscriber().keep_sealed().await;
        let kept = kept.unwrap().recv().await.unwrap();
        assert_eq!(kept.format(), Format::Custom);
        assert_eq!(topic.dead_letters("billing").redrive(|_, _| true).await.unwrap().redriven, 1);
        assert_eq!(billing.recv().await.unwrap().item, "tea");
    });
}

#[test]
fn retention_of_the_origin_takes_nothing_from_a_message_in_hand_that_is_rejected() {
    paused().block_on(async {
        let broker = Broker::new();
        let raw = broker.topic("raw").max(1);
        let writer = raw.publisher().await.unwrap();
        writer.publish(Record::new("first")).await.unwrap();
        let mut group = raw.subscriber().group("work").await.unwrap();
        let first = group.recv().await.unwrap();
        writer.publish(Record::new("second")).await.unwrap();
        first.reject_confirmed("no").await.unwrap();
        let mut dead = raw.dead_letters("work").subscriber().await.unwrap();
        assert_eq!(dead.recv().await.unwrap().bytes(), "first");

        // What comes back instead is gone, and said to be.
        let second = group.recv().await.unwrap();
        writer.publish(Record::new("third")).await.unwrap();
        drop(second);
        let lagged = group.recv().await.unwrap_err();
        let RecvError::Lagged { skipped: 1, reason: LagReason::MaxMessages } = lagged else {
            panic!("{lagged}")
        };
        assert_eq!(group.recv().await.unwrap().bytes(), "third");
    });
}

async fn with_orders(customers: &[u64]) -> Broker {
    let broker = Broker::new();
    let orders = broker.publisher::<Order>().await.unwrap();
    for customer in customers {
        orders.publish(Order::new(*customer, "tea")).await.unwrap();
    }
    broker
}

#[test]
fn a_dead_letter_that_is_left_does_not_hold_up_others_of_its_key() {
    paused().block_on(async {
        let broker = with_orders(&[7, 7]).await;
        let mut billing = broker.subscriber::<Order>().group("billing").await.unwrap();
        billing.recv().await.unwrap().reject("no such customer");
        billing.recv().await.unwrap().reject("the bank is closed");

        let dead = broker.dead_letters::<Order>("billing");
        let filter = |_: &Order, why: &DeadLetter| why.reason.contains("bank");
        let done = dead.redrive(filter).await.unwrap();
        assert_eq!((done.redriven, done.left), (1, 1));
    });
}

#[test]
fn a_refused_consumer_creates_no_dead_letter_topic() {
    paused().block_on(async {
        let broker = Broker::new();
        let billing = || broker.subscriber::<Order>().group("billing");
        let _first = billing().without_dead_letters().await.unwrap();
        assert!(billing().dead_letter("orders.unpaid").await.is_err());
        let topics = broker.topics().await.unwrap();
        assert_eq!(topics.len(), 1, "{topics:?}");
    });
}

#[test]
fn a_dead_letter_topic_that_was_deleted_and_created_again_is_found() {
    paused().block_on(async {
        let broker = with_orders(&[1, 2]).await;
        let mut billing = broker.subscriber::<Order>().group("billing").await.unwrap();
        broker.delete("orders.billing.dead").await.unwrap();
        let refused = billing.recv().await.unwrap().reject_confirmed("no").await.unwrap_err();
        assert!(matches!(refused, SettleError::DeadLetter { .. }), "{refused}");
        let explained = broker.explain("orders").await.unwrap().to_string();
        assert!(
            explained.contains("\"orders.billing.dead\" does not take what is dead"),
            "{explained}"
        );
        broker.topic("orders.billing.dead").create().await.unwrap();
        billing.recv().await.unwrap().ack();
        advance(Duration::from_secs(1)).await;
        assert!(billing.try_recv().unwrap().is_none());
        let mut dead = broker.dead_letters::<Order>("billing").subscriber().await.unwrap();
        assert_eq!(dead.recv().await.unwrap().customer, 1);
        assert_eq!(billing.stats().unwrap().lag, 0);
    });
}

#[test]
fn a_users_own_headers_survive_a_redrive_whatever_they_are_called() {
    paused().block_on(async {
        let broker = Broker::new();
        let orders = broker.publisher::<Order>().await.unwrap();
        orders.publish(Order::new(1, "tea")).header("memq-dead-mine", "x").await.unwrap();
        let mut billing = broker.subscriber::<Order>().group("billing").await.unwrap();
        billing.recv().await.unwrap().reject("no");
        broker.dead_letters::<Order>("billing").redrive(|_, _| true).await.unwrap();
        let order = billing.recv().await.unwrap();
        assert_eq!(order.headers().iter().collect::<Vec<_>>(), [("memq-dead-mine", "x")]);
    });
}

#[test]
fn a_start_that_does_not_exist_leaves_no_dead_letter_topic() {
    paused().block_on(async {
        let broker = with_orders(&[1]).await;
        let refused = broker.subscriber::<Order>().from(5_u64).group("billing").await.unwrap_err();
        assert!(matches!(refused, OpenError::BeyondEnd { .. }), "{refused}");
        assert_eq!(broker.topics().await.unwrap().len(), 1);
    });
}

#[test]
fn what_the_dead_letter_topic_itself_dropped_is_explained_and_counted() {
    paused().block_on(async {
        let broker = with_orders(&[0, 1, 2, 3]).await;
        let letters = broker.dead_letters::<Order>("billing");
        letters.create().max(2).await.unwrap();
        let mut billing = broker.subscriber::<Order>().group("billing").await.unwrap();
        let mut reject = async || {
            billing.recv().await.unwrap().reject("no");
            broker.explain("orders").await.unwrap().to_string()
        };
        let said = "the dead-letter topic \"orders.billing.dead\" dropped ";
        reject().await;
        assert!(!reject().await.contains(said), "everything is there");
        reject().await;
        let last = format!("{said}2 messages, the last at offset 1 0s ago: the topic holds `max`");
        let explained = reject().await;
        assert!(explained.contains(&last), "{explained}");

        // Of those there are one is left, and it is gone once two more have come.
        let done = letters.redrive(|order, _| order.customer == 3).await.unwrap();
        assert_eq!((done.redriven, done.left, done.lost), (1, 1, 2));
        let done = letters.redrive(|_, _| false).await.unwrap();
        assert_eq!((done.redriven, done.left, done.lost), (0, 1, 0));
        let orders = broker.publisher::<Order>().await.unwrap();
        orders.publish(Order::new(4, "tea")).await.unwrap();
        reject().await;
        reject().await;
        let done = letters.redrive(|_, _| true).await.unwrap();
        assert_eq!((done.redriven, done.left, done.lost), (2, 0, 1));
    });
}
