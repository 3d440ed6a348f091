//! Dead letters of topics elsewhere: how they get there, once, and how they come back.

use std::time::Duration;

use memq::{
    AdminError, Backoff, Broker, Consumer, DeadLetter, Error, Format, Key, Offset, OpenError,
    Overflow, Record, SettleError,
};

use crate::common::{Order, poll_once, settle};
use crate::loopback::{Loopback, Server};

struct Shop {
    server: Server,
    connection: Loopback,
    broker: Broker,
}

impl Shop {
    async fn with(count: u64) -> Self {
        let server = Server::start();
        let connection = server.connect(64);
        let broker = connection.broker();
        let orders = broker.publisher::<Order>().await.unwrap();
        for number in 0..count {
            orders.publish(Order::new(number, "tea")).await.unwrap();
        }
        Self { server, connection, broker }
    }

    async fn billing(&self, attempts: u32) -> Consumer<Order> {
        member(&self.broker, attempts).await
    }

    /// What the server has of dead letters.
    async fn dead(&self) -> Vec<(Record, DeadLetter)> {
        // They are on their way.
        settle().await;
        let mut kept =
            self.server.inside().topic("orders.billing.dead").subscriber().await.unwrap();
        let mut dead = Vec::new();
        while let Some(record) = kept.try_recv().unwrap() {
            let why = DeadLetter::of(record.headers()).unwrap();
            dead.push((record.into_inner(), why));
        }
        dead
    }

    /// What is not settled in the group.
    async fn lag(&self) -> u64 {
        self.broker.stats("orders").await.unwrap().group("billing").unwrap().lag
    }
}

async fn member(broker: &Broker, attempts: u32) -> Consumer<Order> {
    let group = broker.subscriber::<Order>().group("billing").max_attempts(attempts);
    group.backoff(Backoff::NONE).await.unwrap()
}

