//! Topics, brokers and subscribers that go while others use them: everybody is told, nothing stays.

use crate::common;

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use common::{bounded, on_both_runtimes, spawn};
use memq::codec::Native;
use memq::{AdminError, Broker, Overflow, PublishError, RecvError, Start, Topic, TopicSpec};
use tokio::task::yield_now;

numbers!(Many, "many", max_messages(100_000));
numbers!(Tiny, "tiny", max_messages(3));
numbers!(Wait2, "wait2", max_messages(2), overflow(Overflow::Wait));
numbers!(Hour, "hour", ttl(Duration::from_secs(3_600)));

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
            // By now its task sleeps until the message expires, an hour from here.
            yield_now().await;
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

/// A message whose end asks for its topic's numbers: no lock may be held then.
struct Curious {
    broker: Arc<OnceLock<Broker>>,
    freed: Arc<AtomicUsize>,
}

impl Topic for Curious {
    type Codec = Native;
    const SPEC: TopicSpec = TopicSpec::new("curious").ttl(Duration::from_secs(60)).max_messages(20);
}

impl Drop for Curious {
    fn drop(&mut self) {
        if let Some(broker) = self.broker.get() {
            let _numbers = common::try_now(broker.stats("curious"));
            let _names = common::try_now(broker.topics());
        }
        self.freed.fetch_add(1, Ordering::Relaxed);
    }
}

#[test]
fn messages_are_freed_where_no_lock_is_held() {
    let (sender, receiver) = std::sync::mpsc::channel();
    std::thread::spawn(move || {
        common::paused().block_on(async {
            let (broker, freed) = (Arc::new(OnceLock::new()), Arc::new(AtomicUsize::new(0)));
            let curious = || Curious { broker: broker.clone(), freed: freed.clone() };
            let owner = broker.get_or_init(Broker::new);
            let publisher = owner.publisher::<Curious>().await.unwrap();
            let mut reader = owner.subscriber::<Curious>().await.unwrap();
            // Pushed out, one by one and by a batch.
            for _ in 0..50 {
                publisher.publish(curious()).await.unwrap();
            }
            publisher.publish_batch((0..50).map(|_| curious())).await.unwrap();
            assert!(freed.load(Ordering::Relaxed) >= 78);
            // Expired: found by a publisher, a reader, the statistics and the sweeper.
            for round in 0..4 {
                publisher.publish(curious()).await.unwrap();
                tokio::time::advance(Duration::from_secs(59)).await;
                common::settle().await;
                tokio::time::advance(Duration::from_secs(1)).await;
                match round {
                    0 => drop(publisher.publish(curious()).await.unwrap()),
                    1 => drop(reader.try_recv()),
                    2 => drop(owner.stats("curious").await.unwrap()),
                    _ => common::settle().await,
                }
            }
            publisher.publish(curious()).await.unwrap();
            owner.delete("curious").await.unwrap();
            drop((publisher, reader));
            assert_eq!(freed.load(Ordering::Relaxed), 106);
        });
        sender.send(()).unwrap();
    });
    // Bounds a deadlock; nothing is measured.
    receiver.recv_timeout(Duration::from_secs(20)).expect("a lock was held, or a count is wrong");
}

/// The task that makes room as messages expire lived in a runtime that ends.
#[test]
fn a_publisher_that_waits_survives_the_runtime_of_the_sweeper() {
    let broker = Broker::new();
    let topic = broker
        .topic("log")
        .max(1)
        .overflow(memq::Overflow::Wait)
        .ttl(std::time::Duration::from_millis(200));
    let first = common::multi_thread(1);
    let writer = first.block_on(async {
        let writer = topic.publisher().await.unwrap();
        writer.publish_bytes("first").await.unwrap();
        writer
    });
    let second = common::multi_thread(1);
    let waits = second.spawn(async move { writer.publish_bytes("second").await.map(drop) });
    second.block_on(async {
        while broker.stats("log").await.unwrap().waiting_publishers == 0 {
            tokio::task::yield_now().await;
        }
    });
    drop(first);
    let limit = std::time::Duration::from_secs(60);
    let done = second.block_on(async { tokio::time::timeout(limit, waits).await });
    done.expect("nobody made room").unwrap().unwrap();
}

#[tokio::test]
async fn publishers_and_subscribers_are_told_that_the_broker_may_be_what_ended() {
    let broker = Broker::new();
    let publisher = broker.publisher::<Many>().await.unwrap();
    let mut subscriber = broker.subscriber::<Many>().await.unwrap();
    drop(broker);
    let refused = publisher.publish(Many(0)).await.unwrap_err();
    let ended = subscriber.recv().await.unwrap_err();
    for text in [refused.to_string(), ended.to_string()] {
        assert!(text.contains("or its last `Broker` was dropped"), "{text}");
    }
}
