//! Workers: handlers of a group's messages, which fail, are tried again, and are drained.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use super::Failure;
use super::kit::{Checked, ITEMS, Item, Kit, done, pause, receive, same, soon};
use super::runtime::task;
use crate::backoff::Backoff;
use crate::dead_letter::DeadLetter;
use crate::worker::Ended;

pub(super) async fn a_worker_handles_each_and_tries_again_what_failed(kit: Kit) -> Checked {
    const COUNT: u64 = 20;
    let broker = kit.open().await?;
    let publisher = broker.publisher::<Item>().await?;
    publisher.publish_batch((0..COUNT).map(Item::new)).await?;
    let calls: Arc<Vec<_>> = Arc::new((0..COUNT).map(|_| AtomicU64::new(0)).collect());
    let seen = calls.clone();
    let handler = move |item: Item| {
        let call = seen[item.value as usize].fetch_add(1, Ordering::SeqCst);
        async move {
            tokio::task::yield_now().await;
            match item.value {
                7 => Err("never"),
                value if value % 5 == 0 && call == 0 => Err("not yet"),
                _ => Ok(()),
            }
        }
    };
    let worker = kit.group(&broker, "work").max_attempts(3).await?.run(handler).concurrency(4);
    let running = task(worker.retry(Backoff::fixed(Duration::from_millis(10))));
    broker.close(ITEMS).await?;
    let report = soon("the end of the worker", running).await???;
    let ends = (report.succeeded, report.failed, report.dead_lettered, report.ended);
    same("succeeded, failed, dead, and the end", ends, (COUNT - 1, 6, 1, Ended::Closed))?;
    for (value, calls) in (0..).zip(calls.iter()) {
        let expected = if value == 7 { 3 } else { 1 + u64::from(value % 5 == 0) };
        same("calls", (value, calls.load(Ordering::SeqCst)), (value, expected))?;
    }
    let letter = receive(&mut broker.dead_letters::<Item>("work").subscriber().await?).await?;
    let why = DeadLetter::of(letter.headers());
    let why = why.ok_or_else(|| Failure::new("the headers do not say why it died"))?;
    let attempts = (letter.value, why.attempts, why.reason.contains("never"));
    same("the dead letter", attempts, (7, 3, true))
}

pub(super) async fn a_worker_that_is_drained_gives_back_what_it_did_not_begin(kit: Kit) -> Checked {
    const COUNT: u64 = 40;
    let broker = kit.open().await?;
    let publisher = broker.publisher::<Item>().await?;
    publisher.publish_batch((0..COUNT).map(Item::new)).await?;
    let work = |sum: Arc<AtomicU64>| {
        move |item: Item| {
            let sum = sum.clone();
            async move {
                tokio::task::yield_now().await;
                sum.fetch_add(1 << item.value, Ordering::SeqCst);
                Ok::<_, Failure>(())
            }
        }
    };
    let sum = Arc::new(AtomicU64::new(0));
    let first = kit.group(&broker, "work").max_in_flight(2).await?.run(work(sum.clone()));
    let handle = first.handle();
    let running = task(first);
    while handle.report().succeeded < 5 {
        pause().await;
    }
    let report = soon("the drain", handle.drain(Duration::from_secs(10))).await?;
    same("the end", (report.ended, report.unfinished.len()), (Ended::Drained, 0))?;
    running.await??;
    // Another goes on with the rest, and nothing was handled twice.
    broker.close(ITEMS).await?;
    let second = kit.group(&broker, "work").await?.run(work(sum.clone()));
    let rest = soon("the end of the worker", second).await??;
    same("handled by both", report.succeeded + rest.succeeded, COUNT)?;
    same("each once", sum.load(Ordering::SeqCst), (1 << COUNT) - 1)?;
    done(&broker, ITEMS, "work").await?;
    Ok(())
}
