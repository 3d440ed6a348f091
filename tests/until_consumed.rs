//! `retain = UntilConsumed`: memory follows the backlog.

use crate::common;

use std::sync::{Arc, Weak};
use std::time::Duration;

use common::{Bell, paused, settle, settle_with, spawn};
use memq::{Broker, LagReason, Overflow, RecvError, Start, Topic};

/// Whether its memory is there can be seen.
#[derive(Clone, Debug, Topic)]
#[topic(name = "jobs", retain = UntilConsumed, max = 1_000)]
struct Job(Arc<u64>);

async fn publish(broker: &Broker, count: u64) -> Vec<Weak<u64>> {
    let jobs = broker.publisher::<Job>().await.unwrap();
    let mut kept = Vec::new();
    for number in 0..count {
        let job = Arc::new(number);
        kept.push(Arc::downgrade(&job));
        jobs.publish(Job(job)).await.unwrap();
    }
    kept
}

async fn depth(broker: &Broker) -> u64 {
    broker.stats("jobs").await.unwrap().depth
}

#[test]
fn a_message_goes_when_the_last_reader_has_passed_it() {
    paused().block_on(async {
        let broker = Broker::new();
        let memory = publish(&broker, 10).await;
        assert_eq!(depth(&broker).await, 10, "nobody reads it");
        let mut subscriber = broker.subscriber::<Job>().await.unwrap();
        let mut group = broker.subscriber::<Job>().group("work").await.unwrap();
        subscriber.recv_batch(6).await.unwrap();
        assert_eq!(depth(&broker).await, 10);
        group.recv_batch(4).await.unwrap().ack();
        assert_eq!(depth(&broker).await, 6);
        let held = group.recv().await.unwrap();
        group.recv_batch(5).await.unwrap().ack();
        assert_eq!(depth(&broker).await, 6, "offset 4 is not settled");
        held.ack();
        assert_eq!(depth(&broker).await, 4);
        subscriber.recv_batch(10).await.unwrap();
        let stats = broker.stats("jobs").await.unwrap();
        assert_eq!((stats.depth, stats.consumed, stats.dropped.total()), (0, 10, 0));
        // A reader that does not wait keeps the stretch of the log it is in.
        drop((subscriber, group));
        assert!(memory.iter().all(|job| job.upgrade().is_none()));
    });
}

#[test]
fn an_idle_reader_gives_the_memory_back_without_traffic() {
    paused().block_on(async {
        let broker = Broker::new();
        let memory = publish(&broker, 700).await;
        let mut subscriber = broker.subscriber::<Job>().await.unwrap();
        let reader = spawn(async move { while subscriber.recv().await.is_ok() {} });
        while memory.iter().any(|job| job.upgrade().is_some()) {
            settle().await;
        }
        reader.abort();
    });
}

/// The end of the first stretch, of two messages, is the end of the log.
#[test]
fn a_reader_that_finds_nothing_at_the_end_of_a_stretch_gives_it_back() {
    paused().block_on(async {
        let broker = Broker::new();
        let memory = publish(&broker, 2).await;
        let mut subscriber = broker.subscriber::<Job>().await.unwrap();
        for _ in 0..2 {
            assert!(subscriber.try_recv().unwrap().is_some());
        }
        assert!(subscriber.try_recv().unwrap().is_none());
        assert!(memory.iter().all(|job| job.upgrade().is_none()));
    });
}

#[test]
fn what_everybody_has_passed_is_not_dropped_where_the_topic_is_full() {
    paused().block_on(async {
        // Some of these places are amid a stretch, in which a reader goes on with no look at the topic.
        for first in 1..20 {
            let broker = Broker::new();
            let jobs = broker.publisher::<Job>().await.unwrap();
            let mut subscriber = broker.subscriber::<Job>().await.unwrap();
            let job = Job(Arc::new(0));
            let publish = async |count| {
                for _ in 0..count {
                    jobs.publish(job.clone()).await.unwrap();
                }
            };
            publish(30).await;
            for _ in 0..first {
                subscriber.try_recv().unwrap().unwrap();
            }
            publish(970 + first).await;
            for _ in 0..3 {
                subscriber.try_recv().unwrap().unwrap();
            }
            publish(3).await;
            let stats = broker.stats("jobs").await.unwrap();
            let counted = (stats.dropped.total(), stats.consumed, stats.depth);
            assert_eq!(counted, (0, first + 3, 1_000));
        }
    });
}

