//! What a group does takes few steps, however many members and messages there are.

use std::sync::Arc;
use std::task::Waker;
use std::time::Duration;

use super::*;

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
