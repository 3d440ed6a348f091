//! Futures dropped at every await point: nothing is lost, doubled or reordered, and nobody else is
//! affected.

use crate::common;

use std::future::{Future, IntoFuture};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Wake, Waker};
use std::time::Duration;

use common::{Bell, Order, on_both_runtimes, poll_once, poll_with, settle_with, spawn, try_now};
use memq::{Broker, Offset, Overflow, PublishError, Publisher, RecvError, Subscriber};
use tokio_stream::StreamExt;

numbers!(Number, "numbers", max_messages(100_000));
numbers!(One, "one", max_messages(1), overflow(Overflow::Wait));
numbers!(Four, "four", max_messages(4), overflow(Overflow::Wait));

async fn open() -> (Broker, Publisher<Number>, Subscriber<Number>) {
    let broker = Broker::new();
    let publisher = broker.publisher::<Number>().await.unwrap();
    let subscriber = broker.subscriber::<Number>().await.unwrap();
    (broker, publisher, subscriber)
}

/// Polls this many times, whether it was woken or not, then drops.
fn poll_times<F: Future>(times: usize, future: F) -> Option<F::Output> {
    let bell = Bell::new();
    let mut future = Box::pin(future);
    for _ in 0..times {
        if let std::task::Poll::Ready(output) = poll_with(&bell, &mut future) {
            return Some(output);
        }
    }
    None
}

#[tokio::test(start_paused = true)]
async fn every_way_to_receive_can_be_dropped_at_every_poll() {
    for polls in 0..4 {
        let (_broker, publisher, mut incoming) = open().await;
        let mut seen = Vec::new();
        for round in 0..2_600_u64 {
            // Before there is something, at times, and after.
            if round % 3 != 0 {
                publisher.publish(Number(round)).await.unwrap();
            }
            match round % 5 {
                0 => seen.extend(poll_times(polls, incoming.recv()).map(|m| m.unwrap().0)),
                1 => {
                    let timeout = Duration::from_secs(1);
                    let got = poll_times(polls, incoming.recv_timeout(timeout));
                    seen.extend(got.and_then(Result::unwrap).map(|message| message.0));
                }
                2 => {
                    let batch = poll_times(polls, incoming.recv_batch(3));
                    seen.extend(batch.into_iter().flat_map(Result::unwrap).map(|m| m.0));
                }
                3 => {
                    let next = poll_times(polls, Subscriber::next(&mut incoming));
                    seen.extend(next.map(|item| item.unwrap().unwrap().0));
                }
                _ => {
                    let next = poll_times(polls, StreamExt::next(&mut incoming));
                    seen.extend(next.map(|item| item.unwrap().unwrap().0));
                }
            }
        }
        while let Some(message) = incoming.try_recv().unwrap() {
            seen.push(message.0);
        }
        let all: Vec<_> = (0..2_600).filter(|round| round % 3 != 0).collect();
        assert_eq!(seen, all, "after {polls} polls");
    }
}

#[tokio::test(start_paused = true)]
async fn a_receive_that_times_out_has_taken_nothing() {
    let (_broker, publisher, mut incoming) = open().await;
    let second = Duration::from_secs(1);
    assert!(incoming.recv_timeout(second).await.unwrap().is_none());
    publisher.publish(Number(1)).await.unwrap();
    assert_eq!(incoming.recv_timeout(second).await.unwrap().unwrap().0, 1);
    assert!(incoming.recv_timeout(Duration::ZERO).await.unwrap().is_none());
}

/// A reader lets others run at times; that must not look like "there is none".
#[tokio::test(start_paused = true)]
async fn a_receive_with_no_time_finds_what_is_there() {
    let (_broker, publisher, mut incoming) = open().await;
    publisher.publish_batch((0..5_000).map(Number)).await.unwrap();
    for value in 0..5_000 {
        let message = incoming.recv_timeout(Duration::ZERO).await.unwrap();
        assert_eq!(message.map(|message| message.0), Some(value));
    }
    assert!(incoming.recv_timeout(Duration::ZERO).await.unwrap().is_none());
}

