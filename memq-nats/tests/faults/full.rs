//! A topic that is full: whoever publishes is told or waits, and whoever missed something is told how much.

use std::future::IntoFuture;
use std::sync::Arc;
use std::time::Duration;

use memq::{
    Broker, Consumer, LagReason, Overflow, PublishError, Publisher, Record, RecvError, Start,
};
use memq_nats_server::{Ledger, Mark, Report, Seen};
use tokio::task::JoinSet;

use crate::kit::{read_records, record, to};
use crate::support::each;

/// Messages that the topic holds.
const MAX: usize = 8;

/// Messages that each publisher has.
const MESSAGES: u64 = 150;

fn mark(publisher: u32, number: u64) -> Mark {
    Mark { publisher, number }
}

/// One that waits for what becomes of each message, until it has stored its messages. How many more were
/// refused.
async fn publish(publisher: Publisher<Record>, ledger: Arc<Ledger>) -> u64 {
    let (mut stored, mut refused) = (0, 0);
    while stored < MESSAGES {
        let mark = mark(1, stored + refused);
        match publisher.publish(record(mark)).await {
            Ok(_) => {
                ledger.acknowledged(mark);
                stored += 1;
            }
            Err(PublishError::Full(_)) => {
                ledger.refused(mark);
                refused += 1;
            }
            Err(other) => panic!("{other}"),
        }
    }
    refused
}

/// One that sends several at once. How many were refused.
async fn send(publisher: Publisher<Record>, ledger: Arc<Ledger>) -> u64 {
    let mut refused = 0;
    for first in (0..MESSAGES).step_by(5) {
        let mut receipts = Vec::new();
        for number in first..first + 5 {
            receipts.push((number, publisher.send(record(mark(2, number))).await.unwrap()));
        }
        for (number, receipt) in receipts {
            match receipt.await {
                Ok(_) => ledger.acknowledged(mark(2, number)),
                Err(PublishError::Full(_)) => {
                    ledger.refused(mark(2, number));
                    refused += 1;
                }
                Err(other) => panic!("{other}"),
            }
        }
    }
    refused
}

/// Handles each message, until the topic is closed.
async fn handle(mut member: Consumer<Record>) -> Seen {
    let mut seen = Seen::new();
    loop {
        match member.recv().await {
            Ok(delivery) => {
                seen.push(std::str::from_utf8(delivery.bytes()).unwrap().parse().unwrap());
                delivery.ack_confirmed().await.unwrap();
            }
            Err(RecvError::Closed) => return seen,
            Err(other) => panic!("{other:?}"),
        }
    }
}

