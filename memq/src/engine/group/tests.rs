//! What a group does takes few steps, however many members and messages there are.

use std::sync::Arc;
use std::task::Waker;
use std::time::Duration;

use super::*;
use crate::engine::hand::When;

const MANY: u64 = 10_000;
const SECOND: Duration = Duration::from_secs(1);
const NOW: Timestamp = Timestamp::from_nanos(0);

fn group() -> Group {
    let rules = Rules {
        ack_deadline: SECOND,
        max_attempts: None,
        max_in_flight: usize::MAX,
        auto_ack: false,
        dead_letter: None,
        by_key: true,
    };
    Group::new(0, "group".into(), rules, 1, 0)
}

fn join(group: &mut Group, most: usize) -> usize {
    group.join(most, Arc::new(Hand::new()), &mut Wake::Nobody).0
}

fn leave(group: &mut Group, member: usize) {
    drop(group.leave(member, NOW, &mut Wake::Nobody));
}

#[test]
fn a_member_that_leaves_looks_for_what_it_holds_alone() {
    let mut group = group();
    let busy = join(&mut group, usize::MAX);
    let idle: Vec<_> = (0..100).map(|_| join(&mut group, 1)).collect();
    for offset in 0..MANY {
        assert_eq!(group.admit(0, 0, busy, NOW).map(|ticket| ticket.offset), Some(offset));
    }
    let (first, others) = idle.split_first().unwrap();
    assert_eq!(steps::of(|| others.iter().for_each(|idle| leave(&mut group, *idle))), 0);
    // One message comes back, and is held by another.
    let ticket = group.admit(0, 0, *first, NOW).unwrap();
    assert!(group.settle(ticket, Settlement::Ack, NOW, &mut Wake::Nobody).is_ok());
    assert_eq!(steps::of(|| leave(&mut group, *first)), 0);
    assert_eq!(steps::of(|| leave(&mut group, busy)) as u64, MANY);
    assert_eq!((group.in_flight, group.leases.len() as u64), (0, MANY));
}

#[test]
fn members_that_leave_pass_over_what_others_held() {
    let mut group = group();
    let members: Vec<_> = (0..100).map(|_| join(&mut group, usize::MAX)).collect();
    for offset in 0..MANY {
        let member = members[(offset / 100) as usize];
        assert_eq!(group.admit(0, 0, member, NOW).map(|ticket| ticket.offset), Some(offset));
    }
    let all = steps::of(|| members.iter().for_each(|member| leave(&mut group, *member)));
    assert_eq!((all as u64, group.in_flight), (MANY, 0));
}

#[test]
fn what_a_member_held_comes_back_whatever_it_was_handed_first() {
    let mut group = group();
    let (one, other) = (join(&mut group, usize::MAX), join(&mut group, usize::MAX));
    let old = group.admit(0, 0, other, NOW).unwrap();
    let tickets: Vec<_> = (1..200).map(|_| group.admit(0, 0, one, NOW).unwrap()).collect();
    for ticket in &tickets[1..] {
        assert!(group.settle(*ticket, Settlement::Ack, NOW, &mut Wake::Nobody).is_ok());
    }
    // It comes after what this one holds, and lies before it.
    leave(&mut group, other);
    let Pick::Deliver(again) = group.pick(one, NOW, &mut Wake::Nobody) else { panic!() };
    assert_eq!((again.offset, again.attempt), (old.offset, 2));
    leave(&mut group, one);
    assert_eq!((group.in_flight, group.leases.len()), (0, 2));
}

#[test]
fn a_message_is_dead_until_it_is_buried() {
    let mut group = group();
    group.rules.dead_letter = Some("dead".into());
    let member = join(&mut group, 1);
    let ticket = group.admit(0, 0, member, NOW).unwrap();
    let reject = Settlement::Reject { reason: "bad".into() };
    assert!(group.settle(ticket, reject, NOW, &mut Wake::Nobody).unwrap().is_some());
    let dead = |group: &Group| group.stats(0, 1, NOW, |_| None).dead;
    assert_eq!(dead(&group), 1);
    group.buried(0, &mut Wake::Nobody);
    assert_eq!((dead(&group), group.leases.len()), (0, 0));
}

fn park(group: &mut Group, member: usize, guarded: bool) {
    let how = Wait { guarded, timed: true };
    drop(group.park(member, Waker::noop().clone(), how, NOW));
}

fn woken(wake: &Wake) -> usize {
    match wake {
        Wake::Nobody => 0,
        Wake::One(_) => 1,
        Wake::All(wakers) => wakers.len(),
    }
}

#[test]
fn nobody_looks_among_streams_for_who_surely_comes() {
    let (mut group, mut wake) = (group(), Wake::Nobody);
    let busy = join(&mut group, usize::MAX);
    let streams: Vec<_> = (0..100).map(|_| join(&mut group, 1)).collect();
    let tickets: Vec<_> = (0..3).filter_map(|_| group.admit(0, 0, busy, NOW)).collect();
    streams.iter().for_each(|stream| park(&mut group, *stream, false));
    let taken = steps::of(|| {
        assert!(group.settle(tickets[0], Settlement::Ack, NOW, &mut wake).is_ok());
        assert!(group.extend(tickets[1], NOW, NOW + SECOND, &mut wake).is_ok());
        let later = Settlement::Delay { delay: 2 * SECOND, reason: "".into() };
        assert!(group.settle(tickets[2], later, NOW, &mut wake).is_ok());
        group.cover(&mut wake);
    });
    assert_eq!((taken, woken(&wake)), (0, 0));
    // One that surely comes is found among them.
    let surely = join(&mut group, 1);
    streams.iter().for_each(|stream| park(&mut group, *stream, false));
    park(&mut group, surely, true);
    drop(group.unpark(surely, 3, &mut wake));
    park(&mut group, surely, true);
    group.miss(1, LagReason::MaxMessages);
    let mut wake = Wake::Nobody;
    group.summon(&mut wake);
    assert_eq!((woken(&wake), group.members.is_called(surely)), (1, true));
}

