//! Publishing in two stages: what a send admits, and what its receipt tells.

use crate::common;

use std::future::IntoFuture;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use common::{
    Bell, Order, current_thread, on_both_runtimes, paused, poll_with, settle_with, spawn, try_now,
};
use futures_util::future::try_join_all;
use memq::{
    Broker, EncodeError, Headers, Offset, Overflow, Partition, PublishError, Receipt, Record, Topic,
};

const SECOND: Duration = Duration::from_secs(1);

numbers!(Number, "numbers");
numbers!(Small, "small", max_messages(1), overflow(Overflow::Wait));

#[derive(Debug, PartialEq, Topic)]
#[topic(name = "payments", dedup = "2m", partitions = 4)]
struct Payment(u64);

#[tokio::test]
async fn what_is_admitted_is_stored_before_anybody_looks_at_the_receipt() {
    let broker = Broker::new();
    let orders = broker.publisher::<Order>().await.unwrap();
    let mut incoming = broker.subscriber::<Order>().await.unwrap();
    let tea = orders.send(Order::new(7, "tea")).await.unwrap();
    let milk = orders.send(Order::new(7, "milk")).await.unwrap();
    assert_eq!(incoming.try_recv().unwrap().unwrap().item, "tea");
    assert_eq!(incoming.try_recv().unwrap().unwrap().item, "milk");
    // They are told in any order, and at once.
    assert_eq!(try_now(milk).unwrap().unwrap(), Offset(1));
    assert_eq!(try_now(tea).unwrap().unwrap(), Offset(0));
}

#[test]
fn neither_sending_nor_flushing_needs_a_runtime() {
    let broker = Broker::new();
    let numbers = try_now(broker.publisher::<Number>().into_future()).unwrap().unwrap();
    let receipt = try_now(numbers.send(Number(1)).into_future()).unwrap().unwrap();
    try_now(numbers.flush()).unwrap();
    assert_eq!(try_now(receipt).unwrap().unwrap(), Offset(0));
}

#[tokio::test]
async fn a_send_carries_what_a_publish_carries() {
    let broker = Broker::new();
    let log = broker.topic("log").partitions(4).dedup(SECOND);
    let writer = log.publisher().await.unwrap();
    let mut headers = Headers::new();
    headers.insert("trace", "4bf92f").unwrap();
    let send = writer.send(Record::new("x")).key("7").header("kind", "test").headers(&headers);
    let receipt = send.partition(Partition(3)).id("a").within(SECOND).await.unwrap();
    assert_eq!(receipt.await.unwrap(), Offset(0));
    let mut reader = log.subscriber().from(memq::Start::Earliest).await.unwrap();
    let message = reader.recv().await.unwrap();
    assert_eq!(message.key(), Some("7".into()));
    assert_eq!(message.headers().get("kind"), Some("test"));
    assert_eq!(message.headers().get("trace"), Some("4bf92f"));
    assert_eq!(message.partition(), Partition(3));
}

#[test]
fn a_repeated_id_has_the_receipt_of_the_first() {
    paused().block_on(async {
        let broker = Broker::new();
        let payments = broker.publisher::<Payment>().await.unwrap();
        payments.publish(Payment(1)).await.unwrap();
        let first = payments.send(Payment(2)).id("a").await.unwrap();
        let again = payments.send(Payment(3)).id("a").await.unwrap();
        assert_eq!((first.await.unwrap(), again.await.unwrap()), (Offset(1), Offset(1)));
        assert_eq!(payments.publish(Payment(4)).id("a").await.unwrap(), Offset(1));
        assert_eq!(broker.stats("payments").await.unwrap().published, 2);
    });
}

#[tokio::test]
async fn what_is_refused_at_once_is_given_back_by_the_send() {
    let broker = Broker::new();
    let payments = broker.publisher::<Payment>().await.unwrap();
    let refused = payments.send(Payment(1)).id("").await.unwrap_err();
    let PublishError::Encode { message, source: EncodeError::Id { bytes: 0 } } = refused else {
        panic!("{refused}")
    };
    assert_eq!(message, Payment(1));
    let refused = payments.send(Payment(2)).header("no name", "x").await.unwrap_err();
    let PublishError::Encode { message, source: EncodeError::Header(_) } = refused else {
        panic!("{refused}")
    };
    assert_eq!(message, Payment(2));
    let refused = payments.send(Payment(3)).partition(Partition(4)).await.unwrap_err();
    assert!(matches!(
        refused,
        PublishError::Partition { message: Payment(3), partition: Partition(4), partitions: 4 }
    ));

    let full = broker.topic("full").max(1).overflow(Overflow::Reject).publisher().await.unwrap();
    assert!(matches!(full.send(Record::new("x")).id("a").await, Err(PublishError::NoDedup(_))));
    full.send(Record::new("a")).await.unwrap().await.unwrap();
    let refused = full.send(Record::new("b")).await.unwrap_err();
    assert!(matches!(&refused, PublishError::Full(record) if record.bytes() == "b"), "{refused}");
    assert_eq!(broker.stats("full").await.unwrap().rejected, 1);

    broker.close("payments").await.unwrap();
    let refused = payments.send(Payment(5)).await.unwrap_err();
    assert!(matches!(refused, PublishError::Closed(Payment(5))), "{refused}");
    // There is nothing to wait for.
    try_now(payments.flush()).unwrap();
    broker.delete("payments").await.unwrap();
    let refused = payments.send(Payment(6)).await.unwrap_err();
    assert!(matches!(refused, PublishError::Deleted(Payment(6))), "{refused}");
}

