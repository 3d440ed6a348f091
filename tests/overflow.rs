//! What a full topic does: drop the oldest, reject, or wait.
//!
//! Rejecting and waiting make room only from messages that every subscriber of the moment has
//! passed; with no subscriber, from none. What goes that way counts as `consumed`.

use crate::common;

use std::future::IntoFuture;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use common::{Bell, Order, poll_with, settle, settle_with, try_now};
use memq::{
    BatchError, Broker, LagReason, Offset, OpenError, Overflow, PublishError, Publisher, Record,
    RecvError, Start, TopicBuilder,
};

fn topic(broker: &Broker, overflow: Overflow, max: usize) -> TopicBuilder<'_, Record> {
    broker.topic("log").overflow(overflow).max(max)
}

async fn fill(writer: &Publisher<Record>, count: u64) {
    for n in 0..count {
        writer.publish_bytes(n.to_string()).await.unwrap();
    }
}

async fn numbers(broker: &Broker) -> (u64, u64, u64, u64) {
    let stats = broker.stats("log").await.unwrap();
    (stats.depth, stats.dropped.total(), stats.consumed, stats.rejected)
}

#[tokio::test]
async fn dropping_the_oldest_never_refuses_and_counts_by_cause() {
    let broker = Broker::new();
    let writer = broker.topic("log").max(3).max_bytes(1_000).publisher().await.unwrap();
    fill(&writer, 10).await;
    writer.publish_bytes(vec![0; 900]).await.unwrap();
    let stats = broker.stats("log").await.unwrap();
    assert_eq!((stats.dropped.max_messages, stats.dropped.max_bytes), (8, 2));
    assert_eq!((stats.depth, stats.consumed, stats.rejected), (1, 0, 0));
    drop(writer.reserve().await.unwrap());
}

#[tokio::test]
async fn a_full_topic_without_a_subscriber_keeps_everything() {
    for overflow in [Overflow::Reject, Overflow::Wait] {
        let broker = Broker::new();
        let writer = topic(&broker, overflow, 3).publisher().await.unwrap();
        fill(&writer, 3).await;
        let full = writer.try_publish(Record::new("x")).unwrap_err();
        assert!(matches!(full, PublishError::Full(_)));
        assert!(
            full.to_string().ends_with("let `publish` wait, as it does with `overflow = Wait`")
        );
        assert_eq!(numbers(&broker).await, (3, 0, 0, 1));
        // A subscriber that comes and goes without reading changes nothing.
        drop(topic(&broker, overflow, 3).subscriber().await.unwrap());
        assert!(matches!(writer.try_publish(Record::new("x")), Err(PublishError::Full(_))));
        assert_eq!(numbers(&broker).await, (3, 0, 0, 2));
    }
}

#[tokio::test]
async fn room_is_made_from_what_every_subscriber_has_passed() {
    for overflow in [Overflow::Reject, Overflow::Wait] {
        let broker = Broker::new();
        let topic = topic(&broker, overflow, 3);
        let writer = topic.publisher().await.unwrap();
        let mut quick = topic.subscriber().await.unwrap();
        let mut slow = topic.subscriber().await.unwrap();
        fill(&writer, 3).await;
        assert_eq!(quick.recv_batch(3).await.unwrap().len(), 3);
        assert!(matches!(writer.try_publish(Record::new("x")), Err(PublishError::Full(_))));
        slow.recv().await.unwrap();
        // What was passed stays until its room is needed: a replay still finds it.
        assert_eq!(numbers(&broker).await, (3, 0, 0, 1));
        writer.try_publish(Record::new("3")).unwrap();
        assert_eq!(numbers(&broker).await, (3, 0, 1, 1));
        assert!(matches!(writer.try_publish(Record::new("x")), Err(PublishError::Full(_))));
        // The slow one leaves, and with it what only it had not read.
        drop(slow);
        writer.try_publish(Record::new("4")).unwrap();
        writer.try_publish(Record::new("5")).unwrap();
        assert!(matches!(writer.try_publish(Record::new("x")), Err(PublishError::Full(_))));
        let rest = quick.recv_batch(9).await.unwrap();
        let rest: Vec<_> = rest.iter().map(|record| record.offset().0).collect();
        assert_eq!(rest, [3, 4, 5]);
    }
}

