//! Draining: what is finished, what is not, and that it never hangs.

use std::cell::{Cell, RefCell};
use std::future::IntoFuture;
use std::time::Duration;

use memq::{Backoff, Delivery, Ended, Offset, Report, WorkerHandle};
use tokio::time::{Instant, sleep};

use crate::common::{Bell, on_both_runtimes, paused, poll_once, settle, settle_with, spawn};
use crate::{MILLI, Number, SECOND, member, numbers, reasons};

/// Takes as many seconds as its number says.
async fn seconds(number: Number) -> Result<(), String> {
    sleep(SECOND * number.0 as u32).await;
    Ok(())
}

fn offsets(offsets: impl IntoIterator<Item = u64>) -> Vec<Offset> {
    offsets.into_iter().map(Offset).collect()
}

#[test]
fn draining_finishes_what_is_in_flight_and_takes_no_more() {
    on_both_runtimes(|| async {
        let (broker, publisher) = numbers(10).await;
        let worker = member(&broker).await.run(|_: Number| async {
            sleep(20 * MILLI).await;
            Ok::<(), String>(())
        });
        let handle = worker.handle();
        let running = spawn(worker.concurrency(3));
        while handle.report().unfinished.len() < 3 {
            tokio::task::yield_now().await;
        }
        let report = handle.drain(60 * SECOND).await;
        assert_eq!((report.ended, report.unfinished.len()), (Ended::Drained, 0));
        // More than three only where some were done before.
        assert!((3..=6).contains(&report.succeeded), "{report:?}");
        assert_eq!(running.await.unwrap().unwrap(), report);
        publisher.publish(Number(10)).await.unwrap();
        settle().await;
        let mut other = member(&broker).await;
        assert_eq!(other.try_recv().unwrap().unwrap().offset().0, report.succeeded);
    });
}

#[test]
fn who_drains_a_worker_that_is_never_done_with_its_turn_gets_no_more_than_what_had_begun() {
    paused().block_on(async {
        let (broker, _) = numbers(20).await;
        let (handled, asked) = (Cell::new(0), RefCell::new(None));
        let handles: RefCell<Option<WorkerHandle>> = RefCell::default();
        let worker = member(&broker).await.run(|_: Number| {
            handled.set(handled.get() + 1);
            if handled.get() == 2 {
                let handle = handles.take().unwrap();
                let mut drain = Box::pin(async move { handle.drain(SECOND).await });
                assert!(poll_once(&mut drain).is_none());
                asked.replace(Some(drain));
            }
            std::future::ready(Ok::<(), String>(()))
        });
        handles.replace(Some(worker.handle()));
        let report = worker.await.unwrap();
        assert_eq!((report.succeeded, handled.get(), report.ended), (2, 2, Ended::Drained));
        assert_eq!(asked.take().unwrap().await, report);
    });
}

#[test]
fn at_the_deadline_the_rest_is_dropped_reported_and_comes_to_others_at_once() {
    paused().block_on(async {
        let (broker, _) = numbers(7).await;
        let worker = member(&broker).await.run(seconds);
        let handle = worker.handle();
        let running = spawn(worker.concurrency(5).retry(Backoff::fixed(60 * SECOND)));
        settle().await;
        let started = Instant::now();
        let report = handle.drain(2 * SECOND + 500 * MILLI).await;
        assert_eq!(started.elapsed().as_millis() / 10, 250);
        assert_eq!((report.succeeded, report.ended), (3, Ended::DeadlinePassed));
        // The first was done at once, and so was the sixth begun.
        assert_eq!(report.unfinished, offsets([3, 4, 5]));
        assert_eq!(report.attempts(), 6);
        assert_eq!(running.await.unwrap().unwrap(), report);
        let mut other = member(&broker).await;
        for expected in [(3, 2), (4, 2), (5, 2), (6, 1)] {
            let number = other.try_recv().unwrap().unwrap();
            assert_eq!((number.0, number.attempt()), expected);
            number.ack();
        }
    });
}

#[test]
fn what_a_handler_of_deliveries_holds_comes_back_at_once_too() {
    paused().block_on(async {
        for dropped in [false, true] {
            let (broker, _) = numbers(2).await;
            let worker = member(&broker).await.run(|number: Delivery<Number>| async move {
                let _held = number;
                std::future::pending().await
            });
            let handle = worker.handle();
            let worker = worker.concurrency(2).retry(Backoff::fixed(60 * SECOND));
            let running = spawn(worker);
            settle().await;
            let ended = if dropped {
                running.abort();
                assert!(running.await.unwrap_err().is_cancelled());
                Ended::Dropped
            } else {
                handle.drain(SECOND).await;
                running.await.unwrap().unwrap();
                Ended::DeadlinePassed
            };
            let report = handle.report();
            assert_eq!((report.ended, report.unfinished), (ended, offsets([0, 1])));
            let mut other = member(&broker).await;
            for expected in 0..2 {
                let number = other.try_recv().unwrap().unwrap();
                assert_eq!((number.0, number.attempt()), (expected, 2));
                number.ack();
            }
        }
    });
}