#[test]
fn receiving_in_select_loses_nothing() {
    on_both_runtimes(|| async {
        let (broker, _, mut incoming) = open().await;
        let mut tasks = Vec::new();
        for part in 0..4 {
            let publisher = broker.publisher::<Number>().await.unwrap();
            tasks.push(spawn(async move {
                for at in 0..2_500 {
                    publisher.publish(Number(part * 10_000 + at)).await.unwrap();
                    if at % 5 == 0 {
                        tokio::task::yield_now().await;
                    }
                }
            }));
        }
        let mut offset = 0;
        let mut cancelled = 0;
        while offset < 10_000 {
            tokio::select! {
                biased;
                message = incoming.recv() => {
                    assert_eq!(message.unwrap().offset(), Offset(offset));
                    offset += 1;
                }
                () = tokio::task::yield_now() => cancelled += 1,
            }
            tokio::select! {
                batch = incoming.recv_batch(3) => {
                    for message in batch.unwrap() {
                        assert_eq!(message.offset(), Offset(offset));
                        offset += 1;
                    }
                }
                () = tokio::task::yield_now() => cancelled += 1,
            }
        }
        for task in tasks {
            task.await.unwrap();
        }
        assert!(incoming.try_recv().unwrap().is_none());
        let stats = incoming.stats();
        assert_eq!((stats.delivered, stats.lag), (10_000, 0), "{cancelled} receives dropped");
    });
}

/// A batch that meets an error keeps what it has, and the error comes next, once.
#[tokio::test]
async fn a_batch_before_an_error_loses_neither() {
    let broker = Broker::new();
    let orders = broker.publisher::<Order>().await.unwrap();
    let writer = broker.topic("orders").publisher().await.unwrap();
    let mut incoming = broker.subscriber::<Order>().await.unwrap();
    for customer in 0..9 {
        orders.publish(Order::new(customer, "tea")).await.unwrap();
    }
    writer.publish_bytes("{").await.unwrap();
    orders.publish(Order::new(10, "tea")).await.unwrap();

    assert_eq!(incoming.recv_batch(100).await.unwrap().len(), 9);
    // Dropped at once and polled again: the error is still there.
    drop(incoming.recv());
    assert!(matches!(
        incoming.recv_batch(100).await,
        Err(RecvError::Decode { offset: Offset(9), .. })
    ));
    assert_eq!(incoming.recv_batch(100).await.unwrap().get(0).unwrap().customer, 10);
    assert!(poll_once(incoming.recv_batch(100)).is_none());
}

#[tokio::test]
async fn a_publish_dropped_while_it_waits_never_was() {
    let broker = Broker::new();
    let publisher = broker.publisher::<Four>().await.unwrap();
    let mut incoming = broker.subscriber::<Four>().await.unwrap();
    let mut expected = Vec::new();
    let mut seen = Vec::new();
    for round in 0..4_000 {
        for polls in 0..3 {
            let value = round * 3 + polls;
            if poll_times(polls as usize, publisher.publish(Four(value)).into_future()).is_some() {
                expected.push(value);
            }
        }
        if round % 3 == 0 {
            seen.extend(incoming.try_recv().unwrap().map(|message| message.0));
        }
    }
    while let Some(message) = incoming.try_recv().unwrap() {
        seen.push(message.0);
    }
    // Those that were polled once at an offset of 1023, 2047… are in, though nobody was told.
    assert!(seen.is_sorted());
    assert!(seen.len() - expected.len() <= seen.len() / 1024 + 1);
    assert!(expected.iter().all(|value| seen.binary_search(value).is_ok()));
    assert_eq!(broker.stats("four").await.unwrap().waiting_publishers, 0);
}