#[tokio::test]
async fn a_slow_subscriber_that_leaves_wakes_whoever_waited_for_it() {
    let broker = Broker::new();
    let topic = topic(&broker, Overflow::Wait, 2);
    let writer = topic.publisher().await.unwrap();
    let mut quick = topic.subscriber().await.unwrap();
    let slow = topic.subscriber().await.unwrap();
    fill(&writer, 2).await;
    quick.recv_batch(2).await.unwrap();
    let (single, permit) = (Bell::new(), Bell::new());
    let mut publishing = writer.publish_bytes("2").into_future();
    let mut reserving = Box::pin(writer.reserve());
    assert!(settle_with(&single, &mut publishing).is_pending());
    assert!(settle_with(&permit, &mut reserving).is_pending());
    let rings = (single.rings(), permit.rings());
    drop(slow);
    // One after the other, as they came.
    assert_eq!((single.rings(), permit.rings()), (rings.0 + 1, rings.1));
    assert!(poll_with(&single, &mut publishing).is_ready());
    assert_eq!(permit.rings(), rings.1 + 1);
    assert!(poll_with(&permit, &mut reserving).is_ready());
}

#[tokio::test]
async fn a_filter_passes_what_it_leaves_out() {
    let broker = Broker::new();
    let topic = topic(&broker, Overflow::Reject, 2);
    let writer = topic.publisher().await.unwrap();
    let mut none = topic.subscriber().filter(|_| false).await.unwrap();
    fill(&writer, 2).await;
    assert!(none.try_recv().unwrap().is_none());
    fill(&writer, 2).await;
    let stats = none.stats();
    assert_eq!((stats.filtered, stats.delivered, stats.lag), (2, 0, 2));
}

#[tokio::test]
async fn seeking_forward_makes_room_and_backward_is_told_of_the_loss() {
    let broker = Broker::new();
    let topic = topic(&broker, Overflow::Wait, 2);
    let writer = topic.publisher().await.unwrap();
    let mut reader = topic.subscriber().await.unwrap();
    fill(&writer, 2).await;
    let bell = Bell::new();
    let mut waits = writer.publish_bytes("2").into_future();
    assert!(settle_with(&bell, &mut waits).is_pending());
    let rings = bell.rings();
    assert_eq!(broker.stats("log").await.unwrap().waiting_publishers, 1);
    assert_eq!(reader.seek(Start::Latest).await.unwrap(), Offset(2));
    assert_eq!(bell.rings(), rings + 1);
    assert!(poll_with(&bell, &mut waits).is_ready());
    assert_eq!(numbers(&broker).await.2, 1);
    reader.seek(Offset(0)).await.unwrap();
    match reader.recv().await {
        Err(RecvError::Lagged { skipped: 1, reason: LagReason::Consumed }) => {}
        other => panic!("{other:?}"),
    }
}

#[tokio::test(start_paused = true)]
async fn a_deadline_gives_the_message_back() {
    let broker = Broker::new();
    let topic = topic(&broker, Overflow::Wait, 1);
    let patient = topic.publisher().await.unwrap();
    let hasty = topic.publisher().within(Duration::from_secs(1)).await.unwrap();
    fill(&patient, 1).await;
    let text = |error: PublishError<Record>| match error {
        PublishError::Timeout(record) => record.bytes().clone(),
        other => panic!("{other}"),
    };
    assert_eq!(text(hasty.publish_bytes("a").await.unwrap_err()), "a");
    let within = patient.publish_bytes("b").within(Duration::from_millis(1));
    assert_eq!(text(within.await.unwrap_err()), "b");
    assert_eq!(text(hasty.publish_bytes("c").within(Duration::ZERO).await.unwrap_err()), "c");
    assert!(matches!(hasty.reserve().await, Err(PublishError::Timeout(()))));
    let BatchError { published, reason, rest, .. } =
        hasty.publish_batch([Record::new("d"), Record::new("e")]).await.unwrap_err();
    assert!(published.is_empty() && rest.len() == 2);
    assert!(matches!(*reason, PublishError::Timeout(())));
    let stats = broker.stats("log").await.unwrap();
    assert_eq!((stats.rejected, stats.waiting_publishers), (6, 0));

    // In time, it is published.
    let mut reader = topic.subscriber().await.unwrap();
    let bell = Bell::new();
    let mut waits = hasty.publish_bytes("f").into_future();
    assert!(poll_with(&bell, &mut waits).is_pending());
    tokio::time::advance(Duration::from_millis(999)).await;
    reader.recv().await.unwrap();
    waits.await.unwrap();
}

