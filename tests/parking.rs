//! Readers that find nothing: they sleep at once, and whatever way a message takes wakes each of them once.

use crate::common;

use std::future::IntoFuture;
use std::task::Poll;

use common::{Bell, poll_with};
use memq::{Broker, Overflow, Publisher, Record, RecvError, Retain};

/// The ways of a message into the log; those alike one after the other take the shortest.
async fn publish(writer: &Publisher<Record>, number: u64) {
    match number % 7 {
        5 => drop(writer.publish_batch([Record::new("x")]).await.unwrap()),
        6 if number % 2 == 0 => drop(writer.publish_bytes("x").key(number).await.unwrap()),
        6 => drop(writer.reserve().await.unwrap().send(Record::new("x")).unwrap()),
        _ => drop(writer.publish_bytes("x").await.unwrap()),
    }
}

#[tokio::test]
async fn each_message_wakes_who_sleeps_once() {
    for retain in [Retain::WithinLimits, Retain::UntilConsumed] {
        for overflow in [Overflow::DropOldest, Overflow::Wait] {
            let broker = Broker::new();
            let topic = broker.topic("log").max(100).overflow(overflow).retain(retain);
            let writer = topic.publisher().await.unwrap();
            let mut readers =
                [topic.subscriber().await.unwrap(), topic.subscriber().await.unwrap()];
            // Over the end of some segments.
            for number in 0..700 {
                let bells = [Bell::new(), Bell::new()];
                let mut waiting = readers.each_mut().map(|reader| Box::pin(reader.recv()));
                for (bell, waiting) in bells.iter().zip(&mut waiting) {
                    for _ in 0..2 {
                        assert!(poll_with(bell, waiting).is_pending());
                        assert_eq!(bell.rings(), 0, "it sleeps at once, and does not look again");
                    }
                }
                publish(&writer, number).await;
                for (bell, waiting) in bells.iter().zip(&mut waiting) {
                    assert_eq!(bell.rings(), 1, "{overflow:?}, {retain:?}: {number}");
                    match poll_with(bell, waiting) {
                        Poll::Ready(Ok(message)) => assert_eq!(message.offset().0, number),
                        other => panic!("{other:?}"),
                    }
                }
            }
            let bell = Bell::new();
            let [reader, _] = &mut readers;
            let mut waiting = Box::pin(reader.recv());
            assert!(poll_with(&bell, &mut waiting).is_pending());
            broker.close("log").await.unwrap();
            assert_eq!(bell.rings(), 1);
            assert!(matches!(poll_with(&bell, &mut waiting), Poll::Ready(Err(RecvError::Closed))));
            drop(waiting);
            let mut waiting = Box::pin(reader.recv());
            let ended = poll_with(&bell, &mut waiting);
            assert!(matches!(ended, Poll::Ready(Err(RecvError::Closed))), "it does not sleep");
        }
    }
}

#[tokio::test]
async fn a_reader_that_slept_in_vain_is_not_woken_after_it_left() {
    let broker = Broker::new();
    let topic = broker.topic("log");
    let writer = topic.publisher().await.unwrap();
    let mut reader = topic.subscriber().await.unwrap();
    for _ in 0..3 {
        writer.publish_bytes("x").await.unwrap();
        reader.recv().await.unwrap();
    }
    let bell = Bell::new();
    {
        let mut waiting = Box::pin(reader.recv());
        assert!(poll_with(&bell, &mut waiting).is_pending());
    }
    drop(reader);
    let mut published = writer.publish_bytes("x").into_future();
    assert!(poll_with(&Bell::new(), &mut published).is_ready());
    assert_eq!(bell.rings(), 0);
}
