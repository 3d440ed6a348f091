//! Consumer groups: who gets what, how it is settled, and what comes back.

use crate::common;

use std::future::IntoFuture;
use std::time::Duration;

use common::{Order, paused, settle, spawn, with_orders};
use memq::{
    Backoff, Broker, Consumer, DeadLetter, Delivery, Offset, OpenError, Overflow, SettleError,
    Start,
};
use tokio::time::advance;

const SECOND: Duration = Duration::from_secs(1);

#[test]
fn each_message_goes_to_one_member() {
    paused().block_on(async {
        let broker = with_orders(10).await;
        let mut one = broker.subscriber::<Order>().group("billing").await.unwrap();
        let mut two = broker.subscriber::<Order>().group("billing").await.unwrap();
        let mut seen = Vec::new();
        for _ in 0..5 {
            for member in [&mut one, &mut two] {
                let order = member.try_recv().unwrap().unwrap();
                seen.push(order.offset().0);
                order.ack();
            }
        }
        assert_eq!(seen, (0..10).collect::<Vec<_>>());
        assert!(one.try_recv().unwrap().is_none() && two.try_recv().unwrap().is_none());
        let stats = one.stats().unwrap();
        assert_eq!((stats.settled, stats.lag, stats.committed), (10, 0, Offset(10)));
    });
}

#[test]
fn a_dropped_delivery_comes_back_at_once_before_new_ones() {
    paused().block_on(async {
        let broker = with_orders(3).await;
        let mut one = broker.subscriber::<Order>().group("billing").await.unwrap();
        drop(one.recv().await.unwrap());
        let again = one.recv().await.unwrap();
        assert_eq!((again.offset(), again.attempt()), (Offset(0), 2));
        let mut two = broker.subscriber::<Order>().group("billing").await.unwrap();
        let next = two.recv().await.unwrap();
        assert_eq!(next.offset(), Offset(1));
        drop(one);
        let back = two.recv().await.unwrap();
        assert_eq!((back.offset(), back.attempt()), (Offset(0), 3));
        assert!(matches!(again.ack_confirmed().await, Err(SettleError::HandedOutAgain)));
        back.ack();
        next.ack();
    });
}

#[test]
fn the_deadline_wakes_a_member_that_waits() {
    paused().block_on(async {
        let broker = with_orders(1).await;
        let mut one =
            broker.subscriber::<Order>().group("billing").ack_deadline(SECOND).await.unwrap();
        let mut two = broker.subscriber::<Order>().group("billing").await.unwrap();
        let held = one.recv().await.unwrap();
        assert_eq!(held.attempt(), 1);
        let waits = spawn(async move { two.recv().await.unwrap().attempt() });
        settle().await;
        assert_eq!(waits.await.unwrap(), 2);
    });
}

#[test]
fn after_the_last_attempt_a_message_is_a_dead_letter() {
    paused().block_on(async {
        let broker = with_orders(1).await;
        let mut one = broker
            .subscriber::<Order>()
            .group("billing")
            .max_attempts(2)
            .backoff(Backoff::NONE)
            .await
            .unwrap();
        one.recv().await.unwrap().nack();
        one.recv().await.unwrap().nack();
        assert!(one.try_recv().unwrap().is_none());
        let mut dead = broker.dead_letters::<Order>("billing").subscriber().await.unwrap();
        let letter = dead.recv().await.unwrap();
        let why = DeadLetter::of(letter.headers()).unwrap();
        assert_eq!((why.attempts, why.offset), (2, Offset(0)));
        let stats = one.stats().unwrap();
        assert_eq!((stats.dead_lettered, stats.lag), (1, 0));
        let done = broker.dead_letters::<Order>("billing").redrive(|_, _| true).await.unwrap();
        assert_eq!(done.redriven, 1);
        let again = one.recv().await.unwrap();
        assert_eq!((again.attempt(), again.key(), again.headers().len()), (1, Some("0".into()), 0));
        again.ack();
    });
}

#[test]
fn an_explanation_says_who_holds_the_tail_and_who_waits_for_whom() {
    paused().block_on(async {
        let broker = Broker::new();
        broker.topic("orders").max(2).overflow(Overflow::Wait).create().await.unwrap();
        assert!(broker.explain("nowhere").await.is_err());
        let orders = broker.publisher::<Order>().await.unwrap();
        orders.publish(Order::new(1, "tea")).await.unwrap();
        let alone = broker.explain("orders").await.unwrap().to_string();
        assert!(alone.contains("nobody reads it, so no room is ever made"), "{alone}");

        let mut billing =
            broker.subscriber::<Order>().group("billing").max_in_flight(2).await.unwrap();
        let held = billing.recv().await.unwrap();
        orders.publish(Order::new(1, "milk")).await.unwrap();
        let waits = spawn(async move { orders.publish(Order::new(2, "sugar")).await });
        let member = spawn(async move { billing.recv().await.unwrap().offset() });
        settle().await;
        advance(SECOND * 3).await;

        let explanation = broker.topic("orders").explain().await.unwrap().to_string();
        for line in [
            "group \"billing\" holds the oldest message, offset 0",
            "group \"billing\" is 2 messages behind: 1 in flight, 1 behind another of the same key",
            "its oldest, offset 0, was published 3s ago and is held by member 0",
            "member 0 holds offset 0 and waits for messages",
            "1 publisher waits for room: group \"billing\" has not settled offset 0 yet",
            "they wait for each other",
        ] {
            assert!(explanation.contains(line), "{line:?} in\n{explanation}");
        }
        held.ack();
        assert!(waits.await.unwrap().is_ok());
        assert_eq!(member.await.unwrap(), Offset(1));
    });
}