#[tokio::test]
async fn a_batch_larger_than_a_full_topic_is_given_back_in_part() {
    let broker = Broker::new();
    let writer = topic(&broker, Overflow::Reject, 300).publisher().await.unwrap();
    let records = (0..700).map(|n: u64| Record::new(n.to_string()));
    let error = writer.publish_batch(records).await.unwrap_err();
    assert_eq!(error.published, (0..300).map(Offset).collect::<Vec<_>>());
    assert!(matches!(*error.reason, PublishError::Full(())));
    let rest: Vec<_> = error.rest.iter().map(|record| record.bytes().clone()).collect();
    assert_eq!(rest, (300..700).map(|n: u64| n.to_string()).collect::<Vec<_>>());
}

#[tokio::test]
async fn a_batch_larger_than_a_topic_that_waits_goes_through_piece_by_piece() {
    let broker = Broker::new();
    let topic = topic(&broker, Overflow::Wait, 7);
    let writer = topic.publisher().await.unwrap();
    let mut reader = topic.subscriber().await.unwrap();
    let bell = Bell::new();
    let mut batch = writer.publish_batch((0..2_000).map(|n: u64| Record::new(n.to_string())));
    let mut read = 0;
    while poll_with(&bell, &mut batch).is_pending() {
        assert!(broker.stats("log").await.unwrap().depth <= 7);
        while let Some(record) = reader.try_recv().unwrap() {
            assert_eq!(record.bytes(), read.to_string().as_bytes());
            read += 1;
        }
    }
    assert_eq!(read + reader.recv_batch(usize::MAX).await.unwrap().len(), 2_000);
}

#[tokio::test]
async fn a_permit_holds_room_for_one_message() {
    let broker = Broker::new();
    let topic = topic(&broker, Overflow::Reject, 2);
    let writer = topic.publisher().await.unwrap();
    let first = writer.reserve().await.unwrap();
    let second = writer.reserve().await.unwrap();
    assert!(matches!(writer.reserve().await, Err(PublishError::Full(()))));
    assert!(matches!(writer.publish_bytes("x").await, Err(PublishError::Full(_))));
    assert_eq!(first.send(Record::new("a")).unwrap(), Offset(0));
    drop(second);
    writer.publish_bytes("b").await.unwrap();
    assert!(matches!(writer.publish_bytes("c").await, Err(PublishError::Full(_))));
}

#[tokio::test]
async fn a_permit_gives_its_room_back_also_when_the_message_is_refused() {
    let broker = Broker::new();
    let topic = broker.topic("log").max(1).max_bytes(100).overflow(Overflow::Reject);
    let writer = topic.publisher().await.unwrap();
    let permit = writer.reserve().await.unwrap();
    match permit.send(Record::new(vec![0; 101])) {
        Err(PublishError::TooLarge { message, bytes: 165, max_bytes: 100 }) => {
            assert_eq!(message.bytes().len(), 101);
        }
        other => panic!("{other:?}"),
    }
    writer.publish_bytes("a").await.unwrap();
    broker.delete("log").await.unwrap();
    broker.topic("log").max(1).await.unwrap();

    let broker = Broker::new();
    let writer = topic_of_orders(&broker).await;
    let permit = writer.reserve().await.unwrap();
    broker.close("orders").await.unwrap();
    match permit.send(Order::new(1, "tea")) {
        Err(PublishError::Closed(order)) => assert_eq!(order, Order::new(1, "tea")),
        other => panic!("{other:?}"),
    }
}

async fn topic_of_orders(broker: &Broker) -> Publisher<Order> {
    broker.topic("orders").max(1).overflow(Overflow::Wait).await.unwrap();
    broker.publisher::<Order>().await.unwrap()
}

