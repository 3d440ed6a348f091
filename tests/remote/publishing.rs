//! Publishing to topics elsewhere: admitted, then stored.

use std::time::Duration;

use memq::{
    BatchError, Broker, Format, Offset, Overflow, Partition, PublishError, Publisher, Record,
};

use crate::common::{Order, poll_once, settle};
use crate::loopback::{Loopback, Server};

async fn orders(window: usize) -> (Server, Loopback, Broker, Publisher<Order>) {
    let server = Server::start();
    let connection = server.connect(window);
    let broker = connection.broker();
    let orders = broker.publisher::<Order>().await.unwrap();
    (server, connection, broker, orders)
}

fn order(number: u64) -> Order {
    Order::new(number, "tea")
}

/// The customers of the orders that the server has, in their order.
async fn stored(server: &Server) -> Vec<u64> {
    let mut kept = server.inside().topic("orders").subscriber().await.unwrap();
    let mut customers = Vec::new();
    while let Some(record) = kept.try_recv().unwrap() {
        assert_eq!(record.offset().0, customers.len() as u64);
        customers.push(record.decode::<Order>().unwrap().customer);
    }
    customers
}

#[tokio::test]
async fn published_means_stored_at_that_offset_with_what_was_said_of_it() {
    let (server, _, _broker, orders) = orders(8).await;
    assert_eq!(orders.topic().as_str(), "orders");
    assert_eq!(orders.publish(order(7)).await.unwrap(), Offset(0));
    let said = orders.publish(order(8)).key("other").header("trace", "4bf92f");
    assert_eq!(said.await.unwrap(), Offset(1));

    let mut kept = server.inside().topic("orders").subscriber().await.unwrap();
    let first = kept.recv().await.unwrap();
    assert_eq!((first.format(), first.key()), (Format::Json, Some("7".into())));
    assert_eq!(first.bytes(), &br#"{"customer":7,"item":"tea"}"#[..]);
    let second = kept.recv().await.unwrap();
    assert_eq!(second.key(), Some("other".into()));
    assert_eq!(second.headers().get("trace"), Some("4bf92f"));
}

#[tokio::test]
async fn keys_and_partitions_are_as_in_memory() {
    let server = Server::start();
    let broker = server.connect(8).broker();
    broker.topic("orders").partitions(8).await.unwrap();
    let orders = broker.publisher::<Order>().await.unwrap();
    orders.publish(order(7)).await.unwrap();
    orders.publish(order(7)).partition(5).await.unwrap();
    orders.publish_batch([order(7)]).partition(6).await.unwrap();
    let refused = orders.publish(order(9)).partition(8).await.unwrap_err();
    assert!(matches!(refused, PublishError::Partition { message, partitions: 8, .. }
        if message.customer == 9));
    let refused = orders.publish_batch([order(9)]).partition(8).await.unwrap_err();
    assert!(matches!(*refused.reason, PublishError::Partition { .. }) && refused.rest.len() == 1);

    let mut kept = server.inside().topic("orders").subscriber().await.unwrap();
    let own = memq::Key::from(7_u64).partition(8);
    for partition in [own, Partition(5), Partition(6)] {
        assert_eq!(kept.recv().await.unwrap().partition(), partition);
    }
}

#[tokio::test]
async fn a_batch_fills_the_window_and_keeps_its_order() {
    for window in [1, 3, 1_000] {
        let (server, _, _broker, orders) = orders(window).await;
        let offsets = orders.publish_batch((0..1_000).map(order)).await.unwrap();
        assert!(offsets.iter().map(|offset| offset.0).eq(0..1_000));
        assert!(stored(&server).await.into_iter().eq(0..1_000));
    }
    let (_, _, _broker, orders) = orders(3).await;
    assert!(orders.publish_batch([]).await.unwrap().is_empty());
}

#[tokio::test]
async fn publishers_at_once_lose_nothing_and_each_keeps_its_order() {
    let (server, _, _broker, orders) = orders(4).await;
    let mut tasks = Vec::new();
    for publisher in 0..4 {
        let orders = orders.clone();
        tasks.push(tokio::spawn(async move {
            for number in 0..100 {
                orders.publish(order(publisher * 1_000 + number)).await.unwrap();
            }
        }));
    }
    for task in tasks {
        task.await.unwrap();
    }
    let stored = stored(&server).await;
    assert_eq!(stored.len(), 400);
    for publisher in 0..4 {
        let own = stored.iter().filter(|customer| **customer / 1_000 == publisher);
        assert!(own.map(|customer| customer % 1_000).eq(0..100));
    }
}

#[tokio::test]
async fn what_cannot_be_done_without_waiting_is_refused_and_gives_the_value_back() {
    let (_, _, _broker, orders) = orders(8).await;
    let refused = orders.try_publish(order(7)).unwrap_err();
    assert!(matches!(&refused, PublishError::Unsupported { message, .. } if message.customer == 7));
    assert!(refused.to_string().contains("await `publish`"), "{refused}");
    let refused = orders.publish(order(8)).now().unwrap_err();
    assert_eq!(refused.into_message().customer, 8);
    let refused = orders.reserve().await.unwrap_err();
    assert!(matches!(refused, PublishError::Unsupported { what: "`reserve`", .. }));
}

#[tokio::test]
async fn a_full_topic_refuses_and_a_batch_says_what_is_left() {
    let server = Server::start();
    let broker = server.connect(8).broker();
    broker.topic("orders").max(10).overflow(Overflow::Reject).await.unwrap();
    let orders = broker.publisher::<Order>().await.unwrap();
    let refused = orders.publish_batch((0..100).map(order)).await.unwrap_err();
    let BatchError { published, reason, rest, .. } = refused;
    assert!(published.iter().map(|offset| offset.0).eq(0..10));
    assert!(matches!(*reason, PublishError::Full(())));
    assert!(rest.iter().map(|order| order.customer).eq(10..100));
    let refused = orders.publish(order(7)).await.unwrap_err();
    assert!(matches!(refused, PublishError::Full(order) if order.customer == 7));
    assert!(stored(&server).await.into_iter().eq(0..10));
}

#[tokio::test(start_paused = true)]
async fn a_deadline_holds_for_a_full_topic_and_for_a_full_window() {
    let server = Server::start();
    let broker = server.connect(1).broker();
    broker.topic("orders").max(1).overflow(Overflow::Wait).await.unwrap();
    let orders = broker.publisher::<Order>().await.unwrap();
    orders.publish(order(0)).await.unwrap();
    let late = orders.publish(order(1)).within(Duration::from_secs(1)).await.unwrap_err();
    assert!(matches!(late, PublishError::Timeout(order) if order.customer == 1));

    // This one has the only place of the window, and waits for room for ever.
    let waiting = tokio::spawn({
        let orders = orders.clone();
        async move { orders.publish(order(2)).await }
    });
    settle().await;
    let late = orders.publish(order(3)).within(Duration::from_secs(1)).await.unwrap_err();
    assert!(matches!(late, PublishError::Timeout(order) if order.customer == 3));
    // It was not admitted, so it never comes; the other one does.
    let mut reader = server.inside().topic("orders").subscriber().await.unwrap();
    assert_eq!(reader.recv().await.unwrap().decode::<Order>().unwrap().customer, 0);
    waiting.await.unwrap().unwrap();
    assert_eq!(reader.recv().await.unwrap().decode::<Order>().unwrap().customer, 2);
    assert!(reader.try_recv().unwrap().is_none());
}

#[tokio::test]
async fn a_dropped_publish_is_whole_or_not_at_all_and_affects_no_other() {
    let (server, _, _broker, orders) = orders(1).await;
    // It is admitted by its first poll, and goes on.
    assert!(poll_once(std::future::IntoFuture::into_future(orders.publish(order(0)))).is_none());
    // There is no place for this one, which is not admitted.
    assert!(poll_once(std::future::IntoFuture::into_future(orders.publish(order(1)))).is_none());
    // Of this batch neither.
    assert!(poll_once(orders.publish_batch([order(2), order(3)])).is_none());
    orders.publish(order(4)).await.unwrap();
    assert_eq!(stored(&server).await, [0, 4]);
}

#[tokio::test]
async fn a_repeated_id_returns_the_first_offset() {
    let server = Server::start();
    let broker = server.connect(8).broker();
    let orders = broker.publisher::<Order>().await.unwrap();
    let refused = orders.publish(order(1)).id("invoice-17").await.unwrap_err();
    assert!(matches!(refused, PublishError::NoDedup(order) if order.customer == 1));
    broker.delete("orders").await.unwrap();

    broker.topic("orders").dedup(Duration::from_secs(60)).await.unwrap();
    let orders = broker.publisher::<Order>().await.unwrap();
    let first = orders.publish(order(1)).id("invoice-17").await.unwrap();
    orders.publish(order(2)).await.unwrap();
    assert_eq!(orders.publish(order(1)).id("invoice-17").await.unwrap(), first);
    assert_eq!(stored(&server).await, [1, 2]);
}

#[tokio::test]
async fn an_answer_that_is_lost_leaves_the_outcome_unknown() {
    let (server, connection, _broker, orders) = orders(8).await;
    connection.lose(1);
    let unknown = orders.publish(order(7)).await.unwrap_err();
    assert!(matches!(&unknown, PublishError::Unknown { message, .. } if message.customer == 7));
    assert!(std::error::Error::source(&unknown).is_some());

    connection.lose(1);
    let error = orders.publish_batch([order(8), order(9)]).await.unwrap_err();
    assert!(matches!(*error.reason, PublishError::Unknown { .. }));
    // The others of the batch are known.
    assert_eq!(error.published, [Offset(2)]);
    assert_eq!(error.rest, [order(8)]);
    assert_eq!(stored(&server).await, [7, 8, 9]);
}

#[tokio::test]
async fn publishers_of_a_topic_that_ended_are_told_and_create_no_other() {
    let (_, _, broker, orders) = orders(8).await;
    orders.publish(order(0)).await.unwrap();
    broker.close("orders").await.unwrap();
    let refused = orders.publish(order(1)).await.unwrap_err();
    assert!(matches!(refused, PublishError::Closed(order) if order.customer == 1));

    broker.delete("orders").await.unwrap();
    let refused = orders.publish_batch([order(2), order(3)]).await.unwrap_err();
    assert!(matches!(*refused.reason, PublishError::Deleted(())));
    assert_eq!(refused.rest, [order(2), order(3)]);
    assert!(broker.topics().await.unwrap().is_empty());

    // Nor do they publish to one that somebody else creates.
    let again = broker.publisher::<Order>().await.unwrap();
    assert_eq!(again.publish(order(4)).await.unwrap(), Offset(0));
    assert!(matches!(orders.publish(order(5)).await, Err(PublishError::Deleted(_))));
}

#[tokio::test]
async fn bytes_and_frames_are_published_by_name() {
    let server = Server::start();
    let broker = server.connect(8).broker();
    let audit = broker.topic("audit.2026").format(Format::Json).publisher().await.unwrap();
    audit.publish_bytes(&br#"{"who":"eve"}"#[..]).await.unwrap();
    let framed = Record::new("hello").with_format(Format::Raw).frame().unwrap();
    audit.publish_bytes(framed).await.unwrap();
    audit.publish(Record::new("x").with_format(Format::Custom).with_key("7")).await.unwrap();
    let broken = audit.publish_bytes("TMQ\x09 is no frame").await.unwrap_err();
    assert!(matches!(broken, PublishError::Encode { .. }));

    let mut kept = server.inside().topic("audit.2026").subscriber().await.unwrap();
    let first = kept.recv().await.unwrap();
    assert_eq!((first.format(), first.bytes().as_ref()), (Format::Json, &br#"{"who":"eve"}"#[..]));
    let second = kept.recv().await.unwrap();
    assert_eq!(second.bytes(), "hello");
    let third = kept.recv().await.unwrap();
    assert_eq!((third.format(), third.key()), (Format::Custom, Some("7".into())));
}

#[tokio::test]
async fn a_message_that_is_too_large_is_told_and_stops_nobody() {
    let server = Server::start();
    let broker = server.connect(8).broker();
    broker.topic("orders").max_bytes(1_000).await.unwrap();
    let orders = broker.publisher::<Order>().await.unwrap();
    let large = Order::new(7, &"x".repeat(2_000));
    let refused = orders.publish(large).await.unwrap_err();
    assert!(matches!(refused, PublishError::TooLarge { message, max_bytes: 1_000, .. }
        if message.customer == 7));
    orders.publish(order(8)).await.unwrap();
}