/// Both publish into a topic that holds few messages, of which a subscriber and a group read all. What came
/// of it, and how many messages were refused.
async fn publish_into(broker: &Broker, overflow: Overflow) -> (Report, u64) {
    let orders = broker.topic("orders").max(MAX).overflow(overflow);
    let ledger = Arc::new(Ledger::new());
    let mut reading = orders.subscriber().await.unwrap();
    let member = orders.subscriber().group("billing").await.unwrap();
    let mut publishers = JoinSet::new();
    publishers.spawn(publish(orders.publisher().await.unwrap(), ledger.clone()));
    publishers.spawn(send(orders.publisher().await.unwrap(), ledger.clone()));
    let mut handling = JoinSet::new();
    handling.spawn(handle(member));
    let mut reader = JoinSet::new();
    reader.spawn(async move {
        let mut seen = Seen::new();
        assert_eq!(read_records(&mut reading, &mut seen).await, 0);
        seen
    });
    let refused = publishers.join_all().await.into_iter().sum();
    broker.close("orders").await.unwrap();
    let handled = handling.join_next().await.unwrap().unwrap();
    let handled = ledger.compare(&handled);
    assert_eq!((handled.lost, handled.refused_and_seen), (0, 0), "{handled}");
    let seen = reader.join_next().await.unwrap().unwrap();
    (ledger.compare(&seen), refused)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_full_topic_that_rejects_says_so_and_takes_messages_again() {
    each(async |server| {
        let broker = to(&server.url()).await.unwrap();
        let (report, refused) = publish_into(&broker, Overflow::Reject).await;
        report.tell(&format!("a full topic that rejects, {}", server.binary().version()));
        assert_eq!((report.lost, report.doubled, report.refused_and_seen), (0, 0, 0), "{report}");
        assert_eq!((report.out_of_order, report.seen), (0, report.acknowledged), "{report}");
        // It was full, and there was room again.
        assert!(refused > 0 && report.acknowledged > MAX, "{refused} refused, {report}");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_full_topic_that_waits_loses_and_refuses_nothing() {
    each(async |server| {
        // With several under way those behind one that found no room may be stored before it: only one after
        // the other nothing can be overtaken.
        for window in [1, 1_000] {
            let connect = to(&server.url()).namespace(&format!("window{window}"));
            let broker = connect.window(window).await.unwrap();
            let (report, refused) = publish_into(&broker, Overflow::Wait).await;
            let version = server.binary().version();
            report.tell(&format!("a full topic that waits, window of {window}, {version}"));
            let all = 2 * MESSAGES as usize;
            assert_eq!((report.acknowledged, report.seen, refused), (all, all, 0), "{report}");
            assert_eq!((report.lost, report.doubled), (0, 0), "{report}");
            assert!(window > 1 || report.out_of_order == 0, "{report}");
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_waits_for_room_goes_on_when_there_is_some_and_not_before() {
    each(async |server| {
        let broker = to(&server.url()).await.unwrap();
        let orders = broker.topic("orders").max(MAX).overflow(Overflow::Wait);
        let mut member = orders.subscriber().group("billing").await.unwrap();
        let publisher = orders.publisher().await.unwrap();
        for number in 0..MAX as u64 {
            publisher.publish(record(mark(1, number))).await.unwrap();
        }
        let mut waiting = publisher.publish(record(mark(1, MAX as u64))).into_future();
        let hasty = publisher.publish(record(mark(1, 100))).within(Duration::from_millis(100));
        let told = tokio::select! {
            biased;
            _ = &mut waiting => panic!("there was room before anybody made some"),
            told = hasty => told.unwrap_err(),
        };
        assert!(matches!(told, PublishError::Timeout(_)), "{told}");
        assert_eq!(told.into_message().bytes(), "1:100");
        let settling = async { member.recv().await.unwrap().ack_confirmed().await.unwrap() };
        let (waited, ()) = tokio::join!(waiting, settling);
        waited.unwrap();
        // The one that was given up is not among them.
        let mut reading = orders.subscriber().from(Start::Earliest).await.unwrap();
        broker.close("orders").await.unwrap();
        let mut seen = Seen::new();
        read_records(&mut reading, &mut seen).await;
        assert!(seen.contains(mark(1, MAX as u64)) && !seen.contains(mark(1, 100)), "{seen:?}");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_topic_that_drops_its_oldest_tells_exactly_how_many_were_missed() {
    each(async |server| {
        let broker = to(&server.url()).await.unwrap();
        let orders = broker.topic("orders").max(MAX).overflow(Overflow::DropOldest);
        let mut slow = orders.subscriber().await.unwrap();
        let publisher = orders.publisher().await.unwrap();
        let ledger = Ledger::new();
        // More than a subscriber has ready: the rest goes before it is read.
        let all = 20_000;
        let mut receipts = Vec::new();
        for number in 0..all {
            receipts.push(publisher.send(record(mark(1, number))).await.unwrap());
        }
        for (number, receipt) in (0..).zip(receipts) {
            receipt.await.unwrap();
            ledger.acknowledged(mark(1, number));
        }
        broker.close("orders").await.unwrap();
        let (mut seen, mut missed) = (Seen::new(), 0);
        loop {
            match slow.recv().await {
                Ok(message) => {
                    // What is missing was told before it is.
                    assert_eq!(message.offset().0, seen.count() as u64 + missed);
                    seen.push(std::str::from_utf8(message.bytes()).unwrap().parse().unwrap());
                }
                Err(RecvError::Lagged { skipped, reason }) => {
                    assert_eq!(reason, LagReason::Removed);
                    missed += skipped;
                }
                Err(RecvError::Closed) => break,
                Err(other) => panic!("{other:?}"),
            }
        }
        let report = ledger.compare(&seen);
        let version = server.binary().version();
        report.tell(&format!("a full topic that drops its oldest, {missed} told, {version}"));
        // Nothing is lost that is not told.
        assert_eq!((report.acknowledged as u64, report.lost as u64), (all, missed), "{report}");
        assert!(missed > 0, "{report}");
        assert_eq!((report.doubled, report.out_of_order), (0, 0), "{report}");
        assert!(seen.contains(mark(1, all - 1)), "the newest are kept");
    })
    .await;
}