#[tokio::test]
async fn past_the_last_attempt_or_rejected_it_is_a_dead_letter_with_its_reason() {
    let shop = Shop::with(3).await;
    let mut billing = shop.billing(2).await;
    billing.recv().await.unwrap().nack();
    billing.recv().await.unwrap().nack();
    billing.recv().await.unwrap().reject("no such\ncustomer");
    let third = billing.recv().await.unwrap();
    third.nack_after(Duration::ZERO);
    drop(billing.recv().await.unwrap());

    let dead = shop.dead().await;
    let said: Vec<_> =
        dead.iter().map(|(_, why)| (why.offset.0, why.attempts, why.reason.as_str())).collect();
    let expected =
        [(0, 2, "nacked"), (1, 1, "no such customer"), (2, 2, "its delivery was dropped")];
    assert_eq!(said, expected);
    let (record, why) = &dead[1];
    assert_eq!((why.topic.as_str(), why.group.as_str()), ("orders", "billing"));
    assert_eq!((record.format(), record.key()), (Format::Json, Some("1".into())));
    assert_eq!(record.bytes(), &br#"{"customer":1,"item":"tea"}"#[..]);
    assert_eq!(shop.lag().await, 0);
    assert_eq!(billing.stats().unwrap().dead, 0);
}

#[tokio::test]
async fn a_rejection_is_confirmed_once_it_is_there_and_goes_on_if_nobody_waits() {
    let shop = Shop::with(2).await;
    let mut billing = shop.billing(5).await;
    billing.recv().await.unwrap().reject_confirmed("first").await.unwrap();
    assert_eq!(shop.dead().await.len(), 1);
    assert!(poll_once(billing.recv().await.unwrap().reject_confirmed("second")).is_none());
    assert_eq!(shop.dead().await.len(), 2);
    assert_eq!(shop.lag().await, 0);
}

#[tokio::test(start_paused = true)]
async fn a_rejection_whose_end_nobody_heard_is_told_so_and_leaves_one_dead_letter() {
    let shop = Shop::with(1).await;
    let mut billing = shop.billing(1).await;
    shop.connection.hear_nothing(1);
    let rejected = billing.recv().await.unwrap().reject_confirmed("torn").await;
    assert!(matches!(rejected, Err(SettleError::Unavailable { .. })), "{rejected:?}");
    // It came back, and went the same way again.
    assert!(billing.try_recv().unwrap().is_none());
    tokio::time::sleep(Duration::from_secs(10)).await;
    let dead = shop.dead().await;
    assert_eq!((dead.len(), shop.lag().await), (1, 0));
}

#[tokio::test(start_paused = true)]
async fn a_member_that_dies_between_the_two_steps_leaves_one_dead_letter() {
    let shop = Shop::with(1).await;
    let mut billing = shop.billing(1).await;
    shop.connection.fall_silent(true);
    billing.recv().await.unwrap().nack();
    // It is among the dead letters, and the group does not know.
    assert_eq!(shop.dead().await.len(), 1);
    assert_eq!((shop.lag().await, billing.stats().unwrap().dead), (1, 1));
    let other = shop.server.connect(8).broker();
    let mut second = member(&other, 1).await;
    assert!(second.try_recv().unwrap().is_none());

    // It goes, and with it what it held.
    drop(billing);
    tokio::time::sleep(Duration::from_secs(10)).await;
    assert!(second.try_recv().unwrap().is_none());
    let dead = shop.dead().await;
    assert_eq!((dead.len(), shop.lag().await), (1, 0));
    assert_eq!(dead[0].1.reason, "nacked");
}

#[tokio::test(start_paused = true)]
async fn a_member_whose_last_attempt_ended_without_a_word_leaves_a_dead_letter() {
    let shop = Shop::with(2).await;
    let mut billing = shop.billing(2).await;
    let other = shop.server.connect(8).broker();
    let mut second = member(&other, 2).await;
    for attempt in 1..=2 {
        let held = billing.recv_batch(2).await.unwrap();
        assert!(held.iter().all(|delivery| delivery.attempt() == attempt));
        // Neither settled nor dropped.
        std::mem::forget(held);
        tokio::time::sleep(Duration::from_secs(31)).await;
    }
    assert!(second.recv_timeout(Duration::from_secs(1)).await.unwrap().is_none());
    let dead = shop.dead().await;
    assert_eq!((dead.len(), shop.lag().await), (2, 0));
    let DeadLetter { attempts, reason, .. } = &dead[0].1;
    assert_eq!((*attempts, reason.as_str()), (2, "its last attempt ended without a word"));
}

#[tokio::test]
async fn a_member_that_goes_at_once_still_buries_what_it_rejected() {
    let shop = Shop::with(1).await;
    let mut billing = shop.billing(5).await;
    billing.recv().await.unwrap().reject("at closing time");
    drop(billing);
    let mut second = shop.billing(5).await;
    assert!(second.try_recv().unwrap().is_none());
    assert_eq!(shop.dead().await.len(), 1);
    assert!(second.try_recv().unwrap().is_none());
    assert_eq!(shop.lag().await, 0);
}

#[tokio::test(start_paused = true)]
async fn a_dead_letter_topic_that_is_full_is_told_and_tried_again() {
    let shop = Shop::with(2).await;
    let dead = shop.broker.topic("orders.billing.dead").max(1).overflow(Overflow::Reject);
    dead.await.unwrap();
    let mut billing = shop.billing(5).await;
    billing.recv().await.unwrap().reject_confirmed("first").await.unwrap();
    let refused = billing.recv().await.unwrap().reject_confirmed("second").await.unwrap_err();
    assert!(
        matches!(&refused, SettleError::DeadLetter { topic, .. }
        if topic == "orders.billing.dead"),
        "{refused}"
    );
    tokio::time::sleep(Duration::from_secs(600)).await;
    // It is kept by whoever buries it, and not handed out.
    assert!(billing.try_recv().unwrap().is_none());
    assert_eq!((shop.lag().await, billing.stats().unwrap().dead), (1, 1));

    // Who reads the first makes room.
    let inside = shop.server.inside();
    let mut reader = inside.topic("orders.billing.dead").subscriber().await.unwrap();
    assert_eq!(reader.recv().await.unwrap().offset(), Offset(0));
    let second = reader.recv().await.unwrap();
    assert_eq!(DeadLetter::of(second.headers()).unwrap().reason, "second");
    settle().await;
    assert_eq!((shop.lag().await, billing.stats().unwrap().dead), (0, 0));
}

#[tokio::test(start_paused = true)]
async fn a_dead_letter_topic_that_is_created_anew_takes_what_dies() {
    let shop = Shop::with(1).await;
    let mut billing = shop.billing(1).await;
    shop.broker.delete("orders.billing.dead").await.unwrap();
    let refused = billing.recv().await.unwrap().reject_confirmed("no").await.unwrap_err();
    assert!(matches!(refused, SettleError::DeadLetter { .. }), "{refused}");
    // So many that its key is not in the first, where the first message goes that has none.
    let key = Key::from(0_u64);
    let partitions = (2..).find(|partitions| key.partition(*partitions).0 != 0).unwrap();
    shop.broker.topic("orders.billing.dead").partitions(partitions).create().await.unwrap();
    tokio::time::sleep(Duration::from_secs(2)).await;
    let dead = shop.dead().await;
    assert_eq!((dead.len(), shop.lag().await), (1, 0));
    let inside = shop.server.inside();
    let mut reader = inside.topic("orders.billing.dead").subscriber().await.unwrap();
    assert_eq!(reader.recv().await.unwrap().partition(), key.partition(partitions));
}

#[tokio::test]
async fn what_cannot_be_decoded_is_a_dead_letter_and_reading_goes_on() {
    let shop = Shop::with(0).await;
    let bytes = shop.broker.topic("orders").publisher().await.unwrap();
    bytes.publish(Record::new("{").with_format(Format::Json)).await.unwrap();
    bytes.publish(Record::new(r#"{"customer":1,"item":"tea"}"#)).await.unwrap();
    let mut billing = shop.billing(5).await;
    assert_eq!(billing.recv().await.unwrap().offset(), Offset(1));
    let dead = shop.dead().await;
    assert_eq!(dead[0].0.bytes(), "{");
}

#[tokio::test(start_paused = true)]
async fn without_dead_letters_a_rejected_message_comes_back() {
    let shop = Shop::with(1).await;
    let group = shop.broker.subscriber::<Order>().group("billing").without_dead_letters();
    let mut billing = group.await.unwrap();
    for attempt in 1..8 {
        let delivery = billing.recv().await.unwrap();
        assert_eq!(delivery.attempt(), attempt);
        let refused = delivery.reject_confirmed("no").await;
        assert!(matches!(refused, Err(SettleError::NoDeadLetterTopic)));
    }
    let dead = shop.broker.dead_letters::<Order>("billing").topic().await;
    assert!(matches!(dead, Err(OpenError::NoDeadLetters { .. })));
}

#[tokio::test(start_paused = true)]
async fn dead_letters_are_redriven_once() {
    let shop = Shop::with(4).await;
    let mut billing = shop.billing(5).await;
    for why in ["the bank is closed", "no such customer", "the bank is closed"] {
        billing.recv().await.unwrap().reject_confirmed(why).await.unwrap();
    }
    billing.recv().await.unwrap().ack();
    let dead = shop.broker.dead_letters::<Order>("billing");
    assert_eq!(dead.topic().await.unwrap().as_str(), "orders.billing.dead");
    let mut asked = 0;
    let done = dead
        .redrive(|order, why| {
            asked += 1;
            assert_eq!(order.customer, why.offset.0);
            why.reason.contains("bank")
        })
        .await
        .unwrap();
    assert_eq!((done.redriven, done.left, asked), (2, 1, 3));
    // Another process finds only what was left.
    let other = shop.server.connect(8).broker();
    let left = other.dead_letters::<Order>("billing");
    let done = left.redrive(|_, why| why.offset.0 != 1).await.unwrap();
    assert_eq!((done.redriven, done.left), (0, 1));

    let again = billing.recv_batch(5).await.unwrap();
    let again: Vec<_> = again.into_iter().map(memq::Delivery::into_parts).collect();
    for (message, lease) in again {
        assert!(message.customer == 0 || message.customer == 2);
        assert!(message.headers().is_empty() && lease.attempt() == 1);
        lease.ack();
    }
    assert_eq!(shop.lag().await, 0);
}

#[tokio::test(start_paused = true)]
async fn what_the_dead_letter_topic_itself_dropped_is_counted() {
    let shop = Shop::with(3).await;
    let dead = shop.broker.dead_letters::<Order>("billing");
    dead.create().max(2).await.unwrap();
    let mut billing = shop.billing(5).await;
    for _ in 0..3 {
        billing.recv().await.unwrap().reject_confirmed("no").await.unwrap();
    }
    let done = dead.redrive(|order, _| order.customer == 2).await.unwrap();
    assert_eq!((done.redriven, done.left, done.lost), (1, 1, 1));
}

#[tokio::test(start_paused = true)]
async fn what_a_redrive_had_that_was_killed_is_soon_for_the_next() {
    let shop = Shop::with(3).await;
    let mut billing = shop.billing(1).await;
    for _ in 0..3 {
        billing.recv().await.unwrap().reject_confirmed("torn").await.unwrap();
    }
    let dead = shop.broker.dead_letters::<Order>("billing");
    shop.connection.fall_silent(true);
    let mut killed = Box::pin(dead.redrive(|_, _| true));
    assert!(poll_once(killed.as_mut()).is_none());
    settle().await;
    assert!(poll_once(killed.as_mut()).is_none());
    // Nothing of it runs any more, and nobody is told.
    std::mem::forget(killed);
    let other = shop.server.connect(8).broker();
    tokio::time::sleep(Duration::from_secs(120)).await;
    let done = other.dead_letters::<Order>("billing").redrive(|_, _| true).await.unwrap();
    assert_eq!((done.redriven, done.left), (3, 0));
}

#[tokio::test]
async fn dead_letters_are_read_with_their_values() {
    let shop = Shop::with(2).await;
    let dead = shop.broker.dead_letters::<Order>("billing");
    let refused = dead.subscriber().await.unwrap_err();
    assert!(matches!(refused, OpenError::NoGroup { .. }), "{refused}");
    let mut billing = shop.billing(5).await;
    let mut reader = dead.subscriber().await.unwrap();
    billing.recv().await.unwrap().ack();
    billing.recv().await.unwrap().reject("no such customer");
    let order = reader.recv().await.unwrap();
    let why = DeadLetter::of(order.headers()).unwrap();
    assert_eq!((order.customer, &*why.reason, why.offset), (1, "no such customer", Offset(1)));
}

#[tokio::test]
async fn there_is_nothing_to_redrive_without_a_group() {
    let shop = Shop::with(1).await;
    let dead = shop.broker.dead_letters::<Order>("nobody");
    let refused = dead.redrive(|_, _| true).await.unwrap_err();
    assert!(matches!(refused, Error::Open(OpenError::NoGroup { .. })), "{refused}");
    shop.billing(1).await;
    let none = shop.broker.dead_letters::<Order>("billing").redrive(|_, _| true).await.unwrap();
    assert_eq!((none.redriven, none.left), (0, 0));
    // Nor without its topic, which is not created again for that.
    shop.broker.delete("orders.billing.dead").await.unwrap();
    let refused = shop.broker.dead_letters::<Order>("billing").redrive(|_, _| true).await;
    assert!(matches!(refused, Err(Error::Admin(AdminError::NotFound { .. }))), "{refused:?}");
    assert_eq!(shop.broker.topics().await.unwrap().len(), 1);
}
