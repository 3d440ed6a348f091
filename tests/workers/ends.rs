//! What a worker goes on after, what it ends with, and what it refuses to run with.

use std::time::Duration;

use memq::codec::Take;
use memq::{
    Backoff, Broker, Consumer, Ended, Error, Format, Overflow, Payload, Report, RunError, Topic,
};
use tokio::time::sleep;

use crate::common::{Order, paused, settle, spawn};
use crate::{Number, SECOND, member, numbers, orders};

numbers!(Few, "few", max_messages(4));

async fn slow(_: Number) -> Result<(), String> {
    sleep(SECOND).await;
    Ok(())
}

/// Generic code, with the bound that the error of a wrong handler names.
async fn run_any<T, F, Fut>(group: Consumer<T>, handler: F) -> Report
where
    T: Topic,
    <T as Payload>::Form: Take<T>,
    F: FnMut(T) -> Fut,
    Fut: Future<Output = Result<(), String>>,
{
    group.run(handler).await.unwrap()
}

#[test]
fn what_retention_removed_is_counted_and_the_worker_goes_on() {
    paused().block_on(async {
        let broker = Broker::new();
        let few = broker.publisher::<Few>().await.unwrap();
        let group = broker.subscriber::<Few>().group("workers").await.unwrap();
        few.publish_batch((0..10).map(Few)).await.unwrap();
        broker.close("few").await.unwrap();
        let report = run_any(group, |_: Few| async { Ok(()) }).await;
        assert_eq!((report.skipped, report.succeeded, report.ended), (6, 4, Ended::Closed));
    });
}

#[test]
fn what_cannot_be_decoded_is_counted_without_dead_letters_and_the_worker_goes_on() {
    paused().block_on(async {
        let broker = Broker::new();
        let orders = broker.publisher::<Order>().await.unwrap();
        let bytes = broker.topic("orders").format(Format::Json).publisher().await.unwrap();
        bytes.publish_bytes("no order").await.unwrap();
        orders.publish(Order::new(1, "tea")).await.unwrap();
        let handler = |_: Order| async { Ok::<(), String>(()) };

        let group = broker.subscriber::<Order>().group("keeps").without_dead_letters();
        let group = group.backoff(Backoff::fixed(10 * SECOND)).await.unwrap();
        let worker = group.run(handler);
        let handle = worker.handle();
        let running = spawn(worker);
        sleep(25 * SECOND).await;
        let report = handle.drain(SECOND).await;
        assert_eq!((report.undecodable, report.succeeded), (3, 1));
        running.await.unwrap().unwrap();

        broker.close("orders").await.unwrap();
        let group = broker.subscriber::<Order>().group("buries").await.unwrap();
        let other = broker.subscriber::<Order>().group("buries").await.unwrap();
        let report = group.run(handler).await.unwrap();
        assert_eq!((report.undecodable, report.succeeded, report.attempts()), (0, 1, 1));
        assert_eq!(other.stats().unwrap().dead_lettered, 1);
    });
}

#[test]
fn it_ends_with_its_topic_and_its_group_once_what_is_in_flight_is_done() {
    paused().block_on(async {
        for expected in [Ended::Closed, Ended::Deleted, Ended::GroupDeleted] {
            let (broker, _) = numbers(2).await;
            let worker = member(&broker).await.run(slow);
            let handle = worker.handle();
            let running = spawn(worker.concurrency(3));
            settle().await;
            match expected {
                Ended::Closed => broker.close("numbers").await.unwrap(),
                Ended::Deleted => broker.delete("numbers").await.unwrap(),
                _ => broker.delete_group("numbers", "workers").await.unwrap(),
            }
            settle().await;
            assert_eq!((handle.report().unfinished.len(), running.is_finished()), (2, false));
            let report = running.await.unwrap().unwrap();
            let counted = if expected == Ended::Closed { (2, 0) } else { (0, 2) };
            assert_eq!((report.succeeded, report.stale), counted);
            assert_eq!((report.ended, report.attempts()), (expected, 2));
            assert_eq!(handle.report(), report);
        }
    });
}

#[test]
fn it_ends_with_its_broker() {
    paused().block_on(async {
        let (broker, publisher) = numbers(2).await;
        let running = spawn(member(&broker).await.run(slow));
        settle().await;
        drop((broker, publisher));
        let report = running.await.unwrap().unwrap();
        assert_eq!((report.succeeded, report.ended), (2, Ended::Closed));
    });
}

#[test]
fn it_leaves_its_group_when_it_ends_and_not_when_it_is_dropped() {
    paused().block_on(async {
        let (broker, _) = numbers(0).await;
        let mut worker = member(&broker).await.run(slow);
        let other = member(&broker).await;
        let members = || other.stats().unwrap().members.len();
        assert_eq!(members(), 2);
        worker.handle().drain(SECOND).await;
        (&mut worker).await.unwrap();
        assert_eq!(members(), 1);
        assert!(format!("{worker:?}").starts_with("Worker"));
    });
}

