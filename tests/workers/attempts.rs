//! How an attempt ends: failed, panicked, too slow, settled by its handler, or not at all.

use std::cell::{Cell, RefCell};
use std::fmt;
use std::panic::panic_any;
use std::time::Duration;

use memq::{Backoff, Broker, Delivery, Ended, Message, Offset, Start};
use tokio::time::{Instant, sleep};

use crate::common::{paused, settle, spawn};
use crate::{MILLI, Number, SECOND, member, numbers, reasons};

/// Calls a function when it is dropped.
struct OnDrop<F: FnMut()>(F);

impl<F: FnMut()> Drop for OnDrop<F> {
    fn drop(&mut self) {
        (self.0)();
    }
}

async fn closed(count: u64) -> Broker {
    let (broker, _) = numbers(count).await;
    broker.close("numbers").await.unwrap();
    broker
}

#[test]
fn a_failed_message_is_tried_again_and_is_dead_with_the_reason_after_the_last_attempt() {
    paused().block_on(async {
        let broker = closed(2).await;
        let member = broker.subscriber::<Number>().group("workers").max_attempts(2).await.unwrap();
        let calls = Cell::new(0);
        let worker = member.run(|number: Number| {
            calls.set(calls.get() + 1);
            std::future::ready(match (number.0, calls.get()) {
                (0, _) => Err(format!("connection refused\nby {}", number.0)),
                _ => Ok(()),
            })
        });
        let report = worker.await.unwrap();
        assert_eq!((report.succeeded, report.failed, report.dead_lettered), (1, 1, 1));
        assert_eq!((report.attempts(), calls.get()), (3, 3));
        let why = reasons::<Number>(&broker, "workers").await;
        assert_eq!(why, ["connection refused by 0 (attempt 2)"]);
    });
}

#[test]
fn a_handler_of_messages_sees_what_is_said_with_them_and_says_how_it_went() {
    #[derive(memq::Topic)]
    #[topic(name = "uncloned")]
    struct Uncloned(u64);

    paused().block_on(async {
        let broker = Broker::new();
        let publisher = broker.publisher::<Uncloned>().await.unwrap();
        for (number, user) in [(7, "ann"), (8, "bob")] {
            publisher.publish(Uncloned(number)).header("user", user).await.unwrap();
        }
        broker.close("uncloned").await.unwrap();
        let seen = RefCell::new(Vec::new());
        let member = broker.subscriber::<Uncloned>().group("workers").max_attempts(2).await;
        let worker = member.unwrap().run(|message: Message<Uncloned>| {
            let fails = message.headers().get("user") == Some("bob");
            seen.borrow_mut().push(message);
            async move { if fails { Err("not bob's") } else { Ok(()) } }
        });
        let report = worker.retry(Backoff::NONE).await.unwrap();
        assert_eq!((report.succeeded, report.failed, report.dead_lettered), (1, 1, 1));
        let seen: Vec<_> = seen.take().iter().map(|it| (it.0, it.offset())).collect();
        assert_eq!(seen, [(7, Offset(0)), (8, Offset(1)), (8, Offset(1))]);
        assert_eq!(reasons::<Uncloned>(&broker, "workers").await, ["not bob's (attempt 2)"]);
    });
}

#[test]
fn a_long_reason_is_cut() {
    paused().block_on(async {
        let broker = closed(1).await;
        let worker =
            member(&broker).await.run(|_: Number| async { Err::<(), _>("x".repeat(5_000)) });
        assert_eq!(worker.retry(Backoff::NONE).await.unwrap().dead_lettered, 1);
        assert_eq!(reasons::<Number>(&broker, "workers").await, ["x".repeat(1_024)]);
    });
}

#[test]
fn a_panic_is_a_failed_attempt_wherever_it_happens() {
    struct Unspeakable;
    impl fmt::Display for Unspeakable {
        fn fmt(&self, _: &mut fmt::Formatter<'_>) -> fmt::Result {
            panic!("the error has no words")
        }
    }
    struct Thrown;
    impl Drop for Thrown {
        fn drop(&mut self) {
            panic!("what was thrown panics too");
        }
    }
    paused().block_on(async {
        let broker = closed(6).await;
        let member = broker.subscriber::<Number>().group("workers").max_attempts(2).await.unwrap();
        let worker = member.run(|number: Number| {
            assert!(number.0 != 0, "at the call of {}", number.0);
            async move {
                settle().await;
                match number.0 {
                    1 => panic!("after a while"),
                    2 => panic_any(7),
                    3 => panic_any(Thrown),
                    4 => Err(Unspeakable),
                    _ => Ok(()),
                }
            }
        });
        let report = worker.concurrency(3).retry(Backoff::NONE).await.unwrap();
        assert_eq!((report.succeeded, report.failed, report.dead_lettered), (1, 5, 5));
        assert_eq!((report.panicked, report.timed_out, report.ended), (10, 0, Ended::Closed));
        let mut why = reasons::<Number>(&broker, "workers").await;
        why.sort();
        assert_eq!(
            why,
            [
                "its handler panicked (attempt 2)",
                "its handler panicked (attempt 2)",
                "its handler panicked: after a while (attempt 2)",
                "its handler panicked: at the call of 0 (attempt 2)",
                "its handler panicked: the error has no words (attempt 2)",
            ]
        );
    });
}

