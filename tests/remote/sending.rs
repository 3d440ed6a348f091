//! Sending to topics elsewhere: a receipt for each message that was admitted.

use std::future::IntoFuture as _;
use std::time::Duration;

use memq::{Offset, Overflow, PublishError, Subscriber};

use crate::common::{Bell, Order, poll_once, poll_with, settle};
use crate::loopback::Server;

fn order(number: u64) -> Order {
    Order::new(number, "tea")
}

/// What the server has next, if anything.
fn next(kept: &mut Subscriber<memq::Record>) -> Option<u64> {
    let record = kept.try_recv().unwrap()?;
    Some(record.decode::<Order>().unwrap().customer)
}

#[tokio::test]
async fn what_is_sent_keeps_its_order_and_receipts_tell_in_any_order() {
    let server = Server::start();
    let broker = server.connect(3).broker();
    let orders = broker.publisher::<Order>().await.unwrap();
    let mut receipts = Vec::new();
    for number in 0..100 {
        receipts.push(orders.send(order(number)).await.unwrap());
    }
    for (number, receipt) in receipts.into_iter().enumerate().rev() {
        assert_eq!(receipt.await.unwrap(), Offset(number as u64));
    }
    let mut kept = server.inside().topic("orders").subscriber().await.unwrap();
    assert!((0..100).all(|number| next(&mut kept) == Some(number)));
}

#[tokio::test]
async fn sending_waits_for_a_place_in_the_window_alone() {
    let server = Server::start();
    let broker = server.connect(2).broker();
    let orders = broker.publisher::<Order>().await.unwrap();
    // No task runs between, so nothing is stored yet.
    let first = poll_once(orders.send(order(0)).into_future()).unwrap().unwrap();
    let second = poll_once(orders.send(order(1)).key("7").into_future()).unwrap().unwrap();
    let bell = Bell::new();
    let mut third = orders.send(order(2)).into_future();
    assert!(poll_with(&bell, &mut third).is_pending());
    settle().await;
    assert!(bell.rings() > 0);
    let third = third.await.unwrap();
    assert_eq!(first.await.unwrap(), Offset(0));
    // Dropped, a receipt takes nothing back.
    drop((second, third));
    orders.flush().await;
    assert_eq!(server.inside().stats("orders").await.unwrap().published, 3);
}

#[tokio::test]
async fn a_send_that_waits_and_is_dropped_was_not_admitted() {
    let server = Server::start();
    let broker = server.connect(1).broker();
    let orders = broker.publisher::<Order>().await.unwrap();
    let first = poll_once(orders.send(order(0)).into_future()).unwrap().unwrap();
    assert!(poll_once(orders.send(order(1)).into_future()).is_none());
    first.await.unwrap();
    orders.send(order(2)).await.unwrap().await.unwrap();
    let mut kept = server.inside().topic("orders").subscriber().await.unwrap();
    assert_eq!((next(&mut kept), next(&mut kept), next(&mut kept)), (Some(0), Some(2), None));
}

#[tokio::test]
async fn receipts_give_back_what_was_refused_and_others_go_on() {
    let server = Server::start();
    let connection = server.connect(8);
    let broker = connection.broker();
    broker.topic("orders").max(2).overflow(Overflow::Reject).await.unwrap();
    let orders = broker.publisher::<Order>().await.unwrap();
    connection.lose(1);
    let unknown = orders.send(order(0)).await.unwrap();
    let stored = orders.send(order(1)).await.unwrap();
    let full = orders.send(order(2)).await.unwrap();
    orders.flush().await;
    assert!(matches!(unknown.await, Err(PublishError::Unknown { message, .. })
        if message.customer == 0));
    assert_eq!(stored.await.unwrap(), Offset(1));
    assert!(matches!(full.await, Err(PublishError::Full(message)) if message.customer == 2));

    // What is known at once is said at once.
    let refused = orders.send(order(3)).partition(1).await.unwrap_err();
    assert!(matches!(refused, PublishError::Partition { message, .. } if message.customer == 3));
    drop(broker);
    let refused = orders.send(order(4)).await.unwrap_err();
    assert!(matches!(refused, PublishError::Closed(message) if message.customer == 4));
    orders.flush().await;
}

#[tokio::test(start_paused = true)]
async fn a_deadline_holds_for_a_place_in_the_window_too() {
    let server = Server::start();
    let broker = server.connect(1).broker();
    broker.topic("orders").max(1).overflow(Overflow::Wait).await.unwrap();
    let orders = broker.publisher::<Order>().await.unwrap();
    orders.send(order(0)).await.unwrap().await.unwrap();
    // This one has the only place, and waits for room for ever.
    let waiting = orders.send(order(1)).await.unwrap();
    let late = orders.send(order(2)).within(Duration::from_secs(1)).await.unwrap_err();
    assert!(matches!(late, PublishError::Timeout(message) if message.customer == 2));
    let mut kept = server.inside().topic("orders").subscriber().await.unwrap();
    assert_eq!(next(&mut kept), Some(0));
    assert_eq!(waiting.await.unwrap(), Offset(1));
}
