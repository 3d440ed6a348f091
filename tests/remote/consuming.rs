//! Consumer groups of topics elsewhere: who is handed what, and how it is settled.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use bytes::Bytes;
use memq::spi::{Capabilities, Capability};
use memq::{
    Broker, CommitError, Consumer, ConsumerBuilder, Offset, OpenError, Publisher, Record,
    RecvError, SeekError, SettleError, Start,
};

use crate::common::{Order, poll_once, settle, spawn, try_now};
use crate::loopback::{Loopback, Server, able};

pub struct Shop {
    pub server: Server,
    pub connection: Loopback,
    pub broker: Broker,
    orders: Publisher<Order>,
}

impl Shop {
    /// With this many orders, each of another customer.
    pub async fn with(count: u64) -> Self {
        Self::able_to(able(), count).await
    }

    pub async fn able_to(capabilities: Capabilities, count: u64) -> Self {
        let server = Server::start();
        let connection = server.connect_with(64, capabilities);
        let broker = connection.broker();
        let orders = broker.publisher::<Order>().await.unwrap();
        for number in 0..count {
            orders.publish(Order::new(number, "tea")).await.unwrap();
        }
        Self { server, connection, broker, orders }
    }

    pub async fn billing(&self) -> Consumer<Order> {
        self.broker.subscriber::<Order>().group("billing").await.unwrap()
    }

    /// The offsets of what is not settled yet, as a member of another process is handed them.
    pub async fn unsettled(&self) -> Vec<u64> {
        let other = self.server.connect(8).broker();
        let mut billing = other.subscriber::<Order>().group("billing").await.unwrap();
        let mut left = Vec::new();
        let mut held = Vec::new();
        while let Some(delivery) = billing.try_recv().unwrap() {
            left.push(delivery.offset().0);
            held.push(delivery);
        }
        left
    }
}

#[tokio::test]
async fn each_message_goes_to_one_member_and_is_what_was_published() {
    let shop = Shop::with(4).await;
    shop.orders.publish(Order::new(7, "milk")).header("trace", "4bf92f").await.unwrap();
    let (mut one, mut two) = (shop.billing().await, shop.billing().await);
    assert_eq!((one.topic().as_str(), one.group()), ("orders", "billing"));
    assert_eq!(one.dead_letter_topic().unwrap().as_str(), "orders.billing.dead");
    assert_ne!(one.id(), two.id());

    let (first, second) = (one.recv().await.unwrap(), two.recv().await.unwrap());
    assert_eq!((first.offset(), second.offset()), (Offset(0), Offset(1)));
    assert_eq!((first.attempt(), &*first), (1, &Order::new(0, "tea")));
    assert_eq!(second.key(), Some("1".into()));
    first.ack();
    second.ack_confirmed().await.unwrap();

    let rest = one.recv_batch(10).await.unwrap();
    assert!(rest.iter().map(|order| order.offset().0).eq(2..5));
    assert_eq!(rest.get(2).unwrap().headers().get("trace"), Some("4bf92f"));
    let at = rest.iter().map(|order| order.published_at()).collect::<Vec<_>>();
    assert!(at.is_sorted());
    rest.ack();
    assert_eq!(one.stats().unwrap().lag, 0);
    assert!(shop.unsettled().await.is_empty());
}

#[tokio::test]
async fn a_receive_that_waits_is_woken_and_one_that_is_dropped_takes_nothing() {
    let shop = Shop::with(0).await;
    let mut billing = shop.billing().await;
    assert!(billing.try_recv().unwrap().is_none());
    assert!(try_now(billing.recv()).is_none());
    assert!(try_now(billing.recv_batch(3)).is_none());
    let waiting = spawn(async move {
        let delivery = billing.recv().await.unwrap();
        let offset = delivery.offset();
        delivery.ack();
        offset
    });
    settle().await;
    shop.orders.publish(Order::new(1, "tea")).await.unwrap();
    assert_eq!(waiting.await.unwrap(), Offset(0));
}

#[tokio::test(start_paused = true)]
async fn dropped_nacked_or_late_comes_back_with_one_attempt_more() {
    let shop = Shop::with(1).await;
    let mut billing = shop.billing().await;
    let second = Duration::from_secs(1);
    drop(billing.recv().await.unwrap());
    let delivery = billing.recv().await.unwrap();
    assert_eq!(delivery.attempt(), 2);
    delivery.nack_after(second);
    assert!(billing.recv_timeout(second / 2).await.unwrap().is_none());
    let delivery = billing.recv().await.unwrap();
    assert_eq!(delivery.attempt(), 3);
    delivery.nack_confirmed().await.unwrap();
    let late = billing.recv().await.unwrap();
    assert_eq!(late.attempt(), 4);
    let again = billing.recv().await.unwrap();
    assert_eq!(again.attempt(), 5);
    assert!(matches!(late.ack_confirmed().await, Err(SettleError::HandedOutAgain)));
    again.ack_confirmed().await.unwrap();
    assert!(billing.try_recv().unwrap().is_none());
}