#[test]
fn seeking_to_committed_keeps_what_is_settled() {
    paused().block_on(async {
        let broker = with_orders(2).await;
        let mut billing = broker.subscriber::<Order>().group("billing").await.unwrap();
        let tea = billing.recv().await.unwrap();
        billing.recv().await.unwrap().ack_confirmed().await.unwrap();

        assert_eq!(billing.seek(Start::Committed).await.unwrap(), Offset(0));
        drop(tea);
        let tea = billing.try_recv().unwrap().unwrap();
        assert_eq!(tea.offset(), Offset(0));
        let milk = billing.try_recv().unwrap();
        assert!(milk.is_none(), "settled, and handed out again: {milk:?}");
    });
}

#[test]
fn max_attempts_conflict_with_a_group_without_dead_letters() {
    paused().block_on(async {
        let broker = Broker::new();
        let billing = || broker.subscriber::<Order>().group("billing");
        let _first = billing().without_dead_letters().await.unwrap();
        let second = billing().max_attempts(3).await;
        assert!(matches!(second, Err(OpenError::GroupConflict(_))), "{second:?}");
    });
}

#[test]
fn a_recall_is_no_attempt() {
    paused().block_on(async {
        let broker = with_orders(1).await;
        let mut billing =
            broker.subscriber::<Order>().group("billing").max_attempts(1).await.unwrap();
        let held = billing.recv().await.unwrap();
        assert_eq!(billing.seek(Start::Committed).await.unwrap(), Offset(0));
        let again = billing.try_recv().unwrap().unwrap();
        assert_eq!((again.offset(), again.attempt()), (Offset(0), 1));
        assert!(matches!(held.ack_confirmed().await, Err(SettleError::HandedOutAgain)));
        again.ack();
    });
}

#[test]
fn an_explanation_blames_nobody_for_what_is_gone() {
    paused().block_on(async {
        let broker = Broker::new();
        broker.topic("orders").max(2).ttl(SECOND).create().await.unwrap();
        let orders = broker.publisher::<Order>().await.unwrap();
        let mut billing = broker.subscriber::<Order>().group("billing").await.unwrap();
        let reader = broker.subscriber::<Order>().from(Start::Latest).await.unwrap();
        orders.publish(Order::new(1, "tea")).await.unwrap();
        let held = billing.recv().await.unwrap();
        advance(SECOND).await;
        orders.publish(Order::new(2, "milk")).await.unwrap();
        billing.recv().await.unwrap().ack();
        let explanation = broker.explain("orders").await.unwrap().to_string();
        assert!(
            explanation.contains("subscriber 0 holds the oldest message, offset 1"),
            "{explanation}"
        );
        let stats = billing.stats().unwrap();
        assert_eq!((stats.committed, stats.oldest), (Offset(0), Offset(2)));
        drop((reader, held));
    });
}

/// Rules that are not said are as the group has them, whoever is first.
#[test]
fn two_that_open_a_group_at_once_agree_on_what_one_says() {
    for _ in 0..500 {
        let broker = Broker::new();
        let barrier = std::sync::Barrier::new(2);
        std::thread::scope(|scope| {
            let silent = scope.spawn(|| {
                barrier.wait();
                common::poll_once(broker.topic("x").subscriber().group("g").into_future()).unwrap()
            });
            barrier.wait();
            let said = broker.topic("x").subscriber().group("g").max_attempts(3).into_future();
            let said = common::poll_once(said).unwrap();
            let silent = silent.join().unwrap();
            assert!(silent.is_ok(), "{silent:?}");
            // Where the silent one was first, it has the default.
            assert!(matches!(said, Ok(_) | Err(OpenError::GroupConflict(_))), "{said:?}");
        });
    }
}

#[test]
fn a_bare_nack_backs_off_and_a_delay_is_kept() {
    paused().block_on(async {
        let broker = with_orders(2).await;
        let mut billing = broker.subscriber::<Order>().group("billing").await.unwrap();
        billing.recv().await.unwrap().nack();
        billing.recv().await.unwrap().nack_after(SECOND);
        assert!(billing.try_recv().unwrap().is_none());
        // From 50 to 100 ms after the first attempt.
        advance(Duration::from_millis(49)).await;
        assert!(billing.try_recv().unwrap().is_none());
        advance(Duration::from_millis(51)).await;
        let first = billing.try_recv().unwrap().unwrap();
        assert_eq!((first.offset(), first.attempt()), (Offset(0), 2));
        first.ack();
        advance(Duration::from_millis(899)).await;
        assert!(billing.try_recv().unwrap().is_none());
        advance(Duration::from_millis(1)).await;
        let second = billing.try_recv().unwrap().unwrap();
        assert_eq!((second.offset(), second.attempt()), (Offset(1), 2));
        second.ack();
    });
}

