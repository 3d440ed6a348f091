//! What a group does takes few steps, however many members and messages there are.

use std::sync::Arc;
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