#[tokio::test(start_paused = true)]
async fn a_send_waits_for_room_in_turn_and_within_its_deadline() {
    let broker = Broker::new();
    let small = broker.publisher::<Small>().await.unwrap();
    let hasty = broker.publisher::<Small>().within(SECOND).await.unwrap();
    let mut incoming = broker.subscriber::<Small>().await.unwrap();
    small.send(Small(0)).await.unwrap().await.unwrap();
    for (send, value) in [
        (hasty.send(Small(10)), 10),
        (small.send(Small(11)).within(SECOND), 11),
        (hasty.send(Small(12)).within(Duration::ZERO), 12),
    ] {
        let refused = send.await.unwrap_err();
        assert!(matches!(refused, PublishError::Timeout(Small(back)) if back == value));
    }

    let bell = Bell::new();
    let mut first = small.send(Small(1)).into_future();
    let mut second = small.publish(Small(2)).into_future();
    assert!(settle_with(&bell, &mut first).is_pending());
    assert!(settle_with(&bell, &mut second).is_pending());
    assert_eq!(incoming.recv().await.unwrap().0, 0);
    assert_eq!(first.await.unwrap().await.unwrap(), Offset(1));
    assert!(settle_with(&bell, &mut second).is_pending());
    assert_eq!(incoming.recv().await.unwrap().0, 1);
    assert_eq!(second.await.unwrap(), Offset(2));
}

#[tokio::test]
async fn a_send_dropped_while_it_waits_never_was() {
    let broker = Broker::new();
    let small = broker.publisher::<Small>().await.unwrap();
    let mut incoming = broker.subscriber::<Small>().await.unwrap();
    small.send(Small(0)).await.unwrap().await.unwrap();
    let mut waits = small.send(Small(1)).into_future();
    assert!(settle_with(&Bell::new(), &mut waits).is_pending());
    assert_eq!(broker.stats("small").await.unwrap().waiting_publishers, 1);
    drop(waits);
    assert_eq!(broker.stats("small").await.unwrap().waiting_publishers, 0);
    assert_eq!(incoming.recv().await.unwrap().0, 0);
    assert_eq!(small.send(Small(2)).await.unwrap().await.unwrap(), Offset(1));
    assert_eq!(incoming.recv().await.unwrap().0, 2);
}

#[tokio::test]
async fn a_dropped_receipt_takes_nothing_back() {
    let broker = Broker::new();
    let numbers = broker.publisher::<Number>().await.unwrap();
    let mut incoming = broker.subscriber::<Number>().await.unwrap();
    drop(numbers.send(Number(1)).await.unwrap());
    let mut receipt: Receipt<Number> = numbers.send(Number(2)).await.unwrap();
    drop(numbers);
    assert_eq!(*incoming.recv().await.unwrap(), Number(1));
    // It needs neither its publisher nor its topic.
    broker.delete("numbers").await.unwrap();
    assert!(matches!(poll_with(&Bell::new(), &mut receipt), std::task::Poll::Ready(Ok(Offset(1)))));
}

/// Each task sees its own messages in its order, and the receipts name every offset once.
async fn many_send_at_once() {
    const TASKS: u64 = 4;
    const EACH: u64 = 3_000;
    let broker = Broker::new();
    let log = broker.topic("log").max((TASKS * EACH) as usize);
    let writer = log.publisher().await.unwrap();
    let tasks = (0..TASKS).map(|task| {
        let writer = writer.clone();
        spawn(async move {
            let mut receipts = Vec::new();
            for number in 0..EACH {
                let record = Record::new(format!("{task} {number}"));
                receipts.push(writer.send(record).await.unwrap());
            }
            writer.flush().await;
            try_join_all(receipts).await.unwrap()
        })
    });
    let mut owner = vec![None; (TASKS * EACH) as usize];
    for (task, offsets) in try_join_all(tasks).await.unwrap().into_iter().enumerate() {
        assert!(offsets.is_sorted());
        for (number, offset) in offsets.into_iter().enumerate() {
            let text = format!("{task} {number}");
            assert_eq!(owner[offset.0 as usize].replace(text), None);
        }
    }
    let mut reader = log.subscriber().from(memq::Start::Earliest).await.unwrap();
    for text in owner {
        assert_eq!(reader.recv().await.unwrap().bytes(), text.unwrap().as_str());
    }
}

#[test]
fn receipts_tell_where_each_message_is_and_keep_the_order_of_their_task() {
    on_both_runtimes(many_send_at_once);
}

#[test]
fn who_sends_without_a_pause_lets_others_run() {
    current_thread().block_on(async {
        let broker = Broker::new();
        let numbers = broker.publisher::<Number>().await.unwrap();
        let ran = Arc::new(AtomicBool::new(false));
        let other = ran.clone();
        spawn(async move { other.store(true, Ordering::SeqCst) });
        for number in 0..2_000 {
            numbers.send(Number(number)).await.unwrap().await.unwrap();
        }
        assert!(ran.load(Ordering::SeqCst));
    });
}