#[test]
fn a_handler_that_panics_while_it_is_dropped_harms_nobody() {
    paused().block_on(async {
        let (broker, _) = numbers(4).await;
        let one = member(&broker).await.run(|number: Number| async move {
            let _bomb = OnDrop(|| assert!(number.0 == 3, "while it is dropped"));
            match number.0 {
                3 => Ok(()),
                _ => std::future::pending::<Result<(), &str>>().await,
            }
        });
        let handle = one.handle();
        // Numbers 0 to 2 panic when they are stopped, at the limit and then with the worker.
        let limit = Backoff::fixed(SECOND);
        let running = spawn(one.concurrency(8).time_limit(SECOND).retry(limit));
        sleep(2 * SECOND + 500 * MILLI).await;
        let report = handle.drain(Duration::ZERO).await;
        assert_eq!((report.succeeded, report.timed_out, report.failed), (1, 3, 3));
        assert_eq!(report.unfinished, [Offset(0), Offset(1), Offset(2)]);
        assert_eq!(running.await.unwrap().unwrap(), report);
        let mut two = member(&broker).await;
        for expected in 0..3 {
            let number = two.try_recv().unwrap().unwrap();
            assert_eq!((number.0, number.attempt()), (expected, 3));
            number.ack();
        }
    });
}

#[test]
fn a_handler_is_stopped_at_its_time_limit() {
    paused().block_on(async {
        let broker = closed(1).await;
        let member = broker.subscriber::<Number>().group("workers").max_attempts(3).await.unwrap();
        let (started, stopped) = (Instant::now(), RefCell::new(Vec::new()));
        let worker = member.run(|_: Number| {
            let guard = OnDrop(|| stopped.borrow_mut().push(started.elapsed().as_secs()));
            async move {
                let _guard = guard;
                std::future::pending::<Result<(), &str>>().await
            }
        });
        let report =
            worker.time_limit(10 * SECOND).retry(Backoff::fixed(5 * SECOND)).await.unwrap();
        assert_eq!((report.failed, report.dead_lettered, report.timed_out), (2, 1, 3));
        assert_eq!(stopped.into_inner(), [10, 25, 40]);
        let why = reasons::<Number>(&broker, "workers").await;
        assert_eq!(why, ["its handler took longer than 10s (attempt 3)"]);
    });
}

#[test]
fn the_time_limit_is_the_ack_deadline_if_not_said() {
    paused().block_on(async {
        let broker = closed(1).await;
        let member = broker.subscriber::<Number>().group("workers");
        let member = member.ack_deadline(3 * SECOND).max_attempts(1).await.unwrap();
        let started = Instant::now();
        let worker = member.run(|_: Number| std::future::pending::<Result<(), &str>>());
        assert_eq!(worker.await.unwrap().timed_out, 1);
        assert_eq!(started.elapsed().as_secs(), 3);
    });
}

#[test]
fn a_message_is_kept_for_as_long_as_its_handler_may_run() {
    paused().block_on(async {
        let (broker, _) = numbers(1).await;
        let one = broker.subscriber::<Number>().group("workers").ack_deadline(SECOND);
        let worker = one.await.unwrap().run(|_: Number| async {
            sleep(60 * SECOND).await;
            Ok::<(), &str>(())
        });
        let handle = worker.handle();
        let running = spawn(worker.time_limit(60 * SECOND + MILLI));
        settle().await;
        let mut two = member(&broker).await;
        assert!(two.recv_timeout(59 * SECOND).await.unwrap().is_none());
        sleep(2 * SECOND).await;
        let stats = two.stats().unwrap();
        assert_eq!((stats.settled, stats.redelivered, stats.expired), (1, 0, 0));
        assert_eq!(handle.drain(SECOND).await.succeeded, 1);
        running.await.unwrap().unwrap();
    });
}