#[test]
fn a_message_that_was_stopped_at_its_last_attempt_is_dead() {
    paused().block_on(async {
        let (broker, _) = numbers(1).await;
        let one = broker.subscriber::<Number>().group("workers").max_attempts(1).await.unwrap();
        let worker = one.run(|_: Number| std::future::pending::<Result<(), String>>());
        let handle = worker.handle();
        let running = spawn(worker);
        settle().await;
        let report = handle.drain(Duration::ZERO).await;
        assert_eq!((report.unfinished, report.dead_lettered), (offsets([0]), 0));
        running.await.unwrap().unwrap();
        let why = reasons::<Number>(&broker, "workers").await;
        assert_eq!(why, ["its delivery was dropped (attempt 1)"]);
    });
}

#[test]
fn everybody_who_drains_is_told_the_same_and_the_earliest_deadline_holds() {
    paused().block_on(async {
        for deadlines in [[100, 2], [2, 100]] {
            let (broker, _) = numbers(5).await;
            let worker = member(&broker).await.run(seconds);
            let handle = worker.handle();
            let running = spawn(worker.concurrency(5));
            settle().await;
            let started = Instant::now();
            let draining = deadlines.map(|deadline| {
                let handle = handle.clone();
                spawn(async move { handle.drain(SECOND * deadline + MILLI).await })
            });
            let report = running.await.unwrap().unwrap();
            for draining in draining {
                assert_eq!(draining.await.unwrap(), report);
            }
            assert_eq!(started.elapsed().as_secs(), 2);
            assert_eq!((report.succeeded, report.unfinished), (3, offsets([3, 4])));
            assert_eq!(handle.drain(SECOND).await, handle.report());
        }
    });
}

#[test]
fn a_worker_that_is_drained_before_it_runs_never_does() {
    paused().block_on(async {
        let (broker, _) = numbers(1).await;
        let worker = member(&broker).await.run(|_: Number| async { Ok::<(), &str>(()) });
        let started = Instant::now();
        let report = worker.handle().drain(3_600 * SECOND).await;
        assert_eq!((report.ended, report.attempts()), (Ended::Drained, 0));
        assert_eq!(worker.await.unwrap(), report);
        assert_eq!(started.elapsed(), Duration::ZERO);
        assert_eq!(member(&broker).await.try_recv().unwrap().unwrap().attempt(), 1);
    });
}

#[test]
fn a_worker_with_nothing_in_flight_is_drained_at_once() {
    paused().block_on(async {
        let (broker, _) = numbers(0).await;
        let worker = member(&broker).await.run(seconds);
        let handle = worker.handle();
        let running = spawn(worker);
        settle().await;
        let started = Instant::now();
        assert_eq!(handle.drain(3_600 * SECOND).await.ended, Ended::Drained);
        assert_eq!(running.await.unwrap().unwrap(), handle.report());
        assert_eq!(started.elapsed(), Duration::ZERO);
    });
}

#[test]
fn a_worker_that_has_ended_or_is_gone_is_drained_at_once() {
    paused().block_on(async {
        let (broker, _) = numbers(3).await;
        let started = Instant::now();

        // Dropped before it ran, and in the middle.
        let worker = member(&broker).await.run(seconds);
        let handle = worker.handle();
        drop(worker);
        let report = handle.drain(3_600 * SECOND).await;
        assert_eq!((report.ended, report.attempts()), (Ended::Dropped, 0));

        let mut worker = member(&broker).await.run(seconds).concurrency(3);
        let handle = worker.handle();
        let bell = Bell::new();
        assert!(settle_with(&bell, &mut worker).is_pending());
        let draining = spawn({
            let handle = handle.clone();
            async move { handle.drain(3_600 * SECOND).await }
        });
        settle().await;
        drop(worker);
        let report = draining.await.unwrap();
        assert_eq!((report.ended, report.succeeded), (Ended::Dropped, 1));
        assert_eq!(report.unfinished, offsets([1, 2]));
        assert_eq!(handle.drain(3_600 * SECOND).await, report);
        assert_eq!(started.elapsed(), Duration::ZERO);

        broker.close("numbers").await.unwrap();
        let worker = member(&broker).await.run(seconds);
        let handle = worker.handle();
        let report = worker.await.unwrap();
        let ended = Instant::now();
        assert_eq!(handle.drain(3_600 * SECOND).await, report);
        assert_eq!((report.ended, ended.elapsed()), (Ended::Closed, Duration::ZERO));
    });
}

#[test]
fn a_worker_that_is_not_polled_any_more_does_not_hold_up_who_drains_it() {
    paused().block_on(async {
        let (broker, _) = numbers(3).await;
        let mut worker = member(&broker).await.run(seconds).concurrency(3);
        let handle = worker.handle();
        assert!(settle_with(&Bell::new(), &mut worker).is_pending());
        let started = Instant::now();
        let report = handle.drain(5 * SECOND).await;
        assert!(started.elapsed() < 5 * SECOND + 200 * MILLI);
        assert_eq!((report.ended, report.succeeded), (Ended::NotYet, 1));
        assert_eq!(report.unfinished, offsets([1, 2]));
        // Polled after all it stops, before it polls any handler.
        let report = worker.await.unwrap();
        assert_eq!((report.ended, &report.unfinished), (Ended::DeadlinePassed, &offsets([1, 2])));
        assert_eq!(handle.report(), report);
    });
}