#[test]
fn options_that_are_not_possible_are_refused() {
    paused().block_on(async {
        let (broker, _) = numbers(1).await;
        let worker = member(&broker).await.run(slow).concurrency(0);
        let handle = worker.handle();
        let error = worker.await.unwrap_err();
        assert!(matches!(error, RunError::Concurrency));
        assert_eq!(
            Error::from(error).to_string(),
            "concurrency = 0 is not possible: a worker runs at least one handler at a time"
        );
        let report = handle.drain(SECOND).await;
        assert_eq!((report.ended, report.attempts()), (Ended::Failed, 0));

        let error = member(&broker).await.run(slow).time_limit(Duration::ZERO).await.unwrap_err();
        assert!(matches!(error, RunError::TimeLimit));
        // Nothing was taken, and no limit is too long.
        let worker = member(&broker).await.run(slow).time_limit(Duration::MAX);
        broker.close("numbers").await.unwrap();
        assert_eq!(worker.concurrency(usize::MAX).await.unwrap().succeeded, 1);
    });
}

#[test]
fn it_ends_with_its_broker_also_when_a_message_dies_after_that() {
    paused().block_on(async {
        let (broker, publisher) = numbers(1).await;
        let one = broker.subscriber::<Number>().group("workers").max_attempts(1).await.unwrap();
        let running = spawn(one.run(|_: Number| async {
            sleep(SECOND).await;
            Err::<(), _>("no")
        }));
        settle().await;
        drop((broker, publisher));
        let ended = tokio::time::timeout(3_600 * SECOND, running).await;
        let report = ended.expect("it never ends").unwrap().unwrap();
        assert_eq!((report.refused, report.ended), (1, Ended::Closed));
    });
}

#[test]
fn what_a_dead_letter_topic_refuses_is_not_counted_as_dead_lettered() {
    paused().block_on(async {
        let broker = orders((0..3).map(|customer| (customer, "tea"))).await;
        let graves = broker.topic("graves").max(1).overflow(Overflow::Reject);
        graves.create().await.unwrap();
        let mut reader = graves.subscriber().await.unwrap();
        let group = broker.subscriber::<Order>().group("billing").dead_letter("graves");
        let worker =
            group.max_attempts(1).await.unwrap().run(|_: Order| async { Err::<(), _>("no") });
        let handle = worker.handle();
        let running = spawn(worker);
        while handle.report().attempts() < 3 {
            settle().await;
        }
        let report = handle.report();
        assert_eq!((report.dead_lettered, report.refused, report.attempts()), (1, 2, 3));
        // It does not end while that topic may still take them.
        for _ in 0..3 {
            reader.recv().await.unwrap();
        }
        assert_eq!(running.await.unwrap().unwrap().ended, Ended::Closed);
        let stats = broker.stats("orders").await.unwrap();
        assert_eq!(stats.group("billing").unwrap().dead_lettered, 3);
    });
}

/// Cannot be decoded without a panic.
#[derive(Debug)]
struct Bomb;

impl serde::Serialize for Bomb {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_unit()
    }
}

impl<'de> serde::Deserialize<'de> for Bomb {
    fn deserialize<D: serde::Deserializer<'de>>(_: D) -> Result<Self, D::Error> {
        panic!("boom")
    }
}

impl memq::Topic for Bomb {
    type Codec = memq::codec::Json;
    const SPEC: memq::TopicSpec = memq::TopicSpec::new("bombs");
}

#[test]
fn a_panic_of_the_codec_is_contained_and_ends_among_the_dead_letters() {
    paused().block_on(async {
        let broker = Broker::new();
        broker.publisher::<Bomb>().await.unwrap().publish(Bomb).await.unwrap();
        broker.close("bombs").await.unwrap();
        let group = broker.subscriber::<Bomb>().group("squad").max_attempts(3).await.unwrap();
        let report = group.run(|_: Bomb| async { Ok::<(), &str>(()) }).await.unwrap();
        assert_eq!((report.undecodable, report.attempts(), report.ended), (3, 0, Ended::Closed));
        let mut dead = broker.topic("bombs.squad.dead").subscriber().await.unwrap();
        let letter = dead.recv().await.unwrap();
        let why = memq::DeadLetter::of(letter.headers()).unwrap();
        assert_eq!(why.reason, "decoding it panicked (attempt 3)");
    });
}

#[test]
fn without_a_timer_it_panics_and_does_not_spin() {
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let (tell, told) = std::sync::mpsc::channel();
    // In a thread, so that one that spins fails.
    std::thread::spawn(move || {
        let ended = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
            runtime.block_on(async {
                let (broker, _publisher) = numbers(1).await;
                let held = member(&broker).await.try_recv().unwrap().unwrap();
                let worker = member(&broker).await.run(|_: Number| async { Ok::<(), &str>(()) });
                drop((worker.await, held));
            });
        }));
        tell.send(ended.is_err()).unwrap();
    });
    assert!(told.recv_timeout(Duration::from_secs(60)).expect("it spins"));
}
