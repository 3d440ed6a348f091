//! Deliveries that were received together: read where they are, taken one by one, and settled as a
//! whole.

use crate::common;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::task::Poll;
use std::time::Duration;

use common::{Bell, Order, from_both_ends, settle_with};
use memq::{
    Broker, Consumer, ConsumerBuilder, DeadLetter, Deliveries, Record, RecvError, SettleError,
    Start, Topic,
};

/// More than two stretches of the log have.
const MANY: u64 = 600;

numbers!(Number, "numbers");

async fn publish(broker: &Broker, count: u64) {
    let numbers = broker.publisher::<Number>().await.unwrap();
    numbers.publish_batch((0..count).map(Number)).await.unwrap();
}

fn group<T: Topic>(broker: &Broker) -> ConsumerBuilder<'_, T> {
    broker.subscriber::<T>().from(Start::Earliest).group("g").ack_deadline(Duration::from_secs(10))
}

/// A batch of all there is, and the member that holds it.
async fn held(count: u64) -> (Broker, Consumer<Number>, Deliveries<Number>) {
    let broker = Broker::new();
    publish(&broker, count).await;
    let mut member = group::<Number>(&broker).await.unwrap();
    let batch = member.recv_batch(1_000).await.unwrap();
    assert_eq!((batch.len() as u64, counts(&member)), (count, (count, 0)));
    (broker, member, batch)
}

/// How many messages are in flight, and how many are settled.
fn counts<T: Topic>(member: &Consumer<T>) -> (u64, u64) {
    let stats = member.stats().unwrap();
    (stats.in_flight, stats.settled)
}

/// The offsets of what comes back, each for the second time. They are settled by that.
fn again<T: Topic>(member: &mut Consumer<T>) -> Vec<u64> {
    let mut offsets = Vec::new();
    while let Some(delivery) = member.try_recv().unwrap() {
        assert_eq!(delivery.attempt(), 2);
        offsets.push(delivery.offset().0);
        delivery.ack();
    }
    offsets
}

/// Every way to read them says the same, and that they are these.
fn assert_reads<T: Topic + std::fmt::Debug>(batch: &Deliveries<T>, offsets: &[u64]) {
    let count = offsets.len();
    assert_eq!((batch.len(), batch.is_empty()), (count, count == 0));
    let mut all = batch.iter();
    for (index, offset) in offsets.iter().enumerate() {
        assert_eq!(all.len(), count - index);
        let (one, same) = (all.next().unwrap(), batch.get(index).unwrap());
        assert_eq!((one.offset().0, same.offset().0), (*offset, *offset));
        assert!(std::ptr::eq(one.get(), same.get()) && std::ptr::eq(&*one, &batch[index]));
        assert_eq!((one.attempt(), same.attempt()), (1, 1));
        assert_eq!((one.key(), one.partition()), (same.key(), same.partition()));
        assert_eq!((one.published_at(), one.headers()), (same.published_at(), same.headers()));
        assert_eq!(format!("{one:?}"), format!("{same:?}"));
    }
    assert!((all.len(), all.next().is_none(), all.next().is_none()) == (0, true, true));
    assert!(batch.get(count).is_none() && batch.get(usize::MAX).is_none());
    let ends = [batch.first(), batch.last()].map(|one| one.map(|one| one.offset().0));
    assert_eq!(ends, [offsets.first().copied(), offsets.last().copied()]);
    for front in [0, 1, 3] {
        let both = from_both_ends(batch.iter(), front).into_iter();
        assert!(both.map(|one| one.offset().0).eq(offsets.iter().copied()));
    }
    assert!(batch.into_iter().map(|one| one.offset().0).eq(offsets.iter().copied()));
    let past = catch_unwind(AssertUnwindSafe(|| _ = &batch[count]));
    let said = *past.unwrap_err().downcast::<String>().unwrap();
    assert_eq!(said, format!("delivery {count} of a batch of {count}"));
}