#[tokio::test]
async fn a_message_larger_than_its_topic_is_refused_whatever_room_there_is() {
    for overflow in [Overflow::DropOldest, Overflow::Reject, Overflow::Wait] {
        let broker = Broker::new();
        let topic = broker.topic("log").max_bytes(164).overflow(overflow);
        let writer = topic.publisher().await.unwrap();
        let keeps = writer.publish_bytes(vec![0; 100]).await.unwrap();
        match try_now(writer.publish_bytes(vec![0; 101]).into_future()) {
            Some(Err(PublishError::TooLarge { bytes: 165, max_bytes: 164, .. })) => {}
            other => panic!("{other:?}"),
        }
        let mut reader = topic.subscriber().await.unwrap();
        assert_eq!(reader.recv().await.unwrap().offset(), keeps);
        assert_eq!(broker.stats("log").await.unwrap().rejected, 0);
    }
}

#[tokio::test]
async fn a_message_waits_until_enough_bytes_are_passed() {
    let broker = Broker::new();
    let topic = broker.topic("log").max_bytes(1_000).overflow(Overflow::Wait);
    let writer = topic.publisher().await.unwrap();
    let mut reader = topic.subscriber().await.unwrap();
    for _ in 0..10 {
        writer.publish_bytes(vec![0; 36]).await.unwrap();
    }
    let bell = Bell::new();
    let mut large = writer.publish_bytes(vec![0; 286]).into_future();
    for _ in 0..4 {
        assert!(settle_with(&bell, &mut large).is_pending());
        let rings = bell.rings();
        reader.recv().await.unwrap();
        assert!(bell.rings() > rings);
    }
    assert!(poll_with(&bell, &mut large).is_ready());
    let stats = broker.stats("log").await.unwrap();
    assert_eq!((stats.consumed, stats.bytes), (4, 950));
}

#[tokio::test]
async fn no_topic_is_made_with_nothing_in_it() {
    let broker = Broker::new();
    for (builder, option) in [
        (broker.topic("log").max(0), "max"),
        (broker.topic("log").max_bytes(0), "max_bytes"),
        (broker.topic("log").ttl(Duration::ZERO), "ttl"),
    ] {
        match builder.await {
            Err(OpenError::Option { option: named, .. }) => assert_eq!(named, option),
            other => panic!("{other:?}"),
        }
    }
    assert!(broker.topics().await.unwrap().is_empty());
}

#[tokio::test]
async fn errors_say_what_to_do() {
    let full = PublishError::Full(Order::new(1, "tea"));
    assert!(full.to_string().contains("overflow = Wait"), "{full}");
    assert!(!format!("{full:?}").contains("tea"));
    assert_eq!(full.into_message(), Order::new(1, "tea"));
    let lagged = RecvError::Lagged { skipped: 7, reason: LagReason::MaxBytes };
    assert!(lagged.to_string().contains("skipped 7"), "{lagged}");
    settle().await;
}

/// Publishers are told once for a batch, and at its end at the latest: one that looked in between, and
/// found too little, is told again.
#[tokio::test]
async fn a_publisher_that_looks_during_a_batch_is_woken_after_it() {
    let broker = Broker::new();
    let topic = broker.topic("log").max_bytes(1_000).overflow(Overflow::Wait);
    let writer = topic.publisher().await.unwrap();
    let publisher = writer.clone();
    let large = async move { publisher.publish_bytes(vec![0; 286]).await.map(drop) };
    let (large, bell) = (Arc::new(Mutex::new(Box::pin(large))), Bell::new());
    let asleep = Arc::new(AtomicUsize::new(0));
    let looks = {
        let (large, bell, asleep) = (large.clone(), bell.clone(), asleep.clone());
        move |record: &Record| {
            // At the second message; the large one has room only after four.
            if record.bytes()[0] == 1 {
                assert!(settle_with(&bell, &mut *large.lock().unwrap()).is_pending());
                asleep.store(bell.rings(), Ordering::SeqCst);
            }
            true
        }
    };
    let mut reader = topic.subscriber().filter(looks).await.unwrap();
    for number in 0..10 {
        writer.publish_bytes(vec![number; 36]).await.unwrap();
    }
    assert!(settle_with(&bell, &mut *large.lock().unwrap()).is_pending());
    assert_eq!(reader.recv_batch(10).await.unwrap().len(), 10);
    assert_eq!(bell.rings(), asleep.load(Ordering::SeqCst) + 1);
    assert!(settle_with(&bell, &mut *large.lock().unwrap()).is_ready());
}