#[tokio::test]
async fn a_member_that_goes_gives_back_at_once() {
    let shop = Shop::with(3).await;
    let (mut one, mut two) = (shop.billing().await, shop.billing().await);
    let held = one.recv_batch(3).await.unwrap();
    assert!(two.try_recv().unwrap().is_none());
    drop(one);
    assert_eq!(two.recv_batch(3).await.unwrap().len(), 3);
    drop(held);
}

#[tokio::test(start_paused = true)]
async fn a_confirmation_that_is_dropped_has_settled_or_brings_back() {
    let shop = Shop::with(1).await;
    let mut billing = shop.billing().await;
    // Not even begun.
    drop(billing.recv().await.unwrap().ack_confirmed());
    let delivery = billing.recv().await.unwrap();
    assert_eq!(delivery.attempt(), 2);
    // The server does not answer.
    shop.connection.fall_silent(true);
    assert!(poll_once(delivery.ack_confirmed()).is_none());
    shop.connection.fall_silent(false);
    // Long before its deadline.
    let delivery = billing.recv_timeout(Duration::from_secs(1)).await.unwrap().unwrap();
    assert_eq!(delivery.attempt(), 3);
    delivery.ack_confirmed().await.unwrap();
    assert!(shop.unsettled().await.is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_delivery_is_kept_for_as_long_as_is_asked_for() {
    let without = able().without(Capability::ExtendBy);
    for able in [able(), without] {
        let shop = Shop::able_to(able, 1).await;
        let (mut one, mut two) = (shop.billing().await, shop.billing().await);
        let delivery = one.recv().await.unwrap();
        // The ack deadline is 30 seconds.
        delivery.extend_by(Duration::from_secs(600)).unwrap();
        let early = two.recv_timeout(Duration::from_secs(599)).await.unwrap();
        assert!(early.is_none(), "{early:?}");
        let again = two.recv_timeout(Duration::from_secs(60)).await.unwrap().unwrap();
        assert_eq!(again.attempt(), 2);
        again.ack_confirmed().await.unwrap();
        assert!(matches!(delivery.ack_confirmed().await, Err(SettleError::AlreadySettled)));
    }
}

#[tokio::test(start_paused = true)]
async fn what_was_said_last_of_a_delivery_counts() {
    let shop = Shop::able_to(able().without(Capability::ExtendBy), 1).await;
    for (by, most) in [(10, 31), (100, 131)] {
        let (mut one, mut two) = (shop.billing().await, shop.billing().await);
        let delivery = one.recv().await.unwrap();
        delivery.extend_by(Duration::from_secs(3_600)).unwrap();
        delivery.extend_by(Duration::from_secs(by)).unwrap();
        let again = two.recv_timeout(Duration::from_secs(most)).await.unwrap();
        again.expect("it is kept no longer").nack();
    }
}

#[tokio::test(start_paused = true)]
async fn what_is_settled_is_kept_no_longer() {
    let shop = Shop::able_to(able().without(Capability::ExtendBy), 1).await;
    let mut billing = shop.billing().await;
    let delivery = billing.recv().await.unwrap();
    delivery.extend_by(Duration::from_secs(3_600)).unwrap();
    delivery.nack_after(Duration::from_secs(1));
    let again = billing.recv().await.unwrap();
    assert_eq!(again.attempt(), 2);
    // It is kept for its own deadline alone.
    let third = billing.recv_timeout(Duration::from_secs(31)).await.unwrap().unwrap();
    assert_eq!(third.attempt(), 3);
    third.ack();
}

#[tokio::test]
async fn a_group_that_settles_by_itself_hands_out_once() {
    let shop = Shop::with(3).await;
    let builder = shop.broker.subscriber::<Order>().group("billing");
    let mut billing = builder.auto_ack().await.unwrap();
    assert!(billing.dead_letter_topic().is_none());
    let delivery = billing.recv().await.unwrap();
    assert!(matches!(delivery.nack_confirmed().await, Err(SettleError::AlreadySettled)));
    drop(billing.recv_batch(10).await.unwrap());
    assert!(billing.try_recv().unwrap().is_none());
}

#[tokio::test]
async fn all_processes_open_a_group_by_the_same_rules() {
    let shop = Shop::with(2).await;
    fn group(broker: &Broker) -> ConsumerBuilder<'_, Order> {
        broker.subscriber::<Order>().group("billing")
    }
    let first = shop
        .broker
        .subscriber::<Order>()
        .from(Offset(1))
        .group("billing")
        .ack_deadline(Duration::from_secs(7))
        .max_attempts(3)
        .dead_letter("unpaid")
        .any_order()
        .await
        .unwrap();
    assert!(first.stats().unwrap().any_order);

    let other = shop.server.connect(8).broker();
    let mut second = group(&other).await.unwrap();
    assert_eq!(second.dead_letter_topic().unwrap().as_str(), "unpaid");
    assert_eq!(second.recv().await.unwrap().offset(), Offset(1));
    let refused = group(&other).max_attempts(4).await.unwrap_err();
    let OpenError::GroupConflict(conflict) = &refused else { panic!("{refused}") };
    assert_eq!((conflict.option, &*conflict.existing), ("max_attempts", "3"));
    let refused = group(&other).without_dead_letters().await.unwrap_err();
    assert!(
        matches!(&refused, OpenError::GroupConflict(conflict)
        if conflict.option == "dead_letter"),
        "{refused}"
    );

    let beyond = other.subscriber::<Order>().from(Offset(3)).group("late").await.unwrap_err();
    assert!(matches!(&beyond, OpenError::BeyondEnd { requested: Offset(3), .. }), "{beyond}");
    let topics = other.topics().await.unwrap();
    assert!(!topics.iter().any(|topic| topic.as_str() == "orders.late.dead"));
    let refused = group(&other).ack_deadline(Duration::ZERO).await.unwrap_err();
    assert!(matches!(refused, OpenError::Option { option: "ack_deadline", .. }));
}

#[tokio::test]
async fn what_a_system_cannot_do_is_refused_by_name() {
    let shop = Shop::able_to(able().without(Capability::Groups), 1).await;
    let refused = shop.broker.subscriber::<Order>().group("billing").await.unwrap_err();
    assert!(matches!(&refused, OpenError::Unsupported { what: "a consumer group", .. }));

    let less = able().without(Capability::KeyOrder);
    let less = less.without(Capability::Commit).without(Capability::GroupSeek);
    let shop = Shop::able_to(less, 1).await;
    let group = || shop.broker.subscriber::<Order>().group("billing");
    let refused = group().await.unwrap_err();
    assert!(refused.to_string().contains("open the group without order by key"), "{refused}");
    let mut billing = group().any_order().await.unwrap();
    let refused = billing.commit(0).await.unwrap_err();
    assert!(matches!(refused, CommitError::Unsupported { what: "`commit`", .. }));
    let refused = billing.seek(Start::Latest).await.unwrap_err();
    assert!(matches!(refused, SeekError::Unsupported { what: "`seek` of a group", .. }));
    billing.recv().await.unwrap().ack();
}

#[tokio::test]
async fn a_group_is_committed_and_moved() {
    let shop = Shop::with(4).await;
    let mut billing = shop.billing().await;
    billing.commit(1).await.unwrap();
    assert_eq!(billing.recv().await.unwrap().offset(), Offset(2));
    assert!(matches!(billing.commit(9).await, Err(CommitError::BeyondEnd { .. })));
    assert_eq!(billing.seek(Offset(3)).await.unwrap(), Offset(3));
    let held = billing.recv().await.unwrap();
    assert_eq!(held.offset(), Offset(3));
    assert!(matches!(billing.seek(Offset(9)).await, Err(SeekError::BeyondEnd { .. })));
    assert_eq!(billing.seek(Start::Last(3)).await.unwrap(), Offset(1));
    billing.seek(Start::Earliest).await.unwrap();
    assert!(matches!(held.ack_confirmed().await, Err(SettleError::AlreadySettled)));
    assert_eq!(billing.recv_batch(9).await.unwrap().len(), 4);
}

#[tokio::test]
async fn members_are_told_how_it_ends() {
    let shop = Shop::with(1).await;
    let mut billing = shop.billing().await;
    shop.broker.close("orders").await.unwrap();
    let held = billing.recv().await.unwrap();
    assert!(billing.try_recv().unwrap().is_none());
    held.ack();
    assert!(matches!(billing.recv().await, Err(RecvError::Closed)));
    assert!(billing.next().await.is_none());

    let shop = Shop::with(1).await;
    let mut billing = shop.billing().await;
    let held = billing.recv().await.unwrap();
    shop.broker.delete_group("orders", "billing").await.unwrap();
    assert!(matches!(billing.recv().await, Err(RecvError::GroupDeleted)));
    assert!(matches!(held.ack_confirmed().await, Err(SettleError::GroupDeleted)));
    assert!(billing.stats().is_none());

    let shop = Shop::with(1).await;
    let mut billing = shop.billing().await;
    shop.broker.delete("orders").await.unwrap();
    assert!(matches!(billing.recv().await, Err(RecvError::Deleted)));
}

#[tokio::test]
async fn an_outage_is_told_and_nothing_is_lost() {
    let shop = Shop::with(2).await;
    let mut billing = shop.billing().await;
    shop.connection.go_away(2);
    let told = billing.recv().await.unwrap_err();
    assert!(matches!(told, RecvError::Unavailable { .. }));
    assert!(matches!(billing.recv_batch(5).await, Err(RecvError::Unavailable { .. })));
    assert_eq!(billing.recv_batch(5).await.unwrap().len(), 2);
}

#[tokio::test]
async fn what_expires_on_its_way_is_given_up_and_not_handed_out() {
    let shop = Shop::with(4).await;
    let mut inside = shop.server.inside().topic("orders").subscriber().from(3).await.unwrap();
    let last = inside.recv().await.unwrap().published_at();
    let mut billing = shop.billing().await;
    let mut others = shop.broker.subscriber::<Order>().group("others").await.unwrap();
    shop.connection.expire(last);
    assert!(try_now(billing.recv()).is_none());
    assert!(try_now(others.recv_batch(9)).is_none());
    for group in [&billing, &others] {
        let stats = group.stats().unwrap();
        // What the loopback was told to forget it counts among the dead.
        assert_eq!((stats.in_flight, stats.settled, stats.dead_lettered), (0, 0, 4));
    }
}

/// Bytes that are there for as long as somebody has them.
struct Large(Vec<u8>, #[expect(dead_code, reason = "it is counted")] Arc<()>);

impl AsRef<[u8]> for Large {
    fn as_ref(&self) -> &[u8] {
        &self.0
    }
}

#[tokio::test]
async fn a_delivery_that_is_held_holds_few_others_of_its_batch() {
    let broker = Server::start().connect(64).broker();
    let (files, counted) = (broker.topic("files"), Arc::new(()));
    let mut group = files.subscriber().group("work").await.unwrap();
    let publisher = files.publisher().await.unwrap();
    for _ in 0..20 {
        let bytes = Bytes::from_owner(Large(vec![0; 512 << 10], counted.clone()));
        publisher.publish(Record::new(bytes)).await.unwrap();
    }
    let mut batch = group.recv_batch(20).await.unwrap().into_iter();
    assert_eq!((batch.len(), Arc::strong_count(&counted)), (20, 21));
    let first = batch.next().unwrap();
    batch.for_each(memq::Delivery::ack);
    drop(group);
    broker.delete("files").await.unwrap();
    // A mebibyte, of the log here and of the one there.
    let held = Arc::strong_count(&counted) - 1;
    assert!((1..=5).contains(&held), "{held}");
    drop(first);
}

#[tokio::test]
async fn a_batch_asks_for_all_it_takes_at_once_and_for_no_more_beside_it() {
    let shop = Shop::with(5).await;
    let mut billing = shop.billing().await;
    shop.connection.asked();
    let five = billing.recv_batch(20).await.unwrap();
    assert_eq!(five.len(), 5);
    assert_eq!(shop.connection.asked(), [20]);
    five.ack();
    let waiting = spawn(async move { billing.recv_batch(20).await.map(|batch| batch.len()) });
    settle().await;
    shop.orders.publish(Order::new(5, "tea")).await.unwrap();
    assert_eq!(waiting.await.unwrap().unwrap(), 1);
    let asked = shop.connection.asked();
    assert!(asked.iter().all(|most| *most == 20), "{asked:?}");
}

#[tokio::test]
async fn a_member_says_how_much_is_to_be_fetched_ahead() {
    let shop = Shop::with(0).await;
    for said in [Some(256), None, Some(0)] {
        let billing = shop.broker.subscriber::<Order>().group("billing");
        let billing = match said {
            Some(messages) => billing.prefetch(messages),
            None => billing,
        };
        drop(billing.await.unwrap());
        assert_eq!(shop.connection.prefetch(), said);
    }
}

#[tokio::test]
async fn batches_let_others_run_before_they_have_taken_much() {
    let shop = Shop::with(2_048).await;
    let mut billing = shop.billing().await;
    let turns = Arc::new(AtomicU32::new(0));
    let counted = turns.clone();
    let others = spawn(async move {
        loop {
            counted.fetch_add(1, Ordering::Relaxed);
            tokio::task::yield_now().await;
        }
    });
    for _ in 0..32 {
        let batch = billing.recv_batch(64).await.unwrap();
        assert_eq!(batch.len(), 64);
        batch.ack();
    }
    let turns = turns.load(Ordering::Relaxed);
    assert!((2_048 / 256 - 1..=2_048 / 64).contains(&turns), "{turns}");
    others.abort();
}