#[tokio::test(start_paused = true)]
async fn a_batch_over_several_stretches_of_the_log_is_read_in_every_way_alike() {
    let (_broker, member, batch) = held(MANY).await;
    assert_reads(&batch, &(0..MANY).collect::<Vec<_>>());
    assert!(batch.iter().map(|number| number.0).eq(0..MANY));
    let said = format!("{:?}", batch.get(300).unwrap());
    let mut all = batch.into_iter();
    for at in 0..MANY {
        assert_eq!(all.len() as u64, MANY - at);
        let number = all.next().unwrap();
        assert_eq!((number.offset().0, number.attempt(), number.0), (at, 1, at));
        if at == 300 {
            assert_eq!(format!("{number:?}"), said);
        }
        number.ack();
    }
    assert_eq!((all.len(), all.next().is_none()), (0, true));
    assert_eq!(counts(&member), (0, MANY));
}

#[tokio::test(start_paused = true)]
async fn a_batch_is_taken_from_both_ends() {
    for front in [0, 1, 3] {
        let (_broker, member, batch) = held(MANY).await;
        let taken = from_both_ends(batch.into_iter(), front);
        assert!(
            taken
                .iter()
                .map(|number| (number.offset().0, number.0))
                .eq((0..MANY).map(|at| (at, at)))
        );
        assert_eq!(counts(&member), (MANY, 0));
        taken.into_iter().for_each(memq::Delivery::ack);
        assert_eq!(counts(&member), (0, MANY));
    }
}

#[tokio::test(start_paused = true)]
async fn what_is_left_between_both_ends_comes_back() {
    let (_broker, mut member, batch) = held(MANY).await;
    let mut all = batch.into_iter();
    all.by_ref().take(10).for_each(memq::Delivery::ack);
    all.by_ref().rev().take(400).for_each(memq::Delivery::ack);
    drop(all);
    assert_eq!(again(&mut member), (10..MANY - 400).collect::<Vec<_>>());
    assert_eq!(counts(&member), (0, MANY));
}

#[tokio::test(start_paused = true)]
async fn a_batch_around_one_that_cannot_be_decoded_is_read_in_every_way_alike() {
    let broker = Broker::new();
    let orders = broker.publisher::<Order>().await.unwrap();
    let raw = broker.topic("orders").publisher().await.unwrap();
    for customer in 0..MANY {
        if customer == 300 {
            raw.publish(Record::new("no order")).await.unwrap();
        } else {
            let order = Order::new(customer, "tea");
            orders.publish(order).header("at", customer.to_string()).await.unwrap();
        }
    }
    let mut member = group::<Order>(&broker).await.unwrap();
    let batch = member.recv_batch(1_000).await.unwrap();
    let offsets = (0..MANY).filter(|offset| *offset != 300).collect::<Vec<_>>();
    assert_reads(&batch, &offsets);
    for order in &batch {
        assert_eq!(order.offset().0, order.customer);
        let customer = order.customer.to_string();
        assert_eq!(order.key(), Some(customer.as_str().into()));
        assert_eq!(order.headers().get("at"), Some(customer.as_str()));
    }
    assert_eq!(member.stats().unwrap().dead_lettered, 1);
    // Those around it, taken out.
    let mut all = batch.into_iter();
    let taken: Vec<_> = all.by_ref().take(305).collect();
    assert!(taken.iter().all(|order| order.offset().0 == order.customer));
    taken.into_iter().for_each(memq::Delivery::ack);
    drop(all);
    assert_eq!(again(&mut member), offsets[305..]);
}

#[tokio::test(start_paused = true)]
async fn what_is_left_of_a_batch_comes_back_when_it_is_dropped() {
    for taken in [0, 1, 255, 256, 257, 599, 600] {
        let (_broker, mut member, batch) = held(MANY).await;
        let mut all = batch.into_iter();
        let some: Vec<_> = all.by_ref().take(taken).collect();
        assert_eq!((all.len(), counts(&member).0), (600 - taken, MANY));
        drop(all);
        assert_eq!(counts(&member), (taken as u64, 0));
        assert_eq!(again(&mut member), (taken as u64..MANY).collect::<Vec<_>>());
        drop(some);
        assert_eq!(again(&mut member), (0..taken as u64).collect::<Vec<_>>());
    }
    // To go through it where it is takes nothing out.
    let (_broker, mut member, batch) = held(MANY).await;
    assert_eq!(batch.iter().take(300).count(), 300);
    drop(batch);
    assert_eq!(again(&mut member), (0..MANY).collect::<Vec<_>>());
}

