//! What queues of this kind get wrong with consumer groups, each by its name.

use crate::common;

use std::collections::{BTreeSet, HashSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::Poll;
use std::time::Duration;

use common::{
    Bell, Order, current_thread, on_both_runtimes, paused, poll_with, settle, spawn, with_orders,
};
use memq::{
    Broker, Consumer, Key, LagReason, Offset, OpenError, Overflow, Partition, PublishError, Record,
    RecvError, Start,
};
use tokio::sync::Barrier;
use tokio::task::yield_now;

const SECOND: Duration = Duration::from_secs(1);

async fn billing(broker: &Broker) -> Consumer<Order> {
    broker.subscriber::<Order>().group("billing").await.unwrap()
}

fn numbers(count: u64) -> impl Iterator<Item = Record> {
    (0..count).map(|number| Record::new(number.to_le_bytes().to_vec()))
}

/// `recv_batch` and `try_recv` of two members delivered the same message twice.
async fn batches_and_singles_share() {
    const COUNT: u64 = 20_000;
    let broker = Broker::new();
    let log = broker.topic("log").max(100_000);
    let publisher = log.publisher().await.unwrap();
    let mut members = Vec::new();
    for at in 0..4 {
        let mut member = log.subscriber().group("work").await.unwrap();
        members.push(spawn(async move {
            let mut seen = Vec::new();
            loop {
                let taken = match at % 2 {
                    0 => member.recv_batch(17).await.map(|batch| batch.into_iter().collect()),
                    _ => match member.try_recv() {
                        Ok(None) => {
                            yield_now().await;
                            Ok(Vec::new())
                        }
                        other => other.map(|one| one.into_iter().collect()),
                    },
                };
                match taken {
                    Ok(taken) => taken.into_iter().for_each(|delivery| {
                        seen.push(delivery.offset().0);
                        delivery.ack();
                    }),
                    Err(RecvError::Closed) => return seen,
                    Err(error) => panic!("{error}"),
                }
            }
        }));
    }
    for _ in 0..COUNT / 100 {
        publisher.publish_batch(numbers(100)).await.unwrap();
    }
    broker.close("log").await.unwrap();
    let mut seen = Vec::new();
    for member in members {
        seen.extend(member.await.unwrap());
    }
    let distinct: BTreeSet<u64> = seen.iter().copied().collect();
    assert_eq!((seen.len() as u64, distinct.len() as u64), (COUNT, COUNT));
}

#[test]
fn batches_and_single_receives_never_deliver_one_message_twice() {
    on_both_runtimes(batches_and_singles_share);
}

/// Joining was check-then-insert: two first members could each start the group.
async fn all_join_at_once() {
    for round in 0..200 {
        let broker = with_orders(3).await;
        let barrier = Arc::new(Barrier::new(4));
        let joined: Vec<_> = (0..4)
            .map(|at| {
                let (broker, barrier) = (broker.clone(), barrier.clone());
                spawn(async move {
                    barrier.wait().await;
                    // Each would start it elsewhere.
                    let start = if (at + round) % 2 == 0 { Start::Earliest } else { Start::Latest };
                    let group = broker.subscriber::<Order>().from(start).group("billing");
                    group.await.unwrap()
                })
            })
            .collect();
        let mut members = Vec::new();
        for member in joined {
            members.push(member.await.unwrap());
        }
        let stats = broker.stats("orders").await.unwrap();
        assert_eq!(stats.groups.len(), 1);
        let ids: Vec<u64> = stats.groups[0].members.iter().map(|member| member.id).collect();
        assert_eq!(ids, [0, 1, 2, 3]);
        assert!([0, 3].contains(&stats.groups[0].lag));
        assert!(members.iter().all(|member| member.stats().as_ref() == stats.groups.first() || {
            // The age of the oldest grows.
            member.stats().unwrap().members.len() == 4
        }));
    }
}

#[test]
fn first_members_that_join_at_once_are_of_one_group() {
    on_both_runtimes(all_join_at_once);
}

/// A consumer that crashed after `recv` lost the message.
#[test]
fn a_message_outlives_the_crash_of_who_received_it() {
    paused().block_on(async {
        let broker = with_orders(2).await;
        let mut crashes = billing(&broker).await;
        let crashed = spawn(async move {
            let _order = crashes.recv().await.unwrap();
            panic!("on purpose");
        });
        assert!(crashed.await.unwrap_err().is_panic());
        let mut other = billing(&broker).await;
        let again = other.recv().await.unwrap();
        assert_eq!((again.offset(), again.attempt()), (Offset(0), 2));
        // And one that was aborted while it worked.
        let aborted = spawn(async move {
            let _held = again;
            std::future::pending::<()>().await;
        });
        settle().await;
        aborted.abort();
        assert!(aborted.await.unwrap_err().is_cancelled());
        let third = other.recv().await.unwrap();
        assert_eq!((third.offset(), third.attempt()), (Offset(0), 3));
    });
}

/// `commit(offset)` as documented delivered that message again for ever.
#[tokio::test]
async fn what_is_committed_is_never_delivered_again() {
    let broker = with_orders(3).await;
    for _ in 0..3 {
        let mut member = billing(&broker).await;
        let Some(order) = member.try_recv().unwrap() else { panic!("one is left each time") };
        member.commit(order.offset()).await.unwrap();
        drop(order);
    }
    assert!(billing(&broker).await.try_recv().unwrap().is_none());
}

/// Commit was unchecked and moved backwards.
#[tokio::test]
async fn a_commit_never_moves_backwards() {
    let broker = with_orders(5).await;
    let mut member = billing(&broker).await;
    member.commit(3).await.unwrap();
    member.commit(1).await.unwrap();
    member.commit(3).await.unwrap();
    let stats = member.stats().unwrap();
    assert_eq!((stats.committed, stats.settled), (Offset(4), 4));
    assert_eq!(member.recv().await.unwrap().offset(), Offset(4));
    assert!(member.commit(5).await.is_err());
}

/// Commit moved the siblings too: here it is for the whole group, and says so, and for no other.
#[tokio::test]
async fn a_commit_is_for_its_group_and_no_other() {
    let broker = with_orders(3).await;
    let mut one = billing(&broker).await;
    let mut two = billing(&broker).await;
    let mut audit = broker.subscriber::<Order>().group("audit").await.unwrap();
    let mut reader = broker.subscriber::<Order>().await.unwrap();
    let held = one.recv().await.unwrap();
    two.commit(1).await.unwrap();
    assert!(held.ack_confirmed().await.is_err());
    assert_eq!(two.recv().await.unwrap().offset(), Offset(2));
    assert_eq!(audit.recv().await.unwrap().offset(), Offset(0));
    assert_eq!(reader.recv().await.unwrap().offset(), Offset(0));
}

/// A filter on the reader threw away what did not match, for the whole group.
#[tokio::test]
async fn a_group_takes_no_filter_and_no_partition() {
    let broker = with_orders(2).await;
    let filtered = broker.subscriber::<Order>().filter(|order| order.customer > 0).group("billing");
    let error = filtered.await.unwrap_err();
    assert!(matches!(error, OpenError::Option { option: "filter", .. }), "{error}");
    let one = broker.topic("orders").subscriber().partition(0).group("billing");
    let error = one.await.unwrap_err();
    assert!(matches!(error, OpenError::Option { option: "partition", .. }), "{error}");
    // The group does not exist by that, and starts with everything.
    assert!(broker.stats("orders").await.unwrap().groups.is_empty());
    assert_eq!(billing(&broker).await.stats().unwrap().lag, 2);
}

/// Options on what exists were silently ignored.
#[tokio::test]
async fn the_rules_of_a_group_that_exists_are_not_ignored() {
    let broker = with_orders(0).await;
    let _member = billing(&broker).await;
    let other = broker.subscriber::<Order>().group("billing").max_attempts(9).await;
    assert!(matches!(other, Err(OpenError::GroupConflict(_))), "{other:?}");
}

/// `Latest` on an emptied topic showed a lag of 8; lag counted evicted messages.
#[test]
fn lag_counts_neither_what_was_before_the_start_nor_what_is_gone() {
    paused().block_on(async {
        let broker = Broker::new();
        let log = broker.topic("log").max(5).ttl(SECOND);
        let publisher = log.publisher().await.unwrap();
        publisher.publish_batch(numbers(8)).await.unwrap();
        let mut early = log.subscriber().group("early").await.unwrap();
        tokio::time::advance(2 * SECOND).await;
        let late = log.subscriber().from(Start::Latest).group("late").await.unwrap();
        assert_eq!(late.stats().unwrap().lag, 0);
        let stats = early.stats().unwrap();
        assert_eq!((stats.lag, stats.skipped, stats.since_start), (0, 5, 5));
        assert_eq!(stats.oldest_unsettled, None);
        let Err(RecvError::Lagged { skipped: 5, reason: LagReason::Expired }) = early.recv().await
        else {
            panic!("it is told once, with the exact number");
        };
        assert!(early.try_recv().unwrap().is_none());
        publisher.publish_batch(numbers(7)).await.unwrap();
        let stats = early.stats().unwrap();
        assert_eq!((stats.lag, stats.skipped), (5, 7));
    });
}

/// After its first message an idle reader polled for ever: a core burnt by 200 of them.
#[test]
fn a_member_that_is_idle_is_not_polled() {
    paused().block_on(async {
        let broker = with_orders(200).await;
        let mut members = Vec::new();
        for _ in 0..200 {
            members.push(billing(&broker).await);
        }
        let mut held = Vec::new();
        for member in &mut members {
            held.push(member.recv().await.unwrap());
        }
        held.into_iter().for_each(|order| order.ack());
        let polls = Arc::new(AtomicUsize::new(0));
        let mut waits = Vec::new();
        for mut member in members {
            let polls = polls.clone();
            waits.push(spawn(async move {
                let mut receive = Box::pin(member.recv());
                std::future::poll_fn(|cx| {
                    polls.fetch_add(1, Ordering::SeqCst);
                    match receive.as_mut().poll(cx) {
                        Poll::Ready(received) => Poll::Ready(received.map(drop)),
                        Poll::Pending => Poll::Pending,
                    }
                })
                .await
            }));
        }
        settle().await;
        let before = polls.load(Ordering::SeqCst);
        assert_eq!(before, 200);
        for _ in 0..100 {
            tokio::time::advance(60 * SECOND).await;
            settle().await;
        }
        assert_eq!(polls.load(Ordering::SeqCst), before, "somebody polls although nothing comes");
        waits.iter().for_each(tokio::task::JoinHandle::abort);
    });
}

/// One message woke a crowd, or nobody.
#[test]
fn one_message_wakes_one_member() {
    paused().block_on(async {
        let broker = with_orders(0).await;
        let orders = broker.publisher::<Order>().await.unwrap();
        let mut members = Vec::new();
        for _ in 0..50 {
            members.push((billing(&broker).await, Bell::new()));
        }
        let mut waits: Vec<_> = members
            .iter_mut()
            .map(|(member, bell)| (Box::pin(member.recv()), bell.clone()))
            .collect();
        for (receive, bell) in &mut waits {
            assert!(poll_with(bell, receive).is_pending());
        }
        let rings =
            |waits: &Vec<(_, Arc<Bell>)>| waits.iter().map(|(_, bell)| bell.rings()).sum::<usize>();
        for woken in 1..=3_usize {
            orders.publish(Order::new(7, "tea")).await.unwrap();
            assert_eq!(rings(&waits), woken);
        }
        // Whoever waits longest.
        assert!(waits[..3].iter().all(|(_, bell)| bell.rings() == 1));
    });
}

/// 100,000 short-lived subscribers left 100,000 map entries, shown in the statistics.
#[tokio::test]
async fn members_that_are_gone_leave_nothing_behind() {
    let broker = with_orders(1).await;
    let keeps = billing(&broker).await;
    for _ in 0..100_000 {
        drop(billing(&broker).await);
    }
    let stats = keeps.stats().unwrap();
    let ids: Vec<u64> = stats.members.iter().map(|member| member.id).collect();
    assert_eq!(ids, [0]);
    drop(keeps);
    let stats = broker.stats("orders").await.unwrap();
    assert!(stats.groups[0].members.is_empty() && stats.subscribers.is_empty());
    assert_eq!(broker.topics().await.unwrap().len(), 2, "the topic and its dead letters");
    // The group stays, for the next member, until it is deleted.
    broker.delete_group("orders", "billing").await.unwrap();
    assert!(broker.stats("orders").await.unwrap().groups.is_empty());
}

/// Hash routing with any word but one sent all 40,000 messages to one partition.
#[tokio::test]
async fn keys_spread_over_the_partitions_and_their_members() {
    const COUNT: u64 = 40_000;
    let broker = Broker::new();
    let log = broker.topic("log").partitions(8).max(COUNT as usize);
    let publisher = log.publisher().await.unwrap();
    for word in ["user", "", "order-", "ß"] {
        for number in 0..COUNT / 4 {
            let key = format!("{word}{number}");
            let record = Record::new("x").with_key(key.as_str());
            publisher.publish(record).await.unwrap();
        }
    }
    let stats = broker.stats("log").await.unwrap();
    let even = COUNT / 8;
    for partition in &stats.partitions {
        assert!(partition.published.abs_diff(even) < even / 10, "{partition:?}");
    }
    let mut members = Vec::new();
    for _ in 0..4 {
        members.push(log.subscriber().group("work").await.unwrap());
    }
    let mut keys = HashSet::new();
    for (at, member) in members.iter_mut().enumerate() {
        let stats = member.stats().unwrap();
        let own = stats.members[at].partitions.clone();
        let mut count = 0;
        while let Some(delivery) = member.try_recv().unwrap() {
            assert!(own.contains(&delivery.partition()));
            assert!(keys.insert(delivery.key().unwrap().as_bytes().to_vec()));
            delivery.ack();
            count += 1;
        }
        assert!(u64::abs_diff(count, COUNT / 4) < COUNT / 40, "{count}");
    }
    assert_eq!(keys.len() as u64, COUNT);
    assert_eq!(Key::from("user7").partition(0), Partition(0));
}

/// Messages without a key are dealt in turn.
#[tokio::test]
async fn messages_without_a_key_are_dealt_evenly() {
    let broker = Broker::new();
    let log = broker.topic("log").partitions(3);
    let publisher = log.publisher().await.unwrap();
    publisher.publish_batch(numbers(3_000)).await.unwrap();
    let stats = broker.stats("log").await.unwrap();
    assert!(stats.partitions.iter().all(|partition| partition.published == 1_000));
}

/// `Fixed(7)` of 4 wrapped for one message and failed for a batch.
#[tokio::test]
async fn a_partition_that_is_not_there_fails_singly_and_in_batches() {
    let broker = Broker::new();
    let log = broker.topic("log").partitions(4);
    let publisher = log.publisher().await.unwrap();
    for partition in [4, 7, u16::MAX] {
        let single = publisher.publish(Record::new("x")).partition(partition).await;
        match single {
            Err(PublishError::Partition { partition: asked, partitions: 4, .. }) => {
                assert_eq!(asked.0, partition);
            }
            other => panic!("{other:?}"),
        }
        let batch = publisher.publish_batch(numbers(3)).partition(partition).await.unwrap_err();
        assert!(matches!(*batch.reason, PublishError::Partition { partitions: 4, .. }));
        assert_eq!((batch.published.len(), batch.rest.len()), (0, 3));
        let reader = log.subscriber().partition(partition).await;
        assert!(matches!(reader, Err(OpenError::Partition { .. })), "{reader:?}");
    }
    assert_eq!(broker.stats("log").await.unwrap().published, 0);
}

/// Zero partitions, and a batch of `usize::MAX`, were panics.
#[tokio::test]
async fn neither_no_partitions_nor_the_largest_batch_panics() {
    let broker = Broker::new();
    let none = broker.topic("log").partitions(0).create().await;
    assert!(matches!(none, Err(OpenError::Option { option: "partitions", .. })), "{none:?}");
    let log = broker.topic("log").partitions(u16::MAX);
    log.publisher().await.unwrap().publish_batch(numbers(9)).await.unwrap();
    let mut member = log.subscriber().group("work").max_in_flight(usize::MAX).await.unwrap();
    assert_eq!(member.recv_batch(usize::MAX).await.unwrap().len(), 9);
}

/// Statistics of partitions on a current-thread runtime were a panic, and so was the constructor
/// outside of one.
#[test]
fn statistics_of_a_group_need_no_runtime_of_a_kind() {
    let broker = Broker::new();
    let member = futures_util::FutureExt::now_or_never(async {
        let log = broker.topic("log").partitions(4);
        log.publisher().await.unwrap().publish_batch(numbers(8)).await.unwrap();
        let mut member = log.subscriber().group("work").await.unwrap();
        assert_eq!(member.recv_batch(3).await.unwrap().len(), 3);
        member
    });
    let mut member = member.expect("nothing of it waits");
    assert_eq!(member.stats().unwrap().members[0].partitions.len(), 4);
    current_thread().block_on(async {
        let stats = broker.stats("log").await.unwrap();
        assert_eq!((stats.partitions.len(), stats.groups[0].lag), (4, 8));
        member.recv().await.unwrap().ack();
    });
}

/// Statistics and `recv` took two locks in opposite order, and froze with a publisher between.
async fn everybody_looks() {
    let broker = Broker::new();
    let log = broker.topic("log").partitions(2).overflow(Overflow::Wait).max(16);
    let mut member = log.subscriber().group("work").await.unwrap();
    let publisher = log.publisher().await.unwrap();
    let publishes = spawn(async move {
        for record in numbers(3_000) {
            publisher.publish(record).await.unwrap();
        }
    });
    let watched = broker.clone();
    let watches = spawn(async move {
        loop {
            let stats = watched.stats("log").await.unwrap();
            let group = &stats.groups[0];
            let ended = group.settled + group.dead_lettered + group.skipped;
            assert_eq!(group.since_start, ended + group.lag);
            assert_eq!(stats.published, stats.depth + stats.dropped.total() + stats.consumed);
            if group.settled == 3_000 {
                return;
            }
            yield_now().await;
        }
    });
    for _ in 0..3_000 {
        member.recv().await.unwrap().ack();
    }
    publishes.await.unwrap();
    watches.await.unwrap();
}

#[test]
fn statistics_receives_and_publishes_do_not_freeze_each_other() {
    on_both_runtimes(everybody_looks);
}

/// Publish first, subscribe later: the first example of the README hung.
#[tokio::test]
async fn a_group_gets_what_was_published_before_it() {
    let broker = with_orders(1).await;
    assert_eq!(billing(&broker).await.recv().await.unwrap().item, "tea");
}

/// Consumed messages stayed: 400 MiB for 400 that were read.
#[tokio::test]
async fn what_every_group_has_settled_is_freed_where_the_topic_says_so() {
    let broker = Broker::new();
    let log = broker.topic("log").retain(memq::Retain::UntilConsumed);
    let publisher = log.publisher().await.unwrap();
    let mut one = log.subscriber().group("one").await.unwrap();
    let mut two = log.subscriber().group("two").await.unwrap();
    publisher.publish_batch(numbers(400)).await.unwrap();
    one.recv_batch(400).await.unwrap().ack();
    assert_eq!(broker.stats("log").await.unwrap().depth, 400);
    let batch: Vec<_> = two.recv_batch(400).await.unwrap().into_iter().collect();
    for (number, delivery) in batch.into_iter().enumerate().rev() {
        if number == 200 {
            assert_eq!(broker.stats("log").await.unwrap().depth, 400);
        }
        delivery.ack();
    }
    let stats = broker.stats("log").await.unwrap();
    assert_eq!((stats.depth, stats.bytes, stats.consumed), (0, 0, 400));
}