#[test]
fn a_handler_of_deliveries_settles_them_itself() {
    paused().block_on(async {
        let broker = closed(6).await;
        let member = broker.subscriber::<Number>().group("workers").max_attempts(2).await.unwrap();
        let elsewhere = RefCell::new(None);
        let worker = member.run(|number: Delivery<Number>| {
            let elsewhere = &elsewhere;
            async move {
                match (number.0, number.attempt()) {
                    (0, _) => number.ack(),
                    (1, _) => number.nack(),
                    (2, _) => number.reject("it is no good"),
                    (3, _) => drop(number),
                    (4, 1) => panic!("with a delivery in hand"),
                    (5, 1) => drop(elsewhere.borrow_mut().replace(number)),
                    _ => {
                        number.ack();
                        drop(elsewhere.borrow_mut().take());
                    }
                }
            }
        });
        let report = worker.concurrency(2).await.unwrap();
        // 0, 4 and 5 in the end; 1, 3 and 4 once; 2 rejected, and 1 and 3 after the second attempt.
        assert_eq!((report.succeeded, report.failed, report.dead_lettered), (3, 3, 3));
        assert_eq!((report.left_open, report.panicked, report.stale), (1, 1, 0));
        assert_eq!(report.attempts(), 10);
        let mut why = reasons::<Number>(&broker, "workers").await;
        why.sort();
        assert_eq!(
            why,
            ["it is no good", "its delivery was dropped (attempt 2)", "nacked (attempt 2)"]
        );
    });
}

#[test]
fn an_unsettled_delivery_comes_back_after_the_pause_and_not_at_once() {
    paused().block_on(async {
        let broker = closed(3).await;
        let member = broker.subscriber::<Number>().group("workers").max_attempts(2).await.unwrap();
        let (started, seen) = (Instant::now(), RefCell::new(Vec::new()));
        let worker = member.run(|number: Delivery<Number>| {
            seen.borrow_mut().push((number.0, started.elapsed().as_secs()));
            async move {
                match number.0 {
                    0 => drop(number),
                    1 => panic!("with a delivery in hand"),
                    _ => {
                        let _held = number;
                        std::future::pending().await
                    }
                }
            }
        });
        let worker =
            worker.concurrency(3).time_limit(2 * SECOND).retry(Backoff::fixed(SECOND * 10));
        let report = worker.await.unwrap();
        assert_eq!(seen.into_inner(), [(0, 0), (1, 0), (2, 0), (0, 10), (1, 10), (2, 12)]);
        assert_eq!((report.failed, report.dead_lettered), (3, 3));
        assert_eq!((report.panicked, report.timed_out), (2, 2));
        let why = reasons::<Number>(&broker, "workers").await;
        assert_eq!(
            why,
            [
                "its delivery was dropped (attempt 2)",
                "its handler panicked (attempt 2)",
                "its handler took longer than 2s (attempt 2)",
            ]
        );
    });
}

#[test]
fn an_attempt_that_no_longer_counts_is_stale() {
    paused().block_on(async {
        let (broker, _) = numbers(2).await;
        let worker = member(&broker).await.run(|_: Number| async {
            sleep(SECOND).await;
            Ok::<(), &str>(())
        });
        let handle = worker.handle();
        let running = spawn(worker.concurrency(8));
        settle().await;
        let mut other = member(&broker).await;
        other.seek(Start::Earliest).await.unwrap();
        settle().await;
        // Both are there twice: void, and handed out again.
        let all = [Offset(0), Offset(0), Offset(1), Offset(1)];
        assert_eq!(handle.report().unfinished, all);
        let report = handle.drain(5 * SECOND).await;
        assert_eq!((report.succeeded, report.stale, report.ended), (2, 2, Ended::Drained));
        running.await.unwrap().unwrap();
    });
}

#[test]
fn a_group_that_settles_at_once_has_each_message_handled_once() {
    paused().block_on(async {
        let broker = closed(4).await;
        let member = broker.subscriber::<Number>().group("workers").auto_ack().await.unwrap();
        let worker = member.run(|number: Number| async move {
            match number.0 {
                0 => Ok(()),
                1 => Err("no"),
                2 => panic!("no"),
                _ => std::future::pending().await,
            }
        });
        let report = worker.concurrency(2).await.unwrap();
        assert_eq!((report.succeeded, report.failed, report.attempts()), (1, 3, 4));
        assert_eq!((report.panicked, report.timed_out, report.ended), (1, 1, Ended::Closed));
    });
}
