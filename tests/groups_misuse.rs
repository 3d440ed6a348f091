//! Consumer groups used wrongly, and used while what they stand on goes away: a typed error or a
//! no-op that is documented, and never a panic.

use crate::common;

use std::error::Error as _;
use std::fmt::Debug;
use std::future::IntoFuture;
use std::time::Duration;

use common::{Bell, Order, paused, poll_with, settle, spawn, try_now, with_orders};
use memq::{
    AdminError, Backoff, Broker, CommitError, Consumer, ConsumerBuilder, Error, GroupConflict,
    Offset, OpenError, Overflow, PublishError, RecvError, SeekError, SettleError, Start,
};

const SECOND: Duration = Duration::from_secs(1);

fn billing(broker: &Broker) -> ConsumerBuilder<'_, Order> {
    broker.subscriber::<Order>().group("billing")
}

/// The option and the value that were refused.
fn refused(opened: Result<Consumer<Order>, OpenError>) -> (&'static str, String) {
    match opened {
        Err(OpenError::Option { topic, option, value, remedy }) => {
            assert_eq!(topic, "orders");
            assert!(!remedy.is_empty());
            (option, value)
        }
        other => panic!("{other:?}"),
    }
}

fn conflict(opened: Result<Consumer<Order>, OpenError>) -> (&'static str, String, String) {
    match opened {
        Err(OpenError::GroupConflict(conflict)) => {
            let text = conflict.to_string();
            let GroupConflict { topic, group, option, existing, requested, .. } = conflict;
            assert_eq!((&*topic, &*group), ("orders", "billing"));
            for part in [option, &*existing, &*requested] {
                assert!(text.contains(part), "{text}");
            }
            (option, existing, requested)
        }
        other => panic!("{other:?}"),
    }
}

