//! `tower` services as handlers: limits, time-outs and load-shedding are theirs.

use std::cell::{Cell, RefCell};
use std::future::{Ready, ready};
use std::rc::Rc;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use memq::{Backoff, Cause, Ended, Error, Offset, RunError};
use tokio::time::{Instant, sleep};
use tower::{Service, ServiceBuilder, service_fn};

use crate::common::{Bell, Order, paused, poll_with, settle, settle_with, spawn};
use crate::{MILLI, Number, SECOND, member, numbers, orders, reasons};

/// A service whose readiness is set from outside.
#[derive(Clone, Default)]
struct Gate {
    open: Rc<Cell<bool>>,
    broken: Rc<Cell<bool>>,
    waits: Rc<RefCell<Option<Waker>>>,
    calls: Rc<Cell<u64>>,
}

impl Gate {
    fn open(&self, open: bool) {
        self.open.set(open);
        if let Some(waker) = self.waits.borrow_mut().take() {
            waker.wake();
        }
    }
}

impl Service<Number> for Gate {
    type Response = u64;
    type Error = String;
    type Future = Ready<Result<u64, String>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), String>> {
        if self.broken.get() {
            return Poll::Ready(Err("the bank is gone".into()));
        }
        if self.open.get() {
            return Poll::Ready(Ok(()));
        }
        *self.waits.borrow_mut() = Some(cx.waker().clone());
        Poll::Pending
    }

    fn call(&mut self, number: Number) -> Self::Future {
        assert!(self.open.get(), "it is called only when it is ready");
        self.calls.set(self.calls.get() + 1);
        ready(if number.0 == 1 { Err("one is not wanted".into()) } else { Ok(number.0) })
    }
}

#[test]
fn a_response_acknowledges_and_an_error_is_a_failed_attempt() {
    paused().block_on(async {
        let (broker, _) = numbers(3).await;
        broker.close("numbers").await.unwrap();
        let gate = Gate::default();
        gate.open(true);
        let report = member(&broker).await.run_service(gate.clone()).await.unwrap();
        assert_eq!((report.succeeded, report.failed, report.dead_lettered), (2, 4, 1));
        assert_eq!(gate.calls.get(), report.attempts());
        let why = reasons::<Number>(&broker, "workers").await;
        assert_eq!(why, ["one is not wanted (attempt 5)"]);
    });
}

#[test]
fn no_message_is_taken_while_the_service_is_not_ready() {
    paused().block_on(async {
        let (broker, publisher) = numbers(0).await;
        let (gate, bell) = (Gate::default(), Bell::new());
        gate.open(true);
        let mut worker = member(&broker).await.run_service(gate.clone()).concurrency(8);
        assert!(settle_with(&bell, &mut worker).is_pending());
        // It waits for a message; then it does not any more, and another member has it.
        gate.open(false);
        publisher.publish(Number(0)).await.unwrap();
        let mut other = member(&broker).await;
        let waits = spawn(async move {
            let number = other.recv().await.unwrap().0;
            (number, other)
        });
        settle().await;
        assert!(settle_with(&bell, &mut worker).is_pending());
        let (number, other) = waits.await.unwrap();
        assert_eq!((number, worker.handle().report().attempts()), (0, 0));
        drop(other);
        // It came back, and the service is woken for it when it is ready.
        let rings = bell.rings();
        gate.open(true);
        assert_eq!(bell.rings(), rings + 1);
        assert!(poll_with(&bell, &mut worker).is_pending());
        assert_eq!((gate.calls.get(), worker.handle().report().succeeded), (1, 1));
    });
}

#[test]
fn a_service_that_fails_to_get_ready_ends_the_worker_once_what_is_in_flight_is_done() {
    struct Breaks(u64);
    impl Service<Number> for Breaks {
        type Response = ();
        type Error = Box<dyn std::error::Error + Send + Sync>;
        type Future = std::pin::Pin<Box<dyn Future<Output = Result<(), Self::Error>>>>;

        fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
            match self.0 {
                0 => Poll::Ready(Err("the bank is gone".into())),
                1 => panic!("the bank is on fire"),
                _ => Poll::Ready(Ok(())),
            }
        }

        fn call(&mut self, _: Number) -> Self::Future {
            self.0 -= 2;
            Box::pin(async {
                sleep(SECOND).await;
                Ok(())
            })
        }
    }
    paused().block_on(async {
        for (calls, cause) in
            [(4, "the bank is gone"), (5, "its handler panicked: the bank is on fire")]
        {
            let (broker, _) = numbers(5).await;
            let started = Instant::now();
            let worker = member(&broker).await.run_service(Breaks(calls)).concurrency(5);
            let handle = worker.handle();
            let error = worker.await.unwrap_err();
            assert_eq!(started.elapsed().as_secs(), 1);
            assert!(matches!(&error, RunError::Service { group, source }
                if group == "workers" && source.to_string() == cause));
            assert!(format!("{:?}", Error::from(error)).ends_with(cause));
            let report = handle.drain(SECOND).await;
            assert_eq!((report.succeeded, report.ended), (2, Ended::Failed));
            let next = member(&broker).await.try_recv().unwrap().unwrap();
            assert_eq!((next.offset(), next.attempt()), (Offset(2), 1));
        }
    });
}