#[test]
fn a_worker_drains_also_if_nobody_waits_for_it() {
    paused().block_on(async {
        let (broker, _) = numbers(3).await;
        let worker = member(&broker).await.run(seconds);
        let handle = worker.handle();
        let running = spawn(worker.concurrency(3));
        settle().await;
        assert!(poll_once(handle.drain(SECOND + MILLI)).is_none());
        let report = running.await.unwrap().unwrap();
        assert_eq!((report.succeeded, report.unfinished), (2, offsets([2])));
    });
}

#[test]
fn a_worker_and_who_drains_it_may_be_one_task() {
    paused().block_on(async {
        let (broker, _) = numbers(3).await;
        let worker = member(&broker).await.run(seconds).concurrency(3);
        let handle = worker.handle();
        let stop = async {
            sleep(SECOND).await;
            handle.drain(SECOND + MILLI).await
        };
        let (done, report) = tokio::join!(worker, stop);
        assert_eq!(done.unwrap(), report);
        assert_eq!((report.succeeded, report.ended), (3, Ended::Drained));
    });
}

#[test]
fn a_handler_that_drains_its_own_worker_is_stopped_at_the_deadline() {
    paused().block_on(async {
        let (broker, _) = numbers(2).await;
        let (send, handle) = tokio::sync::watch::channel(None::<memq::WorkerHandle>);
        let calls = Cell::new(0);
        let worker = member(&broker).await.run(|_: Number| {
            calls.set(calls.get() + 1);
            let handle = handle.borrow().clone().unwrap();
            async move {
                handle.drain(SECOND).await;
                Ok::<(), String>(())
            }
        });
        send.send(Some(worker.handle())).unwrap();
        let report = worker.await.unwrap();
        assert_eq!((report.ended, report.unfinished), (Ended::DeadlinePassed, offsets([0])));
        assert_eq!(calls.get(), 1);
    });
}

#[test]
fn what_a_dropped_worker_had_not_settled_is_handed_to_another_member() {
    on_both_runtimes(|| async {
        let (broker, _) = numbers(50).await;
        let worker = member(&broker).await.run(|number: Number| async move {
            if number.0 % 2 == 1 {
                std::future::pending::<()>().await;
            }
            Ok::<(), String>(())
        });
        let handle = worker.handle();
        let running = spawn(worker.concurrency(10));
        while handle.report().unfinished.len() < 10 {
            tokio::task::yield_now().await;
        }
        running.abort();
        drop(running.await);
        let Report { succeeded, unfinished, .. } = handle.report();
        assert_eq!(unfinished, offsets((0..10).map(|number| 2 * number + 1)));
        let mut other = member(&broker).await;
        let mut again = Vec::new();
        while let Some(number) = other.try_recv().unwrap() {
            again.push(number.offset());
            number.ack();
        }
        // What came back first, and then what was never taken.
        assert_eq!(again[..10], unfinished);
        assert_eq!(again.len() as u64 + succeeded, 50);
    });
}

#[derive(Clone, Debug, memq::Topic)]
#[topic(name = "parted", partitions = 4)]
struct Parted(u64);

#[test]
fn others_serve_the_partitions_of_a_worker_that_drains() {
    paused().block_on(async {
        let broker = memq::Broker::new();
        let parted = broker.publisher::<Parted>().await.unwrap();
        let open = || broker.subscriber::<Parted>().group("workers").into_future();
        let worker = open().await.unwrap().run(|_: Parted| sleep_for_ever());
        let mut other = open().await.unwrap();
        // The worker has the even ones.
        parted.publish(Parted(0)).partition(0).await.unwrap();
        let handle = worker.handle();
        let running = spawn(worker);
        settle().await;
        parted.publish(Parted(1)).partition(2).await.unwrap();
        assert!(other.try_recv().unwrap().is_none());
        let draining = spawn(async move { handle.drain(10 * SECOND).await });
        let taken = other.recv().await.unwrap();
        assert_eq!((taken.0, draining.is_finished()), (1, false));
        taken.ack();
        let stats = other.stats().unwrap();
        assert_eq!((stats.members[0].held.len(), stats.members[0].partitions.len()), (1, 0));
        let report = draining.await.unwrap();
        assert_eq!((report.ended, report.unfinished.len()), (Ended::DeadlinePassed, 1));
        // What it did not finish is there for the other.
        assert_eq!(other.recv().await.unwrap().0, 0);
        running.await.unwrap().unwrap();
    });
}

async fn sleep_for_ever() -> Result<(), &'static str> {
    std::future::pending().await
}
