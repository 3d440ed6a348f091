//! Workers: what becomes of each message whatever its handler does, and how much of it at a time.

mod attempts;
#[path = "../common/mod.rs"]
mod common;
mod drain;
mod ends;
mod service;

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::Poll;
use std::time::Duration;

use common::{Bell, Order, on_both_runtimes, paused, poll_with, settle, settle_with, spawn};
use memq::worker::{ByDelivery, ByValue};
use memq::{
    Backoff, Broker, Consumer, Delivery, Ended, Format, Publisher, Record, Worker, WorkerHandle,
};
use static_assertions::{assert_impl_all, assert_not_impl_any};
use tokio::time::{Instant, sleep};

const MILLI: Duration = Duration::from_millis(1);
const SECOND: Duration = Duration::from_secs(1);

numbers!(Number, "numbers");
numbers!(Large, "large", max_messages(100_000));

/// A broker with these orders, of a closed topic.
async fn orders(orders: impl IntoIterator<Item = (u64, &'static str)>) -> Broker {
    let broker = Broker::new();
    let publisher = broker.publisher::<Order>().await.unwrap();
    for (customer, item) in orders {
        publisher.publish(Order::new(customer, item)).await.unwrap();
    }
    broker.close("orders").await.unwrap();
    broker
}

async fn numbers(count: u64) -> (Broker, Publisher<Number>) {
    let broker = Broker::new();
    let publisher = broker.publisher::<Number>().await.unwrap();
    publisher.publish_batch((0..count).map(Number)).await.unwrap();
    (broker, publisher)
}

async fn member(broker: &Broker) -> Consumer<Number> {
    broker.subscriber::<Number>().group("workers").await.unwrap()
}

/// Why the dead letters of a group died, in order.
async fn reasons<T: memq::Topic>(broker: &Broker, group: &str) -> Vec<String> {
    let mut dead = broker.dead_letters::<T>(group).subscriber().await.unwrap();
    let mut reasons = Vec::new();
    while let Some(letter) = dead.try_recv().unwrap() {
        reasons.push(memq::DeadLetter::of(letter.headers()).unwrap().reason);
    }
    reasons
}

type Pending = std::future::Pending<Result<(), String>>;
assert_impl_all!(Worker<Number, fn(Number) -> Pending, ByValue>: Send, Sync, Unpin);
assert_impl_all!(WorkerHandle: Send, Sync, Clone, Unpin);
// What the handler holds decides.
assert_not_impl_any!(
    Worker<Number, fn(Delivery<Number>) -> Pin<Box<dyn Future<Output = ()>>>, ByDelivery>: Send
);

#[test]
fn as_many_handlers_run_as_were_asked_for_and_never_more() {
    for concurrency in [1, 3, 8] {
        paused().block_on(async move {
            let (broker, _) = numbers(40).await;
            broker.close("numbers").await.unwrap();
            let (now, most) = (Cell::new(0), Cell::new(0));
            let started = Instant::now();
            let worker = member(&broker).await.run(|_: Number| async {
                now.set(now.get() + 1);
                most.set(most.get().max(now.get()));
                sleep(SECOND).await;
                now.set(now.get() - 1);
                Ok::<(), &str>(())
            });
            let report = worker.concurrency(concurrency).await.unwrap();
            assert_eq!((most.get(), report.succeeded), (concurrency, 40));
            assert_eq!(started.elapsed().as_secs(), 40_u64.div_ceil(concurrency as u64));
        });
    }
}

#[test]
fn one_handler_runs_at_a_time_if_nothing_is_said_and_the_member_may_hold_less() {
    paused().block_on(async {
        for (asked, may_hold, expected) in [(None, 10, 1), (Some(8), 2, 2)] {
            let (broker, _) = numbers(6).await;
            broker.close("numbers").await.unwrap();
            let member = broker.subscriber::<Number>().group("workers").max_in_flight(may_hold);
            let started = Instant::now();
            let worker = member.await.unwrap().run(|_: Number| async {
                sleep(SECOND).await;
                Ok::<(), &str>(())
            });
            let worker = match asked {
                Some(concurrency) => worker.concurrency(concurrency),
                None => worker,
            };
            assert_eq!(worker.await.unwrap().succeeded, 6);
            assert_eq!(started.elapsed().as_secs(), 6 / expected);
        }
    });
}

#[test]
fn messages_of_a_key_keep_their_order_through_failures() {
    paused().block_on(async {
        const KEYS: u64 = 5;
        let items = ["0", "1", "2", "3", "4", "5"];
        let all = items.iter().flat_map(|item| (0..KEYS).map(move |key| (key, *item)));
        let broker = orders(all).await;
        let billing = broker.subscriber::<Order>().group("billing").await.unwrap();
        let running: RefCell<HashMap<u64, String>> = RefCell::default();
        let tries: RefCell<HashMap<(u64, String), u32>> = RefCell::default();
        let done: RefCell<HashMap<u64, Vec<String>>> = RefCell::default();
        let worker = billing.run(|order: Order| {
            let (running, tries, done) = (&running, &tries, &done);
            async move {
                let id = (order.customer, order.item.clone());
                let before = running.borrow_mut().insert(order.customer, order.item.clone());
                assert_eq!(before, None, "two of one key at the same time");
                // Nothing was started out of turn.
                let turn = done.borrow().get(&order.customer).map_or(0, Vec::len).to_string();
                assert_eq!(order.item, turn, "customer {}", order.customer);
                let tried = {
                    let mut tries = tries.borrow_mut();
                    let tried = tries.entry(id).or_default();
                    *tried += 1;
                    *tried
                };
                sleep(MILLI * (order.customer as u32 + 1)).await;
                running.borrow_mut().remove(&order.customer);
                // Each message fails none, one or two times, in a way of its own.
                let number: u32 = order.item.parse().unwrap();
                match (order.customer as u32 + number) % 3 {
                    fails if tried <= fails && number % 2 == 0 => Err("not yet"),
                    fails if tried <= fails => panic!("not yet"),
                    _ => {
                        done.borrow_mut().entry(order.customer).or_default().push(order.item);
                        Ok(())
                    }
                }
            }
        });
        let report = worker.concurrency(8).await.unwrap();
        for key in 0..KEYS {
            assert_eq!(done.borrow()[&key], items);
        }
        assert_eq!((report.succeeded, report.failed), (30, 30));
        assert_eq!((report.panicked, report.dead_lettered), (15, 0));
    });
}

#[test]
fn other_keys_go_on_while_one_waits_for_its_retry() {
    paused().block_on(async {
        let broker = orders([(1, "bad"), (1, "behind"), (2, "a"), (3, "b")]).await;
        let billing = broker.subscriber::<Order>().group("billing").max_attempts(3);
        let seen = RefCell::new(Vec::new());
        let started = Instant::now();
        let worker = billing.await.unwrap().run(|order: Order| {
            seen.borrow_mut().push((order.item.clone(), started.elapsed().as_secs()));
            std::future::ready(if order.item == "bad" { Err("no") } else { Ok(()) })
        });
        let report = worker.retry(Backoff::fixed(SECOND)).await.unwrap();
        let seen = seen.into_inner();
        let seen: Vec<_> = seen.iter().map(|(item, at)| (item.as_str(), *at)).collect();
        assert_eq!(seen, [("bad", 0), ("a", 0), ("b", 0), ("bad", 1), ("bad", 2), ("behind", 2)]);
        assert_eq!((report.succeeded, report.failed, report.dead_lettered), (3, 2, 1));
        assert_eq!(reasons::<Order>(&broker, "billing").await, ["no (attempt 3)"]);
    });
}

#[test]
fn the_pauses_between_attempts_grow_and_are_shortened_at_random() {
    let attempts = |backoff: Backoff| {
        paused().block_on(async move {
            let (broker, _) = numbers(1).await;
            broker.close("numbers").await.unwrap();
            let at = RefCell::new(Vec::new());
            let started = Instant::now();
            let worker = member(&broker).await.run(|_: Number| {
                at.borrow_mut().push(started.elapsed().as_millis());
                std::future::ready(Err::<(), _>("no"))
            });
            let report = worker.retry(backoff).await.unwrap();
            assert_eq!((report.failed, report.dead_lettered), (4, 1));
            at.into_inner().windows(2).map(|at| at[1] - at[0]).collect::<Vec<_>>()
        })
    };
    let backoff = Backoff::exponential(100 * MILLI, SECOND);
    let exact = attempts(backoff.without_jitter());
    assert_eq!(exact.len(), 4);
    for (pause, expected) in exact.iter().zip([100, 200, 400, 800]) {
        assert!((expected..expected + 3).contains(pause), "{exact:?}");
    }
    let random = attempts(backoff);
    for (pause, longest) in random.iter().zip([100, 200, 400, 800]) {
        assert!((longest / 2..longest + 3).contains(pause), "{random:?}");
    }
}

#[test]
fn every_form_of_message_and_of_handler_works() {
    async fn by_value(number: Number) -> Result<(), std::num::TryFromIntError> {
        u8::try_from(number.0).map(drop)
    }
    async fn by_delivery(order: Delivery<Order>) {
        order.ack_confirmed().await.unwrap();
    }
    on_both_runtimes(|| async {
        let (broker, _) = numbers(3).await;
        broker.close("numbers").await.unwrap();
        let report = member(&broker).await.run(by_value).await.unwrap();
        assert_eq!((report.succeeded, report.ended), (3, Ended::Closed));

        let broker = orders([(1, "tea"), (2, "cake")]).await;
        let one = broker.subscriber::<Order>().group("one").await.unwrap();
        assert_eq!(spawn(one.run(by_delivery).concurrency(2)).await.unwrap().unwrap().succeeded, 2);
        let two = broker.subscriber::<Order>().group("two").await.unwrap();
        let mut last = None;
        let worker = two.run(|order: Order| {
            // It may change what it borrows.
            last = Some(order.item);
            async { Ok::<(), String>(()) }
        });
        worker.await.unwrap();
        assert_eq!(last.as_deref(), Some("cake"));

        let raw = broker.topic("raw").format(Format::Json);
        raw.publisher().await.unwrap().publish_bytes("[7]").await.unwrap();
        broker.close("raw").await.unwrap();
        let group = raw.subscriber().group("three").await.unwrap();
        let seen = AtomicUsize::new(0);
        let worker = group.run(async |record: Record| {
            seen.fetch_add(record.decode::<Vec<usize>>().unwrap()[0], Ordering::SeqCst);
            Ok::<(), memq::Error>(())
        });
        assert_eq!(worker.await.unwrap().succeeded, 1);
        assert_eq!(seen.load(Ordering::SeqCst), 7);
        let group = raw.subscriber().group("four").await.unwrap();
        let worker = group.run(|record: Delivery<Record>| async move { record.ack() });
        assert_eq!(worker.await.unwrap().succeeded, 1);
    });
}

#[test]
fn a_handler_may_borrow() {
    paused().block_on(async {
        let (broker, _) = numbers(4).await;
        broker.close("numbers").await.unwrap();
        // Neither is `'static`, nor may it go to another thread.
        let sum = Cell::new(0);
        let add = |number: u64| sum.set(sum.get() + number);
        let worker = member(&broker).await.run(|number: Number| async move {
            settle().await;
            add(number.0);
            Ok::<(), &str>(())
        });
        worker.concurrency(4).await.unwrap();
        assert_eq!(sum.get(), 6);
    });
}

#[test]
fn a_worker_that_waits_is_woken_by_a_message_and_by_nothing_else() {
    paused().block_on(async {
        let (broker, publisher) = numbers(0).await;
        let (bell, handled) = (Bell::new(), Cell::new(0));
        let mut worker = member(&broker).await.run(|_: Number| {
            handled.set(handled.get() + 1);
            std::future::ready(Ok::<(), &str>(()))
        });
        assert!(settle_with(&bell, &mut worker).is_pending());
        let rings = bell.rings();
        sleep(3_600 * SECOND).await;
        assert_eq!(bell.rings(), rings);
        publisher.publish(Number(0)).await.unwrap();
        assert_eq!(bell.rings(), rings + 1);
        assert!(settle_with(&bell, &mut worker).is_pending());
        assert_eq!(handled.get(), 1);
    });
}

#[test]
fn a_message_that_a_worker_was_called_for_goes_to_another_when_it_stops() {
    paused().block_on(async {
        for dropped in [true, false] {
            let (broker, publisher) = numbers(0).await;
            let handler = |_: Number| std::future::ready(Ok::<(), &str>(()));
            let mut one = member(&broker).await.run(handler);
            let mut two = member(&broker).await.run(handler);
            let bells = [Bell::new(), Bell::new()];
            assert!(settle_with(&bells[0], &mut one).is_pending());
            assert!(settle_with(&bells[1], &mut two).is_pending());
            let before = bells[1].rings();
            publisher.publish(Number(0)).await.unwrap();
            assert_eq!(bells[1].rings(), before);
            let handle = one.handle();
            if dropped {
                drop(one);
            } else {
                let drained = spawn(async move { handle.drain(SECOND).await.ended });
                settle().await;
                assert!(poll_with(&bells[0], &mut one).is_ready());
                assert_eq!(drained.await.unwrap(), Ended::Drained);
            }
            assert!(bells[1].rings() > before);
            assert!(settle_with(&bells[1], &mut two).is_pending());
            assert_eq!(two.handle().report().succeeded, 1);
        }
    });
}

#[test]
fn handlers_that_never_wait_let_other_tasks_run() {
    for concurrency in [1, 64] {
        paused().block_on(async move {
            let broker = Broker::new();
            let publisher = broker.publisher::<Large>().await.unwrap();
            publisher.publish_batch((0..5_000).map(Large)).await.unwrap();
            broker.close("large").await.unwrap();
            let large = broker.subscriber::<Large>().group("workers").await.unwrap();
            let worker = large.run(|_: Large| std::future::ready(Ok::<(), &str>(())));
            let handle = worker.handle();
            let running = spawn(worker.concurrency(concurrency));
            let mut turns = 0;
            let other = std::future::poll_fn(move |cx| {
                if handle.report().ended != Ended::NotYet {
                    return Poll::Ready(turns);
                }
                turns += 1;
                cx.waker().wake_by_ref();
                Poll::Pending
            });
            let turns = spawn(other).await.unwrap();
            assert!(turns >= 5_000 / 64, "{turns}");
            assert_eq!(running.await.unwrap().unwrap().succeeded, 5_000);
        });
    }
}

#[test]
fn no_message_is_settled_twice_however_many_workers_there_are() {
    on_both_runtimes(|| async {
        const MESSAGES: usize = 2_000;
        let broker = Broker::new();
        let publisher = broker.publisher::<Large>().await.unwrap();
        let done: Arc<Vec<AtomicUsize>> =
            Arc::new((0..MESSAGES).map(|_| AtomicUsize::new(0)).collect());
        let mut workers = Vec::new();
        for _ in 0..4 {
            let consumer = broker.subscriber::<Large>().group("workers").await.unwrap();
            let done = done.clone();
            let worker = consumer.run(move |large: Delivery<Large>| {
                let done = done.clone();
                async move {
                    tokio::task::yield_now().await;
                    match (large.0 + u64::from(large.attempt())) % 5 {
                        0 => large.nack(),
                        1 => drop(large),
                        _ => {
                            let at = large.0 as usize;
                            large.ack_confirmed().await.unwrap();
                            done[at].fetch_add(1, Ordering::SeqCst);
                        }
                    }
                }
            });
            workers.push(spawn(worker.concurrency(16).retry(Backoff::NONE)));
        }
        publisher.publish_batch((0..MESSAGES as u64).map(Large)).await.unwrap();
        broker.close("large").await.unwrap();
        let (mut succeeded, mut failed, mut attempts) = (0, 0, 0);
        for worker in workers {
            let report = worker.await.unwrap().unwrap();
            assert_eq!((report.dead_lettered, report.stale, report.left_open), (0, 0, 0));
            assert_eq!(report.ended, Ended::Closed);
            succeeded += report.succeeded;
            failed += report.failed;
            attempts += report.attempts();
        }
        assert!(done.iter().all(|times| times.load(Ordering::SeqCst) == 1));
        assert_eq!((succeeded, succeeded + failed), (MESSAGES as u64, attempts));
    });
}