#[test]
fn members_that_hold_all_they_may_are_not_in_the_way_of_others() {
    let (mut group, mut wake) = (group(), Wake::Nobody);
    let full: Vec<_> = (0..100).map(|_| join(&mut group, 1)).collect();
    let free = join(&mut group, 1);
    let tickets: Vec<_> = full.iter().filter_map(|key| group.admit(0, 0, *key, NOW)).collect();
    full.iter().for_each(|key| park(&mut group, *key, true));
    assert_eq!(steps::of(|| group.appended(0, 1, &mut wake)), 0);
    park(&mut group, free, true);
    assert_eq!(steps::of(|| group.appended(0, 1, &mut wake)), 1);
    assert_eq!((woken(&wake), group.members.is_called(free)), (1, true));
    // Who settles one of its own is called, though it stands in no queue; so is one for what any takes.
    assert!(group.settle(tickets[7], Settlement::Ack, NOW, &mut wake).is_ok());
    assert_eq!((woken(&wake), group.members.is_called(full[7])), (2, true));
    drop(group.come(free, NOW, &mut wake));
    drop(group.come(full[7], NOW, &mut wake));
    group.miss(1, LagReason::MaxMessages);
    group.summon(&mut wake);
    assert_eq!(woken(&wake), 3);
    // With others it waits in the queue again.
    park(&mut group, full[7], true);
    assert_eq!(steps::of(|| group.appended(0, 1, &mut wake)), 1);
    assert_eq!((woken(&wake), group.members.is_called(full[7])), (4, true));
}

/// A member comes for so many messages together, of those without a key that there are.
fn claim(group: &mut Group, member: usize, count: usize) -> (Ticket, Row) {
    group.turn_in_for(member, count, &mut Wake::Nobody);
    let (first, count) = group.admit_run(count, member, NOW, |_, most| Some((0, 0, most)));
    let mut row = Row::of_run(first, count);
    row.cell = group.lend_whole(member, row, &mut Wake::Nobody);
    (first, row)
}

#[test]
fn batches_that_are_settled_one_by_one_are_in_nobodys_way() {
    let mut group = group();
    let member = join(&mut group, usize::MAX);
    let lent = |group: &Group| {
        let lent = &group.members.get(member).unwrap().lent;
        (lent.wholes.len(), lent.busy.count_ones() as usize)
    };
    for number in 1..=100 {
        let (first, row) = claim(&mut group, member, 5);
        assert!(row.is_whole());
        for at in 0..5 {
            let settled = group.settle(first.after(at), Settlement::Ack, NOW, &mut Wake::Nobody);
            assert!(settled.is_ok());
        }
        assert_eq!(lent(&group), (number.min(8), number.min(8)));
    }
    assert_eq!((group.in_flight, group.leases.len()), (0, 0));
    // It goes on one by one, and claims ahead until it comes to their cells.
    let when = When { now: NOW, window: SECOND };
    let mosts = (0..6).map(|_| group.turn_in(member, when, MANY, &mut Wake::Nobody));
    assert_eq!(mosts.collect::<Vec<_>>(), [2, 4, 8, 16, 32, 32]);
    assert!(group.take_back(&mut Wake::Nobody) || lent(&group) == (0, 0));
    assert!(!group.take_back(&mut Wake::Nobody));
}

#[test]
fn batches_that_are_acknowledged_have_their_cells_back() {
    let (hand, mut group) = (Arc::new(Hand::new()), group());
    let (member, _) = group.join(usize::MAX, hand.clone(), &mut Wake::Nobody);
    for _ in 0..200 {
        let (_, row) = claim(&mut group, member, 5);
        assert!(row.cell.is_some_and(|cell| hand.acknowledge(cell, row.serial)));
    }
    assert!(group.take_back(&mut Wake::Nobody));
    assert_eq!((group.in_flight, group.counters.settled), (0, 1_000));
}

#[test]
fn no_batch_is_lent_where_somebody_waits_or_nothing_is_settled() {
    let mut group = group();
    let (one, two) = (join(&mut group, usize::MAX), join(&mut group, usize::MAX));
    park(&mut group, two, true);
    assert!(!claim(&mut group, one, 5).1.is_whole());
    group.appended(0, 1, &mut Wake::Nobody);
    drop(group.come(two, NOW, &mut Wake::Nobody));
    assert!(claim(&mut group, one, 5).1.is_whole());
    group.rules.auto_ack = true;
    assert!(!claim(&mut group, two, 5).1.is_whole());
}

#[test]
fn a_batch_begins_with_what_another_claimed_ahead_and_did_not_take() {
    let mut group = group();
    let (one, two) = (join(&mut group, usize::MAX), join(&mut group, usize::MAX));
    let (mut first, count) = group.admit_run(5, one, NOW, |_, most| Some((0, 0, most)));
    group.lend(one, &mut first, count);
    assert_eq!(claim(&mut group, two, 5).0.offset, 1);
}