#[tokio::test]
async fn a_batch_dropped_while_it_waits_is_published_up_to_some_message() {
    let broker = Broker::new();
    let publisher = broker.publisher::<Four>().await.unwrap();
    let mut incoming = broker.subscriber::<Four>().await.unwrap();
    for polls in 0..6_u64 {
        let mut batch = publisher.publish_batch((0..20).map(Four));
        let mut seen = Vec::new();
        for _ in 0..polls {
            assert!(settle_with(&Bell::new(), &mut batch).is_pending());
            seen.push(incoming.recv().await.unwrap().0);
        }
        drop(batch);
        while let Some(message) = incoming.try_recv().unwrap() {
            seen.push(message.0);
        }
        let stored = if polls == 0 { 0 } else { 3 + polls };
        assert_eq!(seen, (0..stored).collect::<Vec<_>>());
        assert_eq!(broker.stats("four").await.unwrap().waiting_publishers, 0);
    }
}

#[tokio::test]
async fn a_dropped_reservation_reserves_nothing() {
    let broker = Broker::new();
    let publisher = broker.publisher::<One>().await.unwrap();
    let mut incoming = broker.subscriber::<One>().await.unwrap();
    for value in 0..3_000 {
        let permit = try_now(publisher.reserve()).unwrap().unwrap();
        for polls in 0..3 {
            assert!(poll_times(polls, publisher.reserve()).is_none());
        }
        if value % 2 == 0 {
            drop(permit);
            publisher.try_publish(One(value)).unwrap();
        } else {
            permit.send(One(value)).unwrap();
        }
        assert!(matches!(publisher.try_publish(One(0)), Err(PublishError::Full(One(0)))));
        assert_eq!(incoming.recv().await.unwrap().0, value);
    }
}

/// One that was woken and is then dropped must not have taken the wake-up from the others.
#[tokio::test]
async fn a_woken_publisher_that_is_dropped_leaves_the_room_to_another() {
    let broker = Broker::new();
    let publisher = broker.publisher::<One>().await.unwrap();
    let mut incoming = broker.subscriber::<One>().await.unwrap();
    for round in 0..100 {
        publisher.try_publish(One(round)).unwrap();
        let (first, second, third) = (Bell::new(), Bell::new(), Bell::new());
        let mut dropped = publisher.publish(One(1_000)).into_future();
        let mut other = publisher.publish(One(1_001)).into_future();
        let mut permit = Box::pin(publisher.reserve());
        assert!(poll_with(&first, &mut dropped).is_pending());
        assert!(poll_with(&second, &mut other).is_pending());
        assert!(poll_with(&third, &mut permit).is_pending());
        incoming.recv().await.unwrap();
        assert!(first.rings() > 0);
        drop(dropped);
        assert!(second.rings() > 0);
        if round % 2 == 0 {
            assert!(settle_with(&second, &mut other).is_ready());
            incoming.recv().await.unwrap();
        } else {
            drop(other);
            assert!(third.rings() > 0);
            let std::task::Poll::Ready(Ok(permit)) = settle_with(&third, &mut permit) else {
                panic!("there is room for a permit");
            };
            // Room that is given back wakes whoever waits for it.
            let mut waits = publisher.publish(One(2)).into_future();
            let rings = first.rings();
            assert!(poll_with(&first, &mut waits).is_pending());
            drop(permit);
            assert!(first.rings() > rings);
        }
    }
}