fn is_no_group<T: Debug>(result: Result<T, OpenError>, name: &str) {
    match result {
        Err(OpenError::NoGroup { topic, group } | OpenError::NoDeadLetters { topic, group }) => {
            assert_eq!((&*topic, &*group), ("orders", name));
        }
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_limit_of_zero_is_refused_by_name() {
    let broker = Broker::new();
    let cases = [
        (billing(&broker).ack_deadline(Duration::ZERO), ("ack_deadline", "0s")),
        (billing(&broker).max_attempts(0), ("max_attempts", "0")),
        (billing(&broker).max_in_flight(0), ("max_in_flight", "0")),
        (billing(&broker).group_max_in_flight(0), ("group_max_in_flight", "0")),
    ];
    for (builder, (option, value)) in cases {
        assert_eq!(refused(builder.await), (option, value.into()));
    }
    // None of them has made the topic, and the group with it.
    assert!(broker.stats("orders").await.is_err());
}

#[tokio::test]
async fn rules_that_contradict_each_other_are_refused() {
    let broker = Broker::new();
    let never = billing(&broker).without_dead_letters().max_attempts(3);
    assert_eq!(refused(never.await), ("max_attempts", "3".into()));
    let auto = billing(&broker).auto_ack().max_attempts(3);
    assert_eq!(refused(auto.await), ("max_attempts", "3".into()));
    let auto = billing(&broker).auto_ack().dead_letter("graves");
    assert_eq!(refused(auto.await), ("dead_letter", "graves".into()));
    let own = billing(&broker).dead_letter("orders");
    assert_eq!(refused(own.await), ("dead_letter", "orders".into()));
}

#[tokio::test]
async fn a_bad_group_name_is_an_error() {
    let broker = Broker::new();
    let long = "g".repeat(101);
    for name in ["", " ", "a b", "a.b", "a/b", "ß", "a\n", &long] {
        match broker.subscriber::<Order>().group(name).await {
            Err(OpenError::GroupName { group }) => assert_eq!(group, name),
            other => panic!("{other:?}"),
        }
        assert!(broker.stats("orders").await.is_err(), "it leaves no topic behind");
        // Such a group cannot exist.
        is_no_group(broker.dead_letters::<Order>(name).topic().await, name);
    }
    broker.subscriber::<Order>().group("g".repeat(100)).await.unwrap();
}

#[tokio::test]
async fn a_bad_dead_letter_topic_is_an_error_that_says_why() {
    let broker = Broker::new();
    let error = billing(&broker).dead_letter("no such name!").await.unwrap_err();
    assert!(matches!(&error, OpenError::DeadLetterTopic { group, .. } if group == "billing"));
    assert!(error.source().unwrap().to_string().contains("no such name!"));
    // The default name of a long topic and a long group is no name.
    let topic = "t".repeat(200);
    let record = broker.topic(&topic).subscriber().group("g".repeat(100)).await;
    assert!(matches!(record, Err(OpenError::DeadLetterTopic { .. })), "{record:?}");
    assert!(broker.stats(&topic).await.unwrap().groups.is_empty());
}

#[tokio::test]
async fn members_that_differ_are_told_the_option_and_both_values() {
    let broker = Broker::new();
    let first = billing(&broker).ack_deadline(SECOND).max_attempts(3).group_max_in_flight(7);
    let member = first.dead_letter("graves").await.unwrap();
    let pair = |one: &str, other: &str| (one.to_string(), other.to_string());
    let cases = [
        (billing(&broker).ack_deadline(2 * SECOND), "ack_deadline", pair("1s", "2s")),
        (billing(&broker).max_attempts(4), "max_attempts", pair("3", "4")),
        (billing(&broker).group_max_in_flight(8), "group_max_in_flight", pair("7", "8")),
        (billing(&broker).dead_letter("pit"), "dead_letter", pair("\"graves\"", "\"pit\"")),
        (billing(&broker).without_dead_letters(), "dead_letter", pair("\"graves\"", "none")),
    ];
    for (builder, option, (existing, requested)) in cases {
        assert_eq!(conflict(builder.await), (option, existing, requested));
    }
    assert_eq!(conflict(billing(&broker).auto_ack().await).0, "auto_ack");
    let any = conflict(billing(&broker).any_order().await);
    assert_eq!(any, ("any_order", "false".into(), "true".into()));
    // What is a member's own may differ, and who says nothing takes what there is.
    let second = billing(&broker).max_in_flight(1).backoff(Backoff::NONE).await.unwrap();
    assert_eq!(second.dead_letter_topic(), member.dead_letter_topic());
    assert_eq!(member.stats().unwrap().members.len(), 2);
}

#[test]
fn no_time_is_too_long() {
    paused().block_on(async {
        let broker = with_orders(3).await;
        let open = || {
            let builder = billing(&broker).ack_deadline(Duration::MAX).max_in_flight(usize::MAX);
            builder.group_max_in_flight(usize::MAX).backoff(Backoff::fixed(Duration::MAX))
        };
        let mut one = open().await.unwrap();
        let held = one.recv().await.unwrap();
        held.extend().unwrap();
        held.extend_by(Duration::MAX).unwrap();
        one.recv().await.unwrap().nack();
        one.recv().await.unwrap().nack_after(Duration::MAX);
        // It waits with a timer for the end of times.
        assert!(try_now(one.recv()).is_none());
        let stats = one.stats().unwrap();
        assert_eq!((stats.in_flight, stats.delayed), (1, 2));
        held.ack_confirmed().await.unwrap();
    });
}

#[tokio::test]
async fn a_group_that_is_not_known_is_an_error() {
    let broker = with_orders(1).await;
    let none = broker.dead_letters::<Order>("nobody");
    is_no_group(none.topic().await, "nobody");
    is_no_group(none.subscriber().await.map(drop), "nobody");
    match none.redrive(|_, _| true).await {
        Err(Error::Open(error)) => is_no_group::<()>(Err(error), "nobody"),
        other => panic!("{other:?}"),
    }
    let no_group = AdminError::NoGroup { topic: "orders".into(), group: "nobody".into() };
    assert_eq!(broker.delete_group("orders", "nobody").await, Err(no_group));
    let not_found = AdminError::NotFound { topic: "teas".into() };
    assert_eq!(broker.delete_group("teas", "nobody").await, Err(not_found));
    // One without dead letters has none to read.
    let _member = broker.subscriber::<Order>().group("nobody").without_dead_letters().await;
    is_no_group(none.topic().await, "nobody");
}

#[tokio::test(start_paused = true)]
async fn what_lies_beyond_the_end_is_an_error_and_moves_nothing() {
    let broker = with_orders(3).await;
    let mut member = billing(&broker).await.unwrap();
    let before = member.stats();
    for requested in [3, 4, u64::MAX].map(Offset) {
        let error = CommitError::BeyondEnd { requested, end: Offset(3) };
        assert_eq!(member.commit(requested).await, Err(error));
    }
    for requested in [4, u64::MAX].map(Offset) {
        let error = SeekError::BeyondEnd { requested, end: Offset(3) };
        assert_eq!(member.seek(requested).await, Err(error));
    }
    assert_eq!(member.stats(), before);
    let beyond = broker.subscriber::<Order>().from(4).group("late").await;
    assert!(matches!(beyond, Err(OpenError::BeyondEnd { requested: Offset(4), .. })), "{beyond:?}");
    assert!(broker.stats("orders").await.unwrap().group("late").is_none());
    assert_eq!(member.seek(3).await, Ok(Offset(3)));
}

#[test]
fn what_is_settled_cannot_be_settled_again() {
    paused().block_on(async {
        let broker = with_orders(9).await;
        let mut member = billing(&broker).ack_deadline(SECOND).await.unwrap();
        // By a commit.
        let held = member.recv().await.unwrap();
        member.commit(0).await.unwrap();
        assert!(matches!(held.extend(), Err(SettleError::AlreadySettled)));
        assert!(matches!(held.ack_confirmed().await, Err(SettleError::AlreadySettled)));
        // By a seek, until it is handed out again.
        let (one, two) = (member.recv().await.unwrap(), member.recv().await.unwrap());
        member.seek(Start::Earliest).await.unwrap();
        assert!(matches!(one.nack_confirmed().await, Err(SettleError::AlreadySettled)));
        member.commit(1).await.unwrap();
        let again = member.recv().await.unwrap();
        assert_eq!((again.offset(), again.attempt()), (two.offset(), 1));
        assert!(matches!(two.ack_confirmed().await, Err(SettleError::HandedOutAgain)));
        // After the deadline, once another has it.
        tokio::time::advance(SECOND).await;
        assert_eq!(member.stats().unwrap().expired, 1);
        assert!(matches!(again.extend(), Err(SettleError::Expired)));
        let third = member.recv().await.unwrap();
        assert_eq!((third.offset(), third.attempt()), (again.offset(), 2));
        assert!(matches!(again.reject_confirmed("late").await, Err(SettleError::HandedOutAgain)));
        // Late, but before anybody has it.
        tokio::time::advance(SECOND).await;
        assert_eq!(member.stats().unwrap().expired, 2);
        third.ack_confirmed().await.unwrap();
        assert_eq!(member.stats().unwrap().committed, Offset(3));
    });
}

#[tokio::test]
async fn what_settles_by_itself_is_settled_already() {
    let broker = with_orders(4).await;
    let mut member = billing(&broker).auto_ack().await.unwrap();
    for (number, delivery) in member.recv_batch(4).await.unwrap().into_iter().enumerate() {
        assert!(matches!(delivery.extend(), Err(SettleError::AlreadySettled)));
        let settled = match number {
            0 => delivery.ack_confirmed().await,
            1 => delivery.nack_confirmed().await,
            2 => delivery.reject_confirmed("no").await,
            _ => return drop(delivery),
        };
        assert!(matches!(settled, Err(SettleError::AlreadySettled)), "{settled:?}");
    }
    assert_eq!(member.stats().unwrap().settled, 4);
}

#[tokio::test]
async fn a_reject_without_a_dead_letter_topic_comes_back() {
    let broker = with_orders(1).await;
    let builder = billing(&broker).without_dead_letters().backoff(Backoff::NONE);
    let mut member = builder.await.unwrap();
    assert_eq!(member.dead_letter_topic(), None);
    for attempt in 1..10 {
        let delivery = member.recv().await.unwrap();
        assert_eq!(delivery.attempt(), attempt);
        let rejected = delivery.reject_confirmed("never").await;
        assert!(matches!(rejected, Err(SettleError::NoDeadLetterTopic)), "{rejected:?}");
    }
    member.recv().await.unwrap().reject("and without looking");
    assert_eq!(member.recv().await.unwrap().attempt(), 11);
}

#[test]
fn a_full_dead_letter_topic_is_tried_again() {
    paused().block_on(async {
        let broker = with_orders(2).await;
        broker.topic("graves").max(1).overflow(Overflow::Reject).create().await.unwrap();
        let mut member = billing(&broker).dead_letter("graves").await.unwrap();
        member.recv().await.unwrap().reject_confirmed("one").await.unwrap();
        let full = member.recv().await.unwrap().reject_confirmed("two").await;
        match full {
            Err(SettleError::DeadLetter { topic, source: PublishError::Full(()) }) => {
                assert_eq!(topic, "graves");
            }
            other => panic!("{other:?}"),
        }
        assert_eq!(member.stats().unwrap().dead, 1);
        // Room is made by whoever reads it.
        let dead = broker.dead_letters::<Order>("billing");
        let mut reader = dead.subscriber().await.unwrap();
        reader.recv().await.unwrap();
        let waits = spawn(async move { member.recv().await.map(drop) });
        let second = reader.recv().await.unwrap();
        assert_eq!(second.customer, 1);
        assert_eq!(broker.stats("orders").await.unwrap().groups[0].dead_lettered, 2);
        waits.abort();
    });
}

#[tokio::test]
async fn a_deleted_topic_ends_deliveries_members_and_waits() {
    let broker = with_orders(4).await;
    let mut one = billing(&broker).await.unwrap();
    let mut two = billing(&broker).await.unwrap();
    let held = one.recv_batch(4).await.unwrap();
    let bell = Bell::new();
    let mut waits = Box::pin(two.recv());
    assert!(poll_with(&bell, &mut waits).is_pending());
    broker.delete("orders").await.unwrap();
    assert!(bell.rings() > 0, "it sleeps on");
    assert!(matches!(waits.await, Err(RecvError::Deleted)));
    let mut held = held.into_iter();
    let mut next = || held.next().unwrap();
    assert!(matches!(next().ack_confirmed().await, Err(SettleError::Deleted)));
    let second = next();
    assert!(matches!(second.extend(), Err(SettleError::Deleted)));
    assert!(matches!(second.nack_confirmed().await, Err(SettleError::Deleted)));
    assert!(matches!(next().reject_confirmed("no").await, Err(SettleError::Deleted)));
    drop(next());
    assert!(matches!(one.try_recv(), Err(RecvError::Deleted)));
    assert!(matches!(one.recv_batch(3).await, Err(RecvError::Deleted)));
    assert_eq!(one.commit(0).await, Err(CommitError::Deleted));
    assert_eq!(one.seek(Start::Earliest).await, Err(SeekError::Deleted));
    assert_eq!(one.stats(), None);
    // Its dead letters are another topic's; a new topic of its name is another one too.
    assert!(broker.stats("orders.billing.dead").await.is_ok());
    let mut new = billing(&broker).await.unwrap();
    assert!(new.try_recv().unwrap().is_none());
    assert_eq!(new.stats().unwrap().members.len(), 1);
}

#[tokio::test]
async fn a_deleted_group_ends_its_members_and_not_the_next_of_its_name() {
    let broker = with_orders(4).await;
    let mut one = billing(&broker).await.unwrap();
    let mut two = billing(&broker).await.unwrap();
    let held = one.recv_batch(3).await.unwrap();
    let bell = Bell::new();
    let mut waits = Box::pin(two.recv_batch(2));
    // Four orders, three are held: it gets one, which dies with the group too.
    let last = match poll_with(&bell, &mut waits) {
        std::task::Poll::Ready(batch) => batch.unwrap(),
        std::task::Poll::Pending => panic!("there is a fourth"),
    };
    drop(waits);
    let mut waits = Box::pin(two.recv());
    assert!(poll_with(&bell, &mut waits).is_pending());
    broker.delete_group("orders", "billing").await.unwrap();
    assert!(bell.rings() > 0, "it sleeps on");
    assert!(matches!(waits.await, Err(RecvError::GroupDeleted)));
    let mut new = billing(&broker).await.unwrap();
    let again = new.recv().await.unwrap();
    assert_eq!((again.offset(), again.attempt()), (Offset(0), 1));
    let mut held = held.into_iter();
    let first = held.next().unwrap();
    assert!(matches!(first.extend(), Err(SettleError::GroupDeleted)));
    assert!(matches!(first.ack_confirmed().await, Err(SettleError::GroupDeleted)));
    let second = held.next().unwrap();
    assert!(matches!(second.reject_confirmed("no").await, Err(SettleError::GroupDeleted)));
    drop((held, last));
    assert!(matches!(one.try_recv(), Err(RecvError::GroupDeleted)));
    assert_eq!(one.commit(0).await, Err(CommitError::GroupDeleted));
    assert_eq!(one.seek(Start::Earliest).await, Err(SeekError::GroupDeleted));
    assert_eq!(one.stats(), None);
    drop((one, two));
    let stats = new.stats().unwrap();
    assert_eq!((stats.in_flight, stats.delivered, stats.members.len()), (1, 1, 1));
    again.ack_confirmed().await.unwrap();
}

#[test]
fn a_closed_topic_is_drained_and_then_ends_whoever_waits() {
    paused().block_on(async {
        let broker = with_orders(2).await;
        let mut one = billing(&broker).backoff(Backoff::fixed(SECOND)).await.unwrap();
        let mut two = billing(&broker).await.unwrap();
        let (first, second) = (one.recv().await.unwrap(), one.recv().await.unwrap());
        let waits = spawn(async move {
            let mut attempts = Vec::new();
            while let Some(order) = two.next().await {
                let order = order.unwrap();
                attempts.push((order.offset().0, order.attempt()));
                order.ack();
            }
            attempts
        });
        settle().await;
        broker.close("orders").await.unwrap();
        settle().await;
        assert!(!waits.is_finished(), "two orders are not settled");
        first.ack();
        settle().await;
        assert!(!waits.is_finished());
        second.nack();
        assert_eq!(waits.await.unwrap(), [(1, 2)]);
        assert!(matches!(one.recv().await, Err(RecvError::Closed)));
        // It can still be moved, and read again.
        one.seek(Start::Earliest).await.unwrap();
        assert_eq!(one.recv_batch(9).await.unwrap().len(), 2);
    });
}

#[test]
fn a_closed_topic_ends_whoever_waits_for_what_expired() {
    paused().block_on(async {
        let broker = Broker::new();
        let topic = broker.topic("short").ttl(SECOND);
        topic.publisher().await.unwrap().publish_bytes("tea").await.unwrap();
        let mut one = topic.subscriber().group("billing").await.unwrap();
        let mut two = topic.subscriber().group("billing").await.unwrap();
        one.recv().await.unwrap().nack_after(1_000 * SECOND);
        broker.close("short").await.unwrap();
        let started = tokio::time::Instant::now();
        let (first, second) = tokio::join!(one.recv(), two.recv());
        let (first, second) = (first.map(drop), second.map(drop));
        assert!(started.elapsed() < 3 * SECOND, "they waited for a message that was gone");
        let lagged = |got: &Result<_, RecvError>| matches!(got, Err(RecvError::Lagged { .. }));
        assert!(lagged(&first) != lagged(&second), "one of them is told");
        assert!(matches!(two.recv().await, Err(RecvError::Closed)));
        assert!(matches!(one.recv().await, Err(RecvError::Closed)));
    });
}

#[test]
fn a_broker_that_is_dropped_lets_members_drain() {
    paused().block_on(async {
        let broker = with_orders(3).await;
        let mut one = billing(&broker).await.unwrap();
        let held = one.recv().await.unwrap();
        let mut two = billing(&broker).await.unwrap();
        let waits = spawn(async move {
            let mut seen = 0;
            while let Some(order) = two.next().await {
                order.unwrap().ack();
                seen += 1;
            }
            seen
        });
        settle().await;
        drop(broker);
        held.extend().unwrap();
        held.ack_confirmed().await.unwrap();
        assert_eq!(waits.await.unwrap(), 2);
        assert!(matches!(one.recv().await, Err(RecvError::Closed)));
    });
}

#[test]
fn dead_letters_without_a_broker_do_not_keep_members_waiting() {
    paused().block_on(async {
        let broker = with_orders(1).await;
        let mut one = billing(&broker).await.unwrap();
        let mut two = billing(&broker).await.unwrap();
        let held = one.recv().await.unwrap();
        let waits = spawn(async move { two.recv().await.map(drop) });
        settle().await;
        drop(broker);
        let rejected = held.reject_confirmed("no").await;
        let Err(SettleError::DeadLetter { source: PublishError::Closed(()), .. }) = rejected else {
            panic!("{rejected:?}");
        };
        assert!(matches!(waits.await.unwrap(), Err(RecvError::Closed)));
        assert!(matches!(one.recv().await, Err(RecvError::Closed)));
        // Nothing is hidden: it is dead, and nowhere else.
        let stats = one.stats().unwrap();
        assert_eq!((stats.dead, stats.lag, stats.dead_lettered), (1, 1, 0));
    });
}

#[test]
fn a_deleted_dead_letter_topic_is_an_error_and_is_made_anew_by_the_next_member() {
    paused().block_on(async {
        let broker = with_orders(1).await;
        let mut one = billing(&broker).await.unwrap();
        broker.delete("orders.billing.dead").await.unwrap();
        let rejected = one.recv().await.unwrap().reject_confirmed("no").await;
        let Err(SettleError::DeadLetter { source: PublishError::Deleted(()), .. }) = rejected
        else {
            panic!("{rejected:?}");
        };
        drop(one);
        let mut two = billing(&broker).await.unwrap();
        let waits = spawn(async move { two.recv().await.map(drop) });
        let mut dead = broker.dead_letters::<Order>("billing").subscriber().await.unwrap();
        assert_eq!(dead.recv().await.unwrap().item, "tea");
        waits.abort();
    });
}

#[tokio::test]
async fn a_batch_of_none_and_a_batch_of_all() {
    let broker = with_orders(5).await;
    let mut member = billing(&broker).await.unwrap();
    assert!(member.recv_batch(0).await.unwrap().is_empty());
    let batch = member.recv_batch(usize::MAX).await.unwrap();
    assert_eq!(batch.len(), 5);
    batch.ack();
    assert!(try_now(member.recv_batch(usize::MAX).into_future()).is_none());
}