#[test]
fn a_member_and_a_group_hold_no_more_than_they_may() {
    paused().block_on(async {
        let broker = with_orders(10).await;
        let open = || {
            let group = broker.subscriber::<Order>().group("billing").max_in_flight(2);
            group.group_max_in_flight(3)
        };
        let (mut one, mut two) = (open().await.unwrap(), open().await.unwrap());
        let held = one.recv_batch(100).await.unwrap();
        assert_eq!(held.len(), 2);
        let third = two.recv().await.unwrap();
        assert!(two.try_recv().unwrap().is_none(), "the group holds three");
        let waits = spawn(async move { two.recv().await.unwrap().offset() });
        settle().await;
        held.ack();
        assert_eq!(waits.await.unwrap(), Offset(3));
        third.ack();
    });
}

/// Offsets that a member is handed now, none of them settled.
async fn handed(member: &mut Consumer<Order>) -> Vec<Delivery<Order>> {
    let mut deliveries = Vec::new();
    while let Some(delivery) = member.try_recv().unwrap() {
        deliveries.push(delivery);
    }
    deliveries
}

#[test]
fn in_any_order_a_message_waits_for_no_other_of_its_key() {
    paused().block_on(async {
        let broker = Broker::new();
        let orders = broker.publisher::<Order>().await.unwrap();
        for item in ["tea", "milk", "salt"] {
            orders.publish(Order::new(7, item)).await.unwrap();
        }
        let group = |name| broker.subscriber::<Order>().from(Start::Earliest).group(name);
        let mut in_order = group("in-order").await.unwrap();
        let mut in_any = group("in-any").any_order().await.unwrap();

        let first = handed(&mut in_order).await;
        assert_eq!(first.len(), 1);
        let stats = in_order.stats().unwrap();
        assert_eq!((stats.any_order, stats.in_flight, stats.behind_key), (false, 1, 2));

        let mut all = handed(&mut in_any).await;
        let offsets: Vec<_> = all.iter().map(|order| order.offset().0).collect();
        assert_eq!(offsets, [0, 1, 2]);
        let stats = in_any.stats().unwrap();
        assert_eq!((stats.any_order, stats.in_flight, stats.behind_key), (true, 3, 0));

        // One that comes back is handled after later ones.
        all.remove(0).nack_after(SECOND);
        all.into_iter().for_each(Delivery::ack);
        orders.publish(Order::new(7, "rice")).await.unwrap();
        let next = in_any.try_recv().unwrap().unwrap();
        assert_eq!((next.offset(), next.attempt()), (Offset(3), 1));
        next.ack();
        advance(SECOND).await;
        let again = in_any.recv().await.unwrap();
        assert_eq!((again.offset(), again.attempt()), (Offset(0), 2));
        again.ack();
        assert_eq!(in_any.stats().unwrap().committed, Offset(4));
        drop(first);
    });
}

#[test]
fn in_any_order_a_batch_has_several_of_a_key_and_members_share_them() {
    paused().block_on(async {
        let broker = Broker::new();
        let orders = broker.publisher::<Order>().await.unwrap();
        orders.publish_batch((0..10).map(|_| Order::new(7, "tea"))).await.unwrap();
        let group = || broker.subscriber::<Order>().from(Start::Earliest).group("billing");
        let mut one = group().any_order().await.unwrap();
        // Who says nothing takes what the group has.
        let mut two = group().await.unwrap();
        let batch = one.recv_batch(6).await.unwrap();
        assert_eq!(batch.len(), 6);
        assert_eq!(handed(&mut two).await.len(), 4);
        // What the other one dropped has come back, to whoever asks.
        assert_eq!(one.recv_batch(10).await.unwrap().len(), 4);
        batch.ack();
        assert_eq!(one.stats().unwrap().settled, 6);
    });
}

#[test]
fn in_any_order_what_dies_holds_up_nothing_of_its_key() {
    paused().block_on(async {
        let broker = Broker::new();
        broker.topic("graves").max(1).overflow(Overflow::Reject).create().await.unwrap();
        let orders = broker.publisher::<Order>().await.unwrap();
        orders.publish_batch((0..3).map(|_| Order::new(7, "tea"))).await.unwrap();
        let builder = broker.subscriber::<Order>().from(Start::Earliest).group("billing");
        let mut billing = builder.any_order().dead_letter("graves").await.unwrap();
        billing.recv().await.unwrap().reject("no money");
        // There is no more room for dead letters.
        billing.recv().await.unwrap().reject("no money");
        let third = billing.try_recv().unwrap().expect("it waits for what is dead");
        assert_eq!(third.offset(), Offset(2));
        third.ack();
        let stats = billing.stats().unwrap();
        assert_eq!((stats.dead_lettered, stats.dead, stats.settled), (1, 1, 1));
    });
}
