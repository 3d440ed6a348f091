//! Topics, brokers and subscribers that go while others use them: everybody is told, nothing stays.

mod common;

use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use common::{on_both_runtimes, spawn};
use memq::{AdminError, Broker, Overflow, PublishError, RecvError, Start};
use tokio::task::yield_now;

numbers!(Many, "many", max_messages(100_000));
numbers!(Tiny, "tiny", max_messages(3));
numbers!(Wait2, "wait2", max_messages(2), overflow(Overflow::Wait));
numbers!(Hour, "hour", ttl(Duration::from_secs(3_600)));

/// Bounds a hang; nothing is measured.
async fn bounded<T>(what: &str, future: impl Future<Output = T>) -> T {
    match tokio::time::timeout(Duration::from_secs(60), future).await {
        Ok(output) => output,
        Err(_) => panic!("{what} hangs"),
    }
}

#[test]
fn whoever_waits_is_woken_by_close_delete_and_the_end_of_the_broker() {
    on_both_runtimes(|| async {
        for round in 0..60 {
            let broker = Broker::new();
            let full = broker.publisher::<Wait2>().await.unwrap();
            let idle = broker.subscriber::<Wait2>().await.unwrap();
            full.publish_batch([Wait2(0), Wait2(1)]).await.unwrap();
            let mut waiting = Vec::new();
            for _ in 0..3 {
                let full = full.clone();
                waiting.push(spawn(async move {
                    let single = full.publish(Wait2(2)).await.unwrap_err();
                    let batch = full.publish_batch([Wait2(3)]).await.unwrap_err();
                    assert_eq!(batch.rest, [Wait2(3)]);
                    let reserve = full.reserve().await.unwrap_err();
                    [single.split().0, *batch.reason, reserve]
                }));
            }
            let mut reading = Vec::new();
            for _ in 0..3 {
                let mut reader = broker.subscriber::<Wait2>().from(Start::Latest).await.unwrap();
                reading.push(spawn(async move { reader.recv().await.map(|_| ()) }));
            }
            // At times everybody waits by now, at times not yet.
            for _ in 0..round % 4 {
                yield_now().await;
            }
            let deleted = round % 3 == 1;
            match round % 3 {
                0 => broker.close("wait2").await.unwrap(),
                1 => broker.delete("wait2").await.unwrap(),
                _ => drop(broker),
            }
            for task in waiting {
                for error in bounded("a publisher", task).await.unwrap() {
                    match error {
                        PublishError::Closed(()) => assert!(!deleted),
                        PublishError::Deleted(()) => assert!(deleted),
                        other => panic!("{other}"),
                    }
                }
            }
            for task in reading {
                match bounded("a reader", task).await.unwrap() {
                    Err(RecvError::Closed) => assert!(!deleted),
                    Err(RecvError::Deleted) => assert!(deleted),
                    other => panic!("{other:?}"),
                }
            }
            drop(idle);
        }
    });
}

/// Deleting and asking at once: the numbers add up, or there is no such topic.
#[test]
fn statistics_of_a_topic_that_is_being_deleted_add_up() {
    on_both_runtimes(|| async {
        let broker = Broker::new();
        let done = Arc::new(AtomicBool::new(false));
        let mut watching = Vec::new();
        for _ in 0..2 {
            let (broker, done) = (broker.clone(), done.clone());
            watching.push(spawn(async move {
                while !done.load(Ordering::Relaxed) {
                    match broker.stats("many").await {
                        Ok(stats) => assert_eq!(
                            stats.published,
                            stats.depth + stats.dropped.total() + stats.consumed
                        ),
                        Err(error) => assert!(matches!(error, AdminError::NotFound { .. })),
                    }
                    yield_now().await;
                }
            }));
        }
        for _ in 0..3_000 {
            let publisher = broker.publisher::<Many>().await.unwrap();
            publisher.try_publish(Many(0)).unwrap();
            broker.delete("many").await.unwrap();
        }
        done.store(true, Ordering::Relaxed);
        for task in watching {
            task.await.unwrap();
        }
    });
}

#[test]
fn a_hundred_thousand_short_lived_subscribers_leave_nothing() {
    on_both_runtimes(|| async {
        let broker = Broker::new();
        let publisher = broker.publisher::<Tiny>().await.unwrap();
        publisher.publish(Tiny(0)).await.unwrap();
        let mut tasks = Vec::new();
        for _ in 0..4 {
            let broker = broker.clone();
            tasks.push(spawn(async move {
                for round in 0..25_000 {
                    let mut reader = broker.subscriber::<Tiny>().await.unwrap();
                    reader.try_recv().unwrap().unwrap();
                    if round % 10 == 0 {
                        // One that leaves while it is parked.
                        assert!(common::poll_once(reader.recv()).is_none());
                    }
                }
            }));
        }
        for task in tasks {
            task.await.unwrap();
        }
        let stats = broker.stats("tiny").await.unwrap();
        assert!(stats.subscribers.is_empty());
        assert_eq!(broker.topics().await.unwrap().len(), 1);
    });
}

#[test]
fn a_thousand_dropped_brokers_leave_no_task() {
    on_both_runtimes(|| async {
        let metrics = tokio::runtime::Handle::current().metrics();
        let before = metrics.num_alive_tasks();
        for round in 0..1_000 {
            let broker = Broker::new();
            let publisher = broker.publisher::<Hour>().await.unwrap();
            publisher.publish(Hour(round)).await.unwrap();
            let reader = broker.subscriber::<Hour>().await.unwrap();
            if round % 2 == 0 {
                drop(broker);
                drop((publisher, reader));
            } else {
                drop((publisher, reader));
                drop(broker);
            }
        }
        bounded("a task", async {
            while metrics.num_alive_tasks() > before {
                yield_now().await;
            }
        })
        .await;
    });
}