#[tokio::test(start_paused = true)]
async fn a_batch_comes_back_from_a_handler_that_panics() {
    for taken in [None, Some(0), Some(100), Some(300)] {
        let (broker, member, batch) = {
            let broker = Broker::new();
            let orders = broker.publisher::<Order>().await.unwrap();
            let all = (0..MANY).map(|customer| Order::new(customer, "tea"));
            orders.publish_batch(all).await.unwrap();
            let mut member = group::<Order>(&broker).max_attempts(1).await.unwrap();
            let batch = member.recv_batch(1_000).await.unwrap();
            (broker, member, batch)
        };
        let mut dead = broker.topic("orders.g.dead").subscriber().await.unwrap();
        let panicked = catch_unwind(AssertUnwindSafe(|| {
            let Some(taken) = taken else {
                assert!(batch[7].customer != 7, "not this one");
                return;
            };
            let mut all = batch.into_iter();
            all.by_ref().take(taken).for_each(memq::Delivery::ack);
            panic!("not the others");
        }));
        assert!(panicked.is_err());
        let left = MANY - taken.unwrap_or(0) as u64;
        let stats = member.stats().unwrap();
        let ended = (stats.in_flight, stats.lag, stats.settled, stats.dead_lettered);
        assert_eq!(ended, (0, 0, MANY - left, left));
        let letters = dead.recv_batch(1_000).await.unwrap();
        assert_eq!(letters.len() as u64, left);
        for letter in &letters {
            let why = DeadLetter::of(letter.headers()).unwrap().reason;
            assert_eq!(why, "its handler panicked (attempt 1)");
        }
    }
}

/// The first of it was claimed ahead, with others, by a member that waited; the rest was claimed for it.
#[tokio::test(start_paused = true)]
async fn a_batch_is_acknowledged_whose_first_was_claimed_ahead() {
    for (max, acks) in [(1, true), (500, true), (1, false), (500, false)] {
        let broker = Broker::new();
        let mut member = group::<Number>(&broker).await.unwrap();
        let (bell, mut received) = (Bell::new(), Box::pin(member.recv_batch(max)));
        assert!(settle_with(&bell, &mut received).is_pending());
        publish(&broker, MANY).await;
        let Poll::Ready(Ok(batch)) = settle_with(&bell, &mut received) else {
            panic!("nothing is there")
        };
        drop(received);
        let max = max as u64;
        assert_reads(&batch, &(0..max).collect::<Vec<_>>());
        // Of what was claimed ahead, if any.
        let next = member.recv().await.unwrap();
        assert_eq!(next.offset().0, max);
        if acks {
            batch.ack();
            assert_eq!(counts(&member), (1, max));
        } else {
            drop(batch);
            assert_eq!(counts(&member), (1, 0));
            let back = member.recv_batch(max as usize).await.unwrap();
            assert!(back.iter().all(|number| number.attempt() == 2));
            assert!(back.iter().map(|number| number.0).eq(0..max));
            back.ack();
        }
        next.ack();
        member.recv_batch(1_000).await.unwrap().ack();
        assert_eq!(counts(&member), (0, MANY));
    }
}

#[tokio::test(start_paused = true)]
async fn what_no_longer_counts_of_a_batch_is_not_acknowledged() {
    let (_broker, mut member, batch) = held(MANY).await;
    member.commit(299).await.unwrap();
    let half = Duration::from_secs(6);
    tokio::time::advance(half).await;
    batch.iter().skip(500).for_each(|number| number.extend().unwrap());
    tokio::time::advance(half).await;
    let late = member.recv_batch(1_000).await.unwrap();
    assert!(
        late.iter().map(|number| (number.0, number.attempt())).eq((300..500).map(|at| (at, 2)))
    );
    batch.ack();
    assert_eq!(counts(&member), (200, 300 + 100));
    late.ack();
    assert_eq!(counts(&member), (0, MANY));
}

