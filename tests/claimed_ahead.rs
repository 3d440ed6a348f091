//! What a member claims ahead shows nowhere but in its speed: the next message is always the one that it would
//! have been without.

use crate::common;

use common::paused;
use memq::{Broker, Consumer, Offset, Overflow, Publisher, RecvError, Start, Topic};

#[derive(Debug, Topic)]
#[topic(name = "steps")]
struct Step(u64);

/// A topic with so many steps, and a member that begins with the first.
async fn steps(
    count: u64,
    max: usize,
    overflow: Overflow,
) -> (Broker, Publisher<Step>, Consumer<Step>) {
    let broker = Broker::new();
    broker.create::<Step>().max(max).overflow(overflow).await.unwrap();
    let publisher = broker.publisher::<Step>().await.unwrap();
    publisher.publish_batch((0..count).map(Step)).await.unwrap();
    let member = broker.subscriber::<Step>().from(Start::Earliest).group("workers").await;
    (broker, publisher, member.unwrap())
}

/// Takes and acknowledges so many: by then it claims many at once.
async fn take(member: &mut Consumer<Step>, count: u64) {
    for step in 0..count {
        let delivery = member.recv().await.unwrap();
        assert_eq!((delivery.0, delivery.offset()), (step, Offset(step)));
        delivery.ack();
    }
}

/// There are more of them than it may acknowledge without the lock at a time, so their places are used again.
#[test]
fn what_is_held_is_not_settled_by_what_comes_after_it() {
    paused().block_on(async {
        let (_broker, _, mut member) = steps(5_000, 100_000, Overflow::Reject).await;
        let mut held = Vec::new();
        for step in 0..1_000 {
            let delivery = member.recv().await.unwrap();
            assert_eq!(delivery.0, step);
            if step % 97 == 50 { held.push(delivery) } else { delivery.ack() }
        }
        let stats = member.stats().unwrap();
        assert_eq!((stats.in_flight, stats.settled), (held.len() as u64, 990));
        held.into_iter().for_each(|delivery| delivery.ack());
        assert_eq!(member.stats().unwrap().settled, 1_000);
    });
}

#[test]
fn what_retention_took_is_not_handed_out() {
    paused().block_on(async {
        let (_broker, publisher, mut member) = steps(100, 100, Overflow::DropOldest).await;
        take(&mut member, 10).await;
        publisher.publish_batch((100..180).map(Step)).await.unwrap();
        let lagged = member.try_recv();
        assert!(matches!(lagged, Err(RecvError::Lagged { skipped: 70, .. })), "{lagged:?}");
        assert_eq!(member.try_recv().unwrap().unwrap().0, 80);
    });
}

#[test]
fn nothing_is_handed_out_once_the_group_is_deleted() {
    paused().block_on(async {
        let (broker, _, mut member) = steps(500, 1_000, Overflow::Reject).await;
        take(&mut member, 10).await;
        broker.delete_group("steps", "workers").await.unwrap();
        let ended = member.try_recv();
        assert!(matches!(ended, Err(RecvError::GroupDeleted)), "{ended:?}");
    });
}
