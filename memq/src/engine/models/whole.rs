//! Batches that are acknowledged as a whole, without the lock.

use super::*;
use crate::engine::group::Row;

/// Claims so many messages that follow each other: what acknowledges them without the lock.
fn claim_batch(member: &mut Member<u64>, count: usize) -> Vec<Row> {
    let (mut runs, mut lanes) = (Vec::new(), Lanes::default());
    let stopped = member.claim_up_to(count, &mut runs, &mut lanes);
    assert!(matches!(stopped, Some(Claim::Again)));
    assert_eq!(runs.iter().map(|run| run.count).sum::<usize>(), count);
    assert!(runs.iter().all(|run| run.row().is_whole()));
    runs.into_iter().map(|run| run.row()).collect()
}

#[test]
fn a_batch_that_is_acknowledged_is_seen_by_who_looks() {
    model(|| {
        let topic = topic(16, Overflow::Wait);
        let mut member = member(&topic);
        (0..3).for_each(|number| publish(&topic, number, 0));
        let rows = claim_batch(&mut member, 2);
        let watcher = thread::spawn({
            let topic = topic.clone();
            move || topic.stats().map(|stats| (stats.groups[0].settled, stats.groups[0].in_flight))
        });
        member.holder().acknowledge(rows.into_iter());
        let (settled, in_flight) = watcher.join().unwrap().unwrap();
        assert_eq!(settled + in_flight, 2);
        let stats = member.stats().unwrap();
        assert_eq!((stats.settled, stats.in_flight, stats.delivered), (2, 0, 2));
        assert_eq!(consume(&mut member), 2);
    });
}

#[test]
fn a_publisher_that_waits_for_room_is_woken_by_a_batch_without_the_lock() {
    model(|| {
        let topic = topic(2, Overflow::Wait);
        let mut member = member(&topic);
        (0..2).for_each(|number| publish(&topic, number, 0));
        let rows = claim_batch(&mut member, 2);
        let publisher = thread::spawn({
            let topic = topic.clone();
            move || publish_waiting(&topic, 2)
        });
        member.holder().acknowledge(rows.into_iter());
        publisher.join().unwrap();
    });
}

#[test]
fn a_member_that_waits_until_the_group_holds_less_is_woken_by_a_batch() {
    model(|| {
        let topic = topic(16, Overflow::Wait);
        let (mut one, mut two) = (member_of(&topic, 2), member_of(&topic, 2));
        (0..3).for_each(|number| publish(&topic, number, 0));
        let rows = claim_batch(&mut one, 2);
        let other = thread::spawn(move || (consume(&mut two), two));
        one.holder().acknowledge(rows.into_iter());
        assert_eq!(other.join().unwrap().0, 2);
    });
}

#[test]
fn a_batch_of_who_goes_away_is_acknowledged_or_comes_back() {
    model(|| {
        let topic = topic(16, Overflow::Wait);
        let (mut one, mut two) = (member(&topic), member(&topic));
        (0..3).for_each(|number| publish(&topic, number, 0));
        let rows = claim_batch(&mut one, 2);
        let holder = one.holder().clone();
        let leaver = thread::spawn(move || drop(one));
        holder.acknowledge(rows.into_iter());
        leaver.join().unwrap();
        let (number, ticket) = claim(&mut two);
        assert!(matches!((number, ticket.attempt), (0, 2) | (2, 1)));
    });
}

/// A member has no more than two here.
#[test]
fn a_batch_that_is_called_in_for_a_newer_one_is_acknowledged_all_the_same() {
    model(|| {
        let topic = topic(16, Overflow::Wait);
        let mut member = member(&topic);
        (0..3).for_each(|number| publish(&topic, number, 0));
        let rows = [claim_batch(&mut member, 1), claim_batch(&mut member, 1)].concat();
        let holder = member.holder().clone();
        let other = thread::spawn(move || holder.acknowledge(rows.into_iter()));
        claim_batch(&mut member, 1);
        other.join().unwrap();
        let stats = member.stats().unwrap();
        assert_eq!((stats.settled, stats.in_flight), (2, 1));
    });
}

/// Who waits for the end alone does not keep others from lending.
#[test]
fn who_waits_for_the_end_is_woken_by_the_last_batch() {
    model(|| {
        let topic = topic(16, Overflow::Wait);
        let (mut one, two) = (member(&topic), member(&topic));
        (0..2).for_each(|number| publish(&topic, number, 0));
        topic.close();
        let (mut runs, mut lanes) = (Vec::new(), Lanes::default());
        drop(one.claim_up_to(2, &mut runs, &mut lanes));
        let rows: Vec<Row> = runs.into_iter().map(|run| run.row()).collect();
        let holder = one.holder().clone();
        let other = thread::spawn(move || holder.acknowledge(rows.into_iter()));
        block_on(poll_fn(|cx| match two.end_or_watch(cx.waker()) {
            Ok(Claim::Closed) => Poll::Ready(()),
            Ok(_) => panic!("another end"),
            Err(_) => Poll::Pending,
        }));
        other.join().unwrap();
    });
}
