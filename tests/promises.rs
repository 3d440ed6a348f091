//! One test for each promise of memq to its users, named like it. The corners of each are tested in
//! the other files.

use crate::common;

use std::collections::BTreeSet;
use std::future::IntoFuture;
use std::time::Duration;

use common::{
    Bell, Order, on_both_runtimes, poll_once, poll_with, settle, settle_with, spawn, try_now,
};
use memq::{
    Broker, LagReason, Offset, OpenError, Overflow, PublishError, Record, RecvError, Start,
};

numbers!(Number, "numbers", max_messages(100_000));
numbers!(Eight, "eight", max_messages(8));
numbers!(Waits, "waits", max_messages(2), overflow(Overflow::Wait));
numbers!(Rejects, "rejects", max_messages(2), overflow(Overflow::Reject));
numbers!(Minute, "minute", ttl(Duration::from_secs(60)));

#[test]
fn a_published_message_is_in_the_log_at_its_offset_and_offsets_are_dense() {
    on_both_runtimes(|| async {
        let broker = Broker::new();
        let mut early = broker.subscriber::<Number>().await.unwrap();
        let mut tasks = Vec::new();
        for task in 0..4 {
            let numbers = broker.publisher::<Number>().await.unwrap();
            let broker = broker.clone();
            tasks.push(spawn(async move {
                let mut offsets = Vec::new();
                for at in 0..500 {
                    let value = task * 1_000 + at;
                    let offset = numbers.publish(Number(value)).await.unwrap();
                    // Visible at once, to a reader that comes now and looks there.
                    let mut reader =
                        broker.subscriber::<Number>().from(Start::Offset(offset)).await.unwrap();
                    let message = reader.try_recv().unwrap().unwrap();
                    assert_eq!((message.offset(), message.0), (offset, value));
                    offsets.push(offset);
                }
                assert!(offsets.is_sorted());
                offsets
            }));
        }
        let mut all = BTreeSet::new();
        for task in tasks {
            for offset in task.await.unwrap() {
                assert!(all.insert(offset), "{offset} was given twice");
            }
        }
        assert_eq!(all, (0..2_000).map(Offset).collect());
        for offset in 0..2_000 {
            assert_eq!(early.try_recv().unwrap().unwrap().offset(), Offset(offset));
        }
    });
}

#[test]
fn a_dropped_publish_is_fully_published_or_not_at_all() {
    on_both_runtimes(|| async {
        let broker = Broker::new();
        let waits = broker.publisher::<Waits>().await.unwrap();
        let mut incoming = broker.subscriber::<Waits>().await.unwrap();
        let mut expected = Vec::new();
        let mut seen = Vec::new();
        for round in 0..3_000 {
            if poll_once(waits.publish(Waits(round)).into_future()).is_some() {
                expected.push(round);
            } else {
                seen.push(incoming.try_recv().unwrap().unwrap().0);
            }
        }
        while let Some(message) = incoming.try_recv().unwrap() {
            seen.push(message.0);
        }
        // Every 1024th publish stores its message and then lets others run: dropped there, it is
        // published although nobody was told.
        assert!(seen.is_sorted() && expected.iter().all(|value| seen.contains(value)));
        assert_eq!(broker.stats("waits").await.unwrap().published, seen.len() as u64);
    });
}

#[test]
fn no_reader_sees_a_message_twice_or_out_of_order_or_misses_one() {
    on_both_runtimes(|| async {
        let broker = Broker::new();
        let mut tasks = Vec::new();
        for _ in 0..3 {
            let mut reader = broker.subscriber::<Number>().await.unwrap();
            tasks.push(spawn(async move {
                let mut last = [None; 4];
                for offset in 0..8_000 {
                    let message = reader.recv().await.unwrap();
                    assert_eq!(message.offset(), Offset(offset));
                    let (publisher, at) = (message.0 / 10_000, message.0 % 10_000);
                    assert!(last[publisher as usize].replace(at) < Some(at));
                }
                assert!(reader.try_recv().unwrap().is_none());
            }));
        }
        for publisher in 0..4 {
            let numbers = broker.publisher::<Number>().await.unwrap();
            tasks.push(spawn(async move {
                for at in 0..2_000 {
                    numbers.publish(Number(publisher * 10_000 + at)).await.unwrap();
                }
            }));
        }
        for task in tasks {
            task.await.unwrap();
        }
    });
}