#[test]
fn a_limit_of_concurrency_is_a_layer() {
    paused().block_on(async {
        let (broker, _) = numbers(12).await;
        broker.close("numbers").await.unwrap();
        let (now, most) = (Cell::new(0), Cell::new(0));
        let service = service_fn(|_: Number| async {
            now.set(now.get() + 1);
            most.set(most.get().max(now.get()));
            sleep(SECOND).await;
            now.set(now.get() - 1);
            Ok::<_, memq::RecvError>(())
        });
        let service = ServiceBuilder::new().concurrency_limit(3).service(service);
        let started = Instant::now();
        let report = member(&broker).await.run_service(service).concurrency(8).await.unwrap();
        assert_eq!((report.succeeded, report.failed, most.get()), (12, 0, 3));
        assert_eq!(started.elapsed().as_secs(), 4);
    });
}

#[test]
fn time_outs_and_load_shedding_are_layers_whose_errors_are_failed_attempts() {
    paused().block_on(async {
        let broker = orders([(1, "slow"), (2, "tea"), (3, "tea")]).await;
        let service = service_fn(|order: Order| async move {
            sleep(if order.item == "slow" { 60 * SECOND } else { 100 * MILLI }).await;
            Ok::<_, memq::RecvError>(order.item)
        });
        let service = ServiceBuilder::new()
            .load_shed()
            .concurrency_limit(2)
            .timeout(5 * SECOND)
            .service(service);
        let billing = broker.subscriber::<Order>().group("billing").max_attempts(2).await.unwrap();
        let worker = billing.run_service(service).concurrency(3);
        let report = worker.retry(Backoff::fixed(SECOND)).await.unwrap();
        // One is shed at first, and one is too slow twice.
        assert_eq!((report.succeeded, report.failed, report.dead_lettered), (2, 2, 1));
        assert_eq!(report.timed_out, 0);
        let why = reasons::<Order>(&broker, "billing").await;
        assert_eq!(why, ["request timed out (attempt 2)"]);
    });
}

#[test]
fn the_limits_of_the_worker_hold_beside_those_of_the_layers() {
    paused().block_on(async {
        let (broker, _) = numbers(4).await;
        broker.close("numbers").await.unwrap();
        let service = service_fn(|number: Number| async move {
            sleep(SECOND * number.0 as u32).await;
            Ok::<_, memq::RecvError>(())
        });
        let one = broker.subscriber::<Number>().group("workers").max_attempts(1).await.unwrap();
        let worker = one.run_service(service).concurrency(2).time_limit(SECOND + MILLI);
        let report = worker.await.unwrap();
        assert_eq!((report.succeeded, report.dead_lettered, report.timed_out), (2, 2, 2));
    });
}

/// Never ready.
struct Never;

impl<T> Service<T> for Never {
    type Response = ();
    type Error = Cause;
    type Future = std::future::Ready<Result<(), Cause>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Cause>> {
        Poll::Pending
    }

    fn call(&mut self, _: T) -> Self::Future {
        unreachable!("it is never ready")
    }
}

#[test]
fn a_worker_whose_service_is_not_ready_notices_the_end() {
    paused().block_on(async {
        for how in ["close", "delete", "delete_group"] {
            let (broker, _publisher) = numbers(0).await;
            let running = spawn(member(&broker).await.run_service(Never));
            settle().await;
            assert!(!running.is_finished());
            let ended = match how {
                "close" => {
                    broker.close("numbers").await.unwrap();
                    Ended::Closed
                }
                "delete" => {
                    broker.delete("numbers").await.unwrap();
                    Ended::Deleted
                }
                _ => {
                    broker.delete_group("numbers", "workers").await.unwrap();
                    Ended::GroupDeleted
                }
            };
            assert_eq!(running.await.unwrap().unwrap().ended, ended, "{how}");
        }
    });
}

#[test]
fn a_worker_whose_service_is_not_ready_leaves_messages_to_others() {
    paused().block_on(async {
        let (broker, publisher) = numbers(0).await;
        let running = spawn(member(&broker).await.run_service(Never));
        let mut other = member(&broker).await;
        let received = spawn(async move { other.recv().await.unwrap().0 });
        settle().await;
        publisher.publish(Number(7)).await.unwrap();
        assert_eq!(received.await.unwrap(), 7);
        let waiting: Vec<bool> = broker.stats("numbers").await.unwrap().groups[0]
            .members
            .iter()
            .map(|member| member.waiting)
            .collect();
        assert_eq!(waiting, [false]);
        running.abort();
    });
}

numbers!(Short, "short", ttl(Duration::from_secs(5)));

#[test]
fn a_worker_whose_service_is_not_ready_notices_that_time_ended_the_last_message() {
    paused().block_on(async {
        let broker = memq::Broker::new();
        let short = broker.publisher::<Short>().await.unwrap();
        let mut holder = broker.subscriber::<Short>().group("workers").await.unwrap();
        let worker = broker.subscriber::<Short>().group("workers").await.unwrap();
        short.publish(Short(0)).await.unwrap();
        let held = holder.recv().await.unwrap();
        broker.close("short").await.unwrap();
        let running = spawn(worker.run_service(Never));
        settle().await;
        // Gone after 5 s; its deadline is after 30.
        let ended = tokio::time::timeout(600 * SECOND, running).await;
        assert_eq!(ended.expect("it never ends").unwrap().unwrap().ended, Ended::Closed);
        drop(held);
    });
}
