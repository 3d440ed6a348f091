//! Workers of topics elsewhere.

use std::convert::Infallible;
use std::future::pending;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use memq::spi::Capability;
use memq::{Backoff, Consumer, Ended, Start, WorkerHandle};
use tokio::sync::{Semaphore, SemaphorePermit};
use tower::service_fn;

use crate::common::{Order, poll_once, settle};
use crate::consuming::Shop;
use crate::loopback::able;

#[tokio::test(start_paused = true)]
async fn a_worker_handles_retries_gives_up_and_outlasts_an_outage() {
    for able in [able(), able().without(Capability::ExtendBy)] {
        let shop = Shop::able_to(able, 10).await;
        shop.connection.go_away(1);
        shop.broker.close("orders").await.unwrap();
        let billing = shop.broker.subscriber::<Order>().group("billing").max_attempts(2);
        let tries = Arc::new(AtomicU32::new(0));
        let worker = billing.await.unwrap().run({
            let tries = tries.clone();
            move |order: Order| {
                let tries = tries.clone();
                async move {
                    // Longer than the ack deadline.
                    tokio::time::sleep(Duration::from_secs(45)).await;
                    tries.fetch_add(1, Ordering::SeqCst);
                    if order.customer == 3 { Err("nobody pays") } else { Ok(()) }
                }
            }
        });
        let worker = worker.concurrency(4).time_limit(Duration::from_secs(60));
        let report = worker.retry(Backoff::fixed(Duration::from_secs(1))).await.unwrap();
        assert_eq!((report.succeeded, report.failed, report.dead_lettered), (9, 1, 1));
        assert_eq!((report.ended, report.stale), (Ended::Closed, 0));
        assert_eq!(tries.load(Ordering::SeqCst), 11);
    }
}

#[tokio::test]
async fn a_worker_asks_for_as_many_as_it_can_start() {
    let shop = Shop::with(10).await;
    let gate = Arc::new(Semaphore::new(0));
    let billing = shop.billing().await;
    shop.connection.asked();
    let mut worker = billing
        .run(|_: Order| {
            let gate = gate.clone();
            async move { gate.acquire().await.map(SemaphorePermit::forget) }
        })
        .concurrency(4);
    assert!(poll_once(&mut worker).is_none());
    assert_eq!(shop.connection.asked(), [4]);
    assert!(poll_once(&mut worker).is_none());
    assert!(shop.connection.asked().is_empty());
    // Those that finish together make room together.
    gate.add_permits(3);
    assert!(poll_once(&mut worker).is_none());
    assert_eq!(shop.connection.asked(), [3]);
    drop(worker);
    assert_eq!(shop.unsettled().await, [3, 4, 5, 6, 7, 8, 9]);
    // And no more than one asks for at most.
    shop.connection.asked();
    let mut worker = shop.billing().await.run(async |_: Order| Ok::<_, Infallible>(()));
    worker = worker.concurrency(5_000);
    assert!(poll_once(&mut worker).is_none());
    assert_eq!(shop.connection.asked()[0], 1_024);
}

/// A worker without end that has begun some of 64 messages and was handed all.
fn begun(billing: Consumer<Order>) -> (impl Future + Unpin, WorkerHandle) {
    let worker = billing.run(|_: Order| pending::<Result<(), Infallible>>());
    let mut worker = worker.concurrency(64).time_limit(Duration::from_secs(29));
    let handle = worker.handle();
    // It lets others run in between.
    assert!(poll_once(&mut worker).is_none());
    assert_eq!(running(&handle), 32);
    (worker, handle)
}

fn running(handle: &WorkerHandle) -> usize {
    handle.report().unfinished.len()
}

#[tokio::test]
async fn what_a_worker_was_handed_and_did_not_start_goes_back_when_it_is_drained() {
    let shop = Shop::with(64).await;
    let (mut worker, handle) = begun(shop.billing().await);
    let mut drained = Box::pin(handle.drain(Duration::from_secs(60)));
    assert!(poll_once(&mut drained).is_none());
    assert!(poll_once(&mut worker).is_none());
    let rest: Vec<_> = (32..64).collect();
    assert_eq!(shop.unsettled().await, rest);
}

#[tokio::test]
async fn what_is_not_the_workers_any_more_is_not_started() {
    for able in [able(), able().without(Capability::ExtendBy)] {
        for deleted in [false, true] {
            let shop = Shop::able_to(able, 64).await;
            let (mut worker, handle) = begun(shop.billing().await);
            if deleted {
                shop.broker.delete_group("orders", "billing").await.unwrap();
            } else {
                shop.billing().await.seek(Start::Latest).await.unwrap();
            }
            assert!(poll_once(&mut worker).is_none());
            assert!(poll_once(&mut worker).is_none());
            assert_eq!((running(&handle), handle.report().stale), (32, 32));
        }
    }
}

#[tokio::test(start_paused = true)]
async fn what_a_worker_starts_late_is_kept_for_its_time_limit_too() {
    for able in [able(), able().without(Capability::ExtendBy)] {
        let shop = Shop::able_to(able, 64).await;
        let (mut worker, handle) = begun(shop.billing().await);
        tokio::time::advance(Duration::from_secs(2)).await;
        while running(&handle) < 64 {
            assert!(poll_once(&mut worker).is_none());
            settle().await;
        }
        // Their deadline is over, and half a second of their time is left.
        tokio::time::advance(Duration::from_millis(28_500)).await;
        settle().await;
        assert!(shop.unsettled().await.iter().all(|offset| *offset < 32));
    }
}

#[tokio::test]
async fn one_that_cannot_give_back_or_may_not_be_ready_asks_for_one_at_a_time() {
    let shop = Shop::with(10).await;
    shop.broker.close("orders").await.unwrap();
    let once = shop.broker.subscriber::<Order>().group("once").auto_ack().await.unwrap();
    let calls = shop.billing().await;
    shop.connection.asked();
    let report = once.run(async |_: Order| Ok::<_, Infallible>(())).concurrency(4).await.unwrap();
    assert_eq!((report.succeeded, report.ended), (10, Ended::Closed));
    let service = service_fn(async |_: Order| Ok::<_, Infallible>(()));
    let report = calls.run_service(service).concurrency(4).await.unwrap();
    assert_eq!((report.succeeded, report.ended), (10, Ended::Closed));
    let asked = shop.connection.asked();
    assert!(asked.len() >= 20 && asked.iter().all(|most| *most == 1), "{asked:?}");
}