#[test]
fn a_late_reader_is_not_given_what_was_consumed() {
    paused().block_on(async {
        let broker = Broker::new();
        publish(&broker, 5).await;
        let mut first = broker.subscriber::<Job>().await.unwrap();
        first.recv_batch(3).await.unwrap();
        let mut late = broker.subscriber::<Job>().from(Start::Earliest).await.unwrap();
        assert_eq!(late.recv().await.unwrap().offset().0, 3);
        let mut early = broker.subscriber::<Job>().from(0_u64).await.unwrap();
        let lagged = early.recv().await.unwrap_err();
        let RecvError::Lagged { skipped: 3, reason: LagReason::Consumed } = lagged else {
            panic!("{lagged}")
        };
        // Of the last five two are left, and that is no lag.
        let mut last = broker.subscriber::<Job>().from(Start::Last(5)).await.unwrap();
        assert_eq!(last.recv_batch(9).await.unwrap().len(), 2);
        assert_eq!((last.stats().since_start, last.stats().skipped), (2, 0));
        drop(first);
        late.recv().await.unwrap();
        assert_eq!(depth(&broker).await, 2, "the early one is at offset 3");
        drop(early);
        assert_eq!(depth(&broker).await, 0);
    });
}

#[test]
fn a_group_keeps_what_it_has_not_settled_also_without_members_until_it_is_deleted() {
    paused().block_on(async {
        let broker = Broker::new();
        publish(&broker, 5).await;
        let mut group = broker.subscriber::<Job>().group("work").await.unwrap();
        group.recv_batch(2).await.unwrap().ack();
        drop(group);
        assert_eq!(depth(&broker).await, 3);
        let mut group = broker.subscriber::<Job>().group("work").await.unwrap();
        assert_eq!(group.recv().await.unwrap().offset().0, 2);
        let _subscriber = broker.subscriber::<Job>().from(Start::Latest).await.unwrap();
        broker.delete_group("jobs", "work").await.unwrap();
        assert_eq!(depth(&broker).await, 0);
        assert!(matches!(group.recv().await, Err(RecvError::GroupDeleted)));
    });
}

#[test]
fn auto_ack_consumes_on_handing_out() {
    paused().block_on(async {
        let broker = Broker::new();
        publish(&broker, 5).await;
        let mut group = broker.subscriber::<Job>().group("work").auto_ack().await.unwrap();
        let first = group.recv().await.unwrap();
        assert_eq!((*first.0, depth(&broker).await), (0, 4));
        drop(first);
        assert_eq!(group.recv().await.unwrap().offset().0, 1);
    });
}

#[test]
fn the_limits_hold_besides_and_room_that_is_consumed_lets_publishers_in() {
    paused().block_on(async {
        let broker = Broker::new();
        let topic = broker.topic("raw").max(2).overflow(Overflow::Wait);
        let writer = topic.retain(memq::Retain::UntilConsumed).publisher().await.unwrap();
        let mut group = broker.topic("raw").subscriber().group("work").await.unwrap();
        writer.publish_bytes("a").await.unwrap();
        writer.publish_bytes("b").await.unwrap();
        let waits = spawn(async move { writer.publish_bytes("c").await.unwrap() });
        settle().await;
        assert!(!waits.is_finished());
        group.recv().await.unwrap().ack();
        assert_eq!(waits.await.unwrap().0, 2);
        assert_eq!(broker.stats("raw").await.unwrap().depth, 2);
        tokio::time::advance(Duration::from_secs(3600)).await;
        assert_eq!(broker.stats("raw").await.unwrap().depth, 2);
    });
}

#[test]
fn a_member_that_finds_nothing_keeps_nothing() {
    paused().block_on(async {
        let broker = Broker::new();
        let mut member = broker.subscriber::<Job>().group("work").await.unwrap();
        let memory = publish(&broker, 1_000).await;
        while let Some(job) = member.try_recv().unwrap() {
            job.ack();
        }
        assert!(memory.iter().all(|job| job.upgrade().is_none()));
        let memory = publish(&broker, 10).await;
        member.recv_batch(4).await.unwrap().ack();
        broker.delete("jobs").await.unwrap();
        assert!(member.try_recv().is_err());
        assert!(memory.iter().all(|job| job.upgrade().is_none()));
    });
}

/// Also where it is not told so: a batch has all there is, or a receive waits.
#[test]
fn a_member_that_took_the_last_one_keeps_nothing() {
    paused().block_on(async {
        let broker = Broker::new();
        let mut member = broker.subscriber::<Job>().group("work").await.unwrap();
        let memory = publish(&broker, 10).await;
        member.recv_batch(11).await.unwrap().ack();
        assert!(memory.iter().all(|job| job.upgrade().is_none()));
        let memory = publish(&broker, 10).await;
        member.recv_batch(10).await.unwrap().ack();
        assert!(settle_with(&Bell::new(), &mut Box::pin(member.recv())).is_pending());
        assert!(memory.iter().all(|job| job.upgrade().is_none()));
    });
}