#[tokio::test(start_paused = true)]
async fn a_delivery_is_extended_where_it_is() {
    let (_broker, mut member, batch) = held(MANY).await;
    let half = Duration::from_secs(6);
    tokio::time::advance(half).await;
    batch.get(0).unwrap().extend().unwrap();
    batch.iter().nth(299).unwrap().extend_by(half * 3).unwrap();
    // It comes sooner than it would.
    batch.get(1).unwrap().extend_by(Duration::from_secs(1)).unwrap();
    tokio::time::advance(Duration::from_secs(2)).await;
    let first = member.recv().await.unwrap();
    assert_eq!((first.offset().0, first.attempt()), (1, 2));
    first.ack();
    let refused = batch.get(1).unwrap().extend();
    assert!(matches!(refused, Err(SettleError::AlreadySettled)), "{refused:?}");
    tokio::time::advance(half).await;
    let back = (2..MANY).filter(|offset| *offset != 299).collect::<Vec<_>>();
    assert_eq!(again(&mut member), back);
    let refused = batch.get(2).unwrap().extend_by(half);
    assert!(refused.is_err());
    batch.ack();
    assert_eq!(counts(&member), (0, MANY));
}

#[tokio::test(start_paused = true)]
async fn a_batch_that_was_settled_by_being_handed_out_needs_nothing() {
    type End = fn(Deliveries<Number>);
    let ends: [End; 5] = [
        drop,
        Deliveries::ack,
        Deliveries::nack,
        |batch| batch.reject("no"),
        |batch| batch.into_iter().take(300).for_each(memq::Delivery::nack),
    ];
    for end in ends {
        let broker = Broker::new();
        publish(&broker, MANY).await;
        let member = broker.subscriber::<Number>().group("g").auto_ack();
        let mut member = member.await.unwrap();
        let batch = member.recv_batch(1_000).await.unwrap();
        assert_reads(&batch, &(0..MANY).collect::<Vec<_>>());
        assert_eq!(counts(&member), (0, MANY));
        for index in [0, 300] {
            let refused = batch.get(index).unwrap().extend();
            assert!(matches!(refused, Err(SettleError::AlreadySettled)), "{refused:?}");
        }
        end(batch);
        assert_eq!((counts(&member), member.try_recv().unwrap().is_none()), ((0, MANY), true));
        assert_eq!(member.stats().unwrap().redelivered, 0);
    }
}

#[tokio::test(start_paused = true)]
async fn a_batch_outlives_its_group_and_its_topic() {
    let (broker, mut member, batch) = held(MANY).await;
    broker.delete("numbers").await.unwrap();
    assert!(matches!(member.try_recv(), Err(RecvError::Deleted)));
    assert_reads(&batch, &(0..MANY).collect::<Vec<_>>());
    let refused = batch.get(300).unwrap().extend();
    assert!(matches!(refused, Err(SettleError::Deleted)), "{refused:?}");
    drop((member, broker));
    assert_eq!(batch.iter().map(|number| number.0).sum::<u64>(), MANY * (MANY - 1) / 2);
    batch.ack();
}

#[tokio::test(start_paused = true)]
async fn a_batch_is_extended_as_a_whole() {
    let (_broker, mut member, batch) = held(MANY).await;
    member.commit(1).await.unwrap();
    let most = Duration::from_secs(9);
    for _ in 0..3 {
        tokio::time::advance(most).await;
        let refused = batch.extend();
        assert!(matches!(refused, Err(SettleError::AlreadySettled)), "two are committed");
    }
    assert!(batch.extend_by(2 * most).is_err());
    tokio::time::advance(most + Duration::from_secs(5)).await;
    assert!(member.try_recv().unwrap().is_none(), "the others are kept");
    batch.ack();
    assert_eq!(counts(&member), (0, MANY));
}

#[tokio::test(start_paused = true)]
async fn a_batch_says_whether_its_acknowledgement_counted() {
    let (_broker, member, batch) = held(MANY).await;
    common::spawn(batch.ack_confirmed()).await.unwrap().unwrap();
    assert_eq!(counts(&member), (0, MANY));

    let (_broker, member, batch) = held(MANY).await;
    member.commit(1).await.unwrap();
    let refused = batch.ack_confirmed().await;
    assert!(matches!(refused, Err(SettleError::AlreadySettled)), "two are committed");
    assert_eq!(counts(&member), (0, MANY), "the others are acknowledged");

    let (_broker, mut member, batch) = held(MANY).await;
    member.seek(Start::Committed).await.unwrap();
    let again = member.recv_batch(2).await.unwrap();
    let refused = batch.ack_confirmed().await;
    assert!(matches!(refused, Err(SettleError::HandedOutAgain)), "that of the first");
    again.ack_confirmed().await.unwrap();
    assert_eq!(counts(&member), (0, 2));
}