/// Every reader that waits is woken, also where others that waited have gone.
#[tokio::test]
async fn stale_wakers_do_not_swallow_wake_ups() {
    let (broker, publisher, mut incoming) = open().await;
    let mut other = broker.subscriber::<Number>().await.unwrap();
    for round in 0..100 {
        let (stale, bell, others) = (Bell::new(), Bell::new(), Bell::new());
        assert!(poll_with(&stale, &mut Box::pin(incoming.recv())).is_pending());
        assert!(poll_with(&others, &mut Box::pin(other.recv_batch(5))).is_pending());
        let mut gone = broker.subscriber::<Number>().from(memq::Start::Latest).await.unwrap();
        assert!(poll_with(&Bell::new(), &mut Box::pin(gone.recv())).is_pending());
        drop(gone);
        // The same subscriber waits anew, in another task: that one is woken.
        let mut receiving = Box::pin(incoming.recv());
        assert!(poll_with(&bell, &mut receiving).is_pending());
        publisher.publish(Number(round)).await.unwrap();
        assert_eq!((bell.rings(), others.rings()), (1, 1));
        assert!(poll_with(&bell, &mut receiving).is_ready());
        drop(receiving);
        assert_eq!(other.recv().await.unwrap().0, round);
    }
}

/// A publish in `select!` against everything else, from many tasks.
#[test]
fn publishes_dropped_in_select_affect_nobody_else() {
    on_both_runtimes(|| async {
        let broker = Broker::new();
        let mut incoming = broker.subscriber::<Four>().await.unwrap();
        let done = Arc::new(AtomicBool::new(false));
        let mut keen = Vec::new();
        let mut fickle = Vec::new();
        for task in 0..3 {
            let publisher = broker.publisher::<Four>().await.unwrap();
            keen.push(spawn(async move {
                for at in 0..400 {
                    publisher.publish(Four(task * 1_000 + at)).await.unwrap();
                }
            }));
            let publisher = broker.publisher::<Four>().await.unwrap();
            let done = done.clone();
            fickle.push(spawn(async move {
                while !done.load(Ordering::Relaxed) {
                    tokio::select! {
                        biased;
                        sent = publisher.publish(Four(1_000_000)).into_future() => {
                            sent.unwrap();
                        }
                        () = tokio::task::yield_now() => {}
                    }
                    tokio::select! {
                        biased;
                        permit = publisher.reserve() => drop(permit.unwrap()),
                        () = tokio::task::yield_now() => {}
                    }
                    tokio::task::yield_now().await;
                }
            }));
        }
        let mut next = [0; 3];
        let mut offset = 0;
        while next != [400; 3] {
            let message = incoming.recv().await.unwrap();
            assert_eq!(message.offset(), Offset(offset));
            offset += 1;
            if let Some(expected) = next.get_mut((message.0 / 1_000) as usize) {
                assert_eq!(message.0 % 1_000, *expected);
                *expected += 1;
            }
        }
        done.store(true, Ordering::Relaxed);
        for task in keen {
            task.await.unwrap();
        }
        // Those that still wait are let go.
        drop(incoming);
        broker.close("four").await.unwrap();
        for task in fickle {
            let _closed = task.await;
        }
    });
}

/// A waker whose drop uses the topic: no lock may be held then.
struct Curious(Subscriber<Number>);

impl Wake for Curious {
    fn wake(self: Arc<Self>) {}
}

impl Drop for Curious {
    fn drop(&mut self) {
        assert!(self.0.stats().since_start < 100);
    }
}

#[test]
fn wakers_are_dropped_where_no_lock_is_held() {
    let (sender, receiver) = std::sync::mpsc::channel();
    std::thread::spawn(move || {
        common::current_thread().block_on(async {
            let (broker, publisher, mut incoming) = open().await;
            let mut receiving = Box::pin(incoming.recv());
            // Each poll takes the place of the waker before it.
            for _ in 0..3 {
                let curious = Curious(broker.subscriber::<Number>().await.unwrap());
                let waker = Waker::from(Arc::new(curious));
                let pin: Pin<&mut _> = receiving.as_mut();
                assert!(pin.poll(&mut Context::from_waker(&waker)).is_pending());
            }
            publisher.publish(Number(0)).await.unwrap();
        });
        sender.send(()).unwrap();
    });
    // Bounds a deadlock; nothing is measured.
    receiver.recv_timeout(Duration::from_secs(20)).expect("a lock was held");
}