#[tokio::test]
async fn a_subscriber_slower_than_retention_is_told_once_with_the_exact_count() {
    let broker = Broker::new();
    let numbers = broker.publisher::<Eight>().await.unwrap();
    let mut slow = broker.subscriber::<Eight>().await.unwrap();
    for value in 0..3 {
        numbers.publish(Eight(value)).await.unwrap();
    }
    assert_eq!(slow.recv().await.unwrap().0, 0);
    for value in 3..100 {
        numbers.publish(Eight(value)).await.unwrap();
    }
    match slow.recv().await {
        Err(RecvError::Lagged { skipped: 91, reason: LagReason::MaxMessages }) => {}
        other => panic!("{other:?}"),
    }
    for value in 92..100 {
        assert_eq!(slow.recv().await.unwrap().0, value);
    }
    let stats = slow.stats();
    assert_eq!((stats.since_start, stats.delivered, stats.skipped, stats.lag), (100, 9, 91, 0));
}

#[tokio::test]
async fn a_full_topic_that_rejects_gives_the_value_back_and_drops_nothing() {
    let broker = Broker::new();
    let numbers = broker.publisher::<Rejects>().await.unwrap();
    let mut incoming = broker.subscriber::<Rejects>().await.unwrap();
    for value in 0..2 {
        numbers.publish(Rejects(value)).await.unwrap();
    }
    match numbers.publish(Rejects(9)).await {
        Err(PublishError::Full(Rejects(9))) => {}
        other => panic!("{other:?}"),
    }
    assert_eq!(incoming.recv().await.unwrap().0, 0);
    numbers.publish(Rejects(2)).await.unwrap();
    assert_eq!(incoming.recv().await.unwrap().0, 1);
    assert_eq!(incoming.recv().await.unwrap().0, 2);
    let stats = broker.stats("rejects").await.unwrap();
    assert_eq!((stats.dropped.total(), stats.rejected), (0, 1));
}

#[tokio::test]
async fn a_full_topic_that_waits_waits_for_every_subscriber_and_drops_nothing() {
    let broker = Broker::new();
    let numbers = broker.publisher::<Waits>().await.unwrap();
    let mut quick = broker.subscriber::<Waits>().await.unwrap();
    let mut slow = broker.subscriber::<Waits>().await.unwrap();
    numbers.publish_batch([Waits(0), Waits(1)]).await.unwrap();

    let bell = Bell::new();
    let mut third = numbers.publish(Waits(2)).into_future();
    assert!(poll_with(&bell, &mut third).is_pending());
    assert_eq!(quick.recv().await.unwrap().0, 0);
    assert_eq!(quick.recv().await.unwrap().0, 1);
    assert!(settle_with(&bell, &mut third).is_pending());
    let rings = bell.rings();
    assert_eq!(slow.recv().await.unwrap().0, 0);
    assert!(bell.rings() > rings, "the publisher was not woken");
    assert!(poll_with(&bell, &mut third).is_ready());

    assert_eq!(slow.recv().await.unwrap().0, 1);
    assert_eq!(slow.recv().await.unwrap().0, 2);
    assert_eq!(quick.recv().await.unwrap().0, 2);
    assert_eq!(broker.stats("waits").await.unwrap().dropped.total(), 0);
}

#[test]
fn a_dropped_receive_loses_no_message() {
    on_both_runtimes(|| async {
        let broker = Broker::new();
        let mut incoming = broker.subscriber::<Number>().await.unwrap();
        let numbers = broker.publisher::<Number>().await.unwrap();
        let publishing = spawn(async move {
            for value in 0..5_000 {
                numbers.publish(Number(value)).await.unwrap();
                if value % 7 == 0 {
                    tokio::task::yield_now().await;
                }
            }
        });
        let mut next = 0;
        while next < 5_000 {
            // Each of these may be dropped by `select!` at any time.
            tokio::select! {
                () = tokio::task::yield_now() => {}
                message = incoming.recv() => {
                    assert_eq!(message.unwrap().0, next);
                    next += 1;
                }
            }
            tokio::select! {
                () = tokio::task::yield_now() => {}
                batch = incoming.recv_batch(5) => {
                    for message in batch.unwrap() {
                        assert_eq!(message.0, next);
                        next += 1;
                    }
                }
            }
        }
        publishing.await.unwrap();
    });
}

#[tokio::test(start_paused = true)]
async fn an_expired_message_is_never_delivered_and_is_counted() {
    let broker = Broker::new();
    let numbers = broker.publisher::<Minute>().await.unwrap();
    let mut incoming = broker.subscriber::<Minute>().await.unwrap();
    numbers.publish(Minute(0)).await.unwrap();
    tokio::time::advance(Duration::from_secs(30)).await;
    numbers.publish(Minute(1)).await.unwrap();
    tokio::time::advance(Duration::from_secs(30)).await;

    match incoming.recv().await {
        Err(RecvError::Lagged { skipped: 1, reason: LagReason::Expired }) => {}
        other => panic!("{other:?}"),
    }
    assert_eq!(incoming.recv().await.unwrap().0, 1);
    let stats = broker.stats("minute").await.unwrap();
    assert_eq!((stats.depth, stats.dropped.expired), (1, 1));
}

#[tokio::test]
async fn max_and_max_bytes_are_never_exceeded() {
    let broker = Broker::new();
    let topic = broker.topic("small").max(10).max_bytes(2_000);
    let writer = topic.publisher().await.unwrap();
    for length in (0..300).chain([1_900, 0, 1_000, 1_000]) {
        writer.publish_bytes(vec![0; length]).await.unwrap();
        let stats = broker.stats("small").await.unwrap();
        assert!(stats.depth <= 10 && stats.bytes <= 2_000, "{stats:?}");
    }
    writer.publish_batch((0..100).map(|_| Record::new("x"))).await.unwrap();
    assert_eq!(broker.stats("small").await.unwrap().depth, 10);
    match writer.publish_bytes(vec![0; 2_000]).await {
        Err(PublishError::TooLarge { max_bytes: 2_000, .. }) => {}
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_record_that_cannot_be_decoded_is_one_error_and_the_next_continues() {
    let broker = Broker::new();
    let orders = broker.publisher::<Order>().await.unwrap();
    let writer = broker.topic("orders").publisher().await.unwrap();
    let mut incoming = broker.subscriber::<Order>().await.unwrap();
    orders.publish(Order::new(1, "tea")).await.unwrap();
    writer.publish_bytes("not an order").await.unwrap();
    orders.publish(Order::new(2, "milk")).await.unwrap();

    assert_eq!(incoming.recv().await.unwrap().customer, 1);
    match incoming.recv().await {
        Err(RecvError::Decode { offset: Offset(1), .. }) => {}
        other => panic!("{other:?}"),
    }
    assert_eq!(incoming.recv().await.unwrap().customer, 2);
}

#[tokio::test]
async fn after_close_readers_drain_and_publishers_are_told_at_once() {
    let broker = Broker::new();
    let numbers = broker.publisher::<Number>().await.unwrap();
    let mut incoming = broker.subscriber::<Number>().await.unwrap();
    numbers.publish(Number(0)).await.unwrap();
    broker.close("numbers").await.unwrap();

    assert!(matches!(numbers.publish(Number(1)).await, Err(PublishError::Closed(Number(1)))));
    assert_eq!(incoming.recv().await.unwrap().0, 0);
    assert!(matches!(incoming.recv().await, Err(RecvError::Closed)));
}

#[tokio::test]
async fn after_delete_everybody_is_told_and_nobody_creates_the_topic_silently() {
    let broker = Broker::new();
    let numbers = broker.publisher::<Number>().await.unwrap();
    let mut incoming = broker.subscriber::<Number>().await.unwrap();
    numbers.publish(Number(0)).await.unwrap();
    broker.delete("numbers").await.unwrap();

    assert!(matches!(numbers.publish(Number(1)).await, Err(PublishError::Deleted(Number(1)))));
    assert!(matches!(incoming.recv().await, Err(RecvError::Deleted)));
    assert!(broker.topics().await.unwrap().is_empty());

    let again = broker.publisher::<Number>().await.unwrap();
    assert_eq!(again.publish(Number(5)).await.unwrap(), Offset(0));
    assert!(matches!(incoming.recv().await, Err(RecvError::Deleted)));
    assert!(matches!(numbers.publish(Number(1)).await, Err(PublishError::Deleted(_))));
}

#[test]
fn when_the_last_broker_is_dropped_every_waiter_wakes_with_closed() {
    on_both_runtimes(|| async {
        let broker = Broker::new();
        let mut incoming = broker.subscriber::<Number>().await.unwrap();
        let receiving = spawn(async move { incoming.recv().await.map(|_| ()) });
        let waits = broker.publisher::<Waits>().await.unwrap();
        waits.publish_batch([Waits(0), Waits(1)]).await.unwrap();
        let publishing = spawn(async move { waits.publish(Waits(2)).await });
        settle().await;

        let clone = broker.clone();
        drop(broker);
        settle().await;
        assert!(!receiving.is_finished());
        drop(clone);
        assert!(matches!(receiving.await.unwrap(), Err(RecvError::Closed)));
        assert!(matches!(publishing.await.unwrap(), Err(PublishError::Closed(Waits(2)))));
    });
}

#[tokio::test]
async fn another_option_or_type_is_a_conflict_that_names_both() {
    let broker = Broker::new();
    broker.create::<Eight>().await.unwrap();
    match broker.topic("eight").max(9).await {
        Err(OpenError::Native { .. } | OpenError::Conflict(_)) => {}
        other => panic!("{other:?}"),
    }
    broker.topic("orders").max(8).await.unwrap();
    match broker.topic("orders").max(9).await {
        Err(OpenError::Conflict(conflict)) => {
            assert_eq!(conflict.option, "max");
            assert_eq!((&*conflict.existing, &*conflict.requested), ("8", "9"));
        }
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn bytes_from_anywhere_never_panic() {
    let broker = Broker::new();
    let writer = broker.topic("orders").publisher().await.unwrap();
    let mut orders = broker.subscriber::<Order>().await.unwrap();
    let mut seed = 1_u64;
    for round in 0..2_000 {
        let bytes: Vec<u8> = std::iter::repeat_with(|| {
            seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            (seed >> 56) as u8
        })
        .take(round % 64)
        .collect();
        writer.publish(Record::new(bytes)).await.unwrap();
        match orders.recv().await {
            Ok(_) | Err(RecvError::Decode { .. }) => {}
            other => panic!("{other:?}"),
        }
    }
}

#[test]
fn a_broker_is_made_outside_a_runtime_and_works_in_any() {
    let broker = Broker::new();
    // Not even a runtime is needed where nothing waits.
    let publisher = try_now(broker.publisher::<Minute>().into_future()).unwrap().unwrap();
    let mut incoming = try_now(broker.subscriber::<Minute>().into_future()).unwrap().unwrap();
    publisher.try_publish(Minute(0)).unwrap();
    assert_eq!(incoming.try_recv().unwrap().unwrap().0, 0);
    for runtime in [common::current_thread(), common::multi_thread(2)] {
        runtime.block_on(async {
            publisher.publish(Minute(1)).await.unwrap();
            assert_eq!(incoming.recv().await.unwrap().0, 1);
            assert_eq!(broker.stats("minute").await.unwrap().subscribers.len(), 1);
        });
    }
}

#[tokio::test(start_paused = true)]
async fn a_waiting_reader_is_not_woken_for_nothing() {
    let broker = Broker::new();
    let numbers = broker.publisher::<Number>().await.unwrap();
    let mut incoming = broker.subscriber::<Number>().await.unwrap();
    numbers.publish(Number(0)).await.unwrap();
    incoming.recv().await.unwrap();

    let tasks = tokio::runtime::Handle::current().metrics().num_alive_tasks();
    let bell = Bell::new();
    let mut receiving = Box::pin(incoming.recv());
    assert!(settle_with(&bell, &mut receiving).is_pending());
    let rings = bell.rings();
    tokio::time::advance(Duration::from_secs(86_400)).await;
    settle().await;
    assert_eq!(bell.rings(), rings);
    assert_eq!(tokio::runtime::Handle::current().metrics().num_alive_tasks(), tasks);

    numbers.publish(Number(1)).await.unwrap();
    assert_eq!(bell.rings(), rings + 1);
}
