//! Cases that failed once, as they were made smaller.

use memq::{Overflow, Retain};

use super::replay;
use super::steps::{Dead, How, Options, Place, Rules, Step};

const RULES: Rules = Rules {
    deadline: 5_000,
    attempts: 5,
    most: None,
    auto_ack: false,
    any_order: false,
    dead: Dead::Own,
    backoff: 10,
};

const TOPIC: Options = Options {
    partitions: 1,
    max: 40,
    ttl: None,
    overflow: Overflow::DropOldest,
    retain: Retain::WithinLimits,
    dedup: None,
    dead_max: None,
    look: 1,
    groups: [RULES; 3],
};

const CONSUMED: Options = Options { retain: Retain::UntilConsumed, ..TOPIC };

const ONE: Step = Step::Publish { key: None, partition: None, id: None };

const fn join(most: usize, place: Place) -> Step {
    Step::Join { group: 0, most, place }
}

const fn settle(how: How) -> Step {
    Step::Settle(0, how)
}

#[test]
fn the_oldest_unsettled_is_one_that_is_kept() {
    let batch = Step::Batch(vec![None; 3]);
    let steps = [batch, join(2, Place::Earliest), Step::TryRecv(0), ONE];
    replay(Options { max: 3, ..TOPIC }, steps);
}

#[test]
fn a_member_that_is_full_is_told_of_what_retention_took() {
    let steps = [
        join(1, Place::Latest),
        Step::Batch(vec![None; 3]),
        Step::TryRecv(0),
        Step::Wait(0),
        Step::Batch(vec![None; 3]),
    ];
    replay(Options { max: 3, ..TOPIC }, steps);
}

#[test]
fn a_delivery_from_before_a_seek_is_void_and_not_handed_out_again() {
    let steps = [
        join(3, Place::Earliest),
        Step::Publish { key: Some(1), partition: None, id: None },
        Step::Publish { key: Some(1), partition: None, id: None },
        Step::Publish { key: Some(2), partition: None, id: None },
        Step::TryRecv(0),
        settle(How::Ack),
        Step::TryRecv(0),
        Step::Seek(0, Place::Earliest),
        Step::RecvBatch(0, 5),
        settle(How::Ack),
    ];
    replay(TOPIC, steps);
}

#[test]
fn what_is_settled_beside_a_message_that_is_gone_is_consumed() {
    let steps = [
        ONE,
        join(1_000, Place::Earliest),
        Step::TryRecv(0),
        ONE,
        Step::TryRecv(0),
        Step::Settle(1, How::Ack),
        Step::Batch(vec![None; 4]),
    ];
    replay(Options { max: 5, ..CONSUMED }, steps);
}

#[test]
fn a_group_is_told_why_its_own_messages_went() {
    let steps = [
        Step::Batch(vec![None; 5]),
        join(9, Place::Earliest),
        Step::RecvBatch(0, 3),
        settle(How::NackAfter(600)),
        Step::Settle(1, How::Ack),
        settle(How::Ack),
        ONE,
        Step::TryRecv(0),
    ];
    replay(Options { max: 5, ..CONSUMED }, steps);
}

#[test]
fn a_redrive_comes_to_what_is_behind_one_of_its_key_that_is_left() {
    let keyed = || Step::Publish { key: Some(0), partition: None, id: None };
    let steps = [
        keyed(),
        keyed(),
        join(2, Place::Earliest),
        Step::TryRecv(0),
        settle(How::Reject),
        Step::TryRecv(0),
        settle(How::Reject),
        Step::Redrive(0, false),
        Step::Redrive(0, true),
    ];
    replay(TOPIC, steps);
}

#[test]
fn what_all_have_passed_is_not_counted_as_dropped() {
    let steps = [
        Step::Batch(vec![None; 5]),
        join(1_000, Place::Earliest),
        Step::RecvBatch(0, 3),
        Step::Settle(2, How::Ack),
        Step::Batch(vec![None; 3]),
    ];
    replay(Options { max: 5, ..CONSUMED }, steps);
}

#[test]
fn what_is_consumed_once_another_expired_does_not_expire() {
    let steps = [
        ONE,
        Step::Advance(35),
        ONE,
        join(9, Place::Earliest),
        Step::RecvBatch(0, 2),
        Step::Settle(1, How::Ack),
        settle(How::NackAfter(5_000)),
        Step::Advance(370),
        Step::Advance(100),
        ONE,
    ];
    replay(Options { ttl: Some(400), ..CONSUMED }, steps);
}

#[test]
fn a_message_that_comes_back_is_missed_for_the_reason_it_went() {
    let rules = Rules { most: Some(3), ..RULES };
    let steps = [
        Step::Batch(vec![None; 2]),
        join(2, Place::Earliest),
        Step::RecvBatch(0, 2),
        Step::Settle(1, How::Ack),
        Step::Advance(45),
        Step::Advance(20),
        ONE,
        settle(How::Drop),
        Step::TryRecv(0),
    ];
    replay(Options { ttl: Some(40), groups: [rules; 3], ..CONSUMED }, steps);
}

#[test]
fn one_that_may_never_come_is_not_relied_on_for_what_is_due() {
    let steps = [
        Step::Batch(vec![None; 3]),
        join(9, Place::Earliest),
        join(9, Place::Earliest),
        join(9, Place::Earliest),
        Step::RecvBatch(0, 3),
        // By hand, and with a timer for the first; then nothing is due but the others.
        settle(How::NackAfter(100)),
        Step::Poll(1),
        Step::Commit(0, 40),
        Step::Wait(2),
        settle(How::NackAfter(500)),
        Step::Advance(600),
        Step::Run(0),
    ];
    replay(TOPIC, steps);
}

/// Nor does it say that the topic has ended, which a seek then takes back.
#[test]
fn a_batch_of_all_there_is_does_not_ask_for_what_comes_after() {
    let rules = Rules { auto_ack: true, dead: Dead::Never, ..RULES };
    let steps = [
        join(3, Place::Earliest),
        Step::Batch(vec![Some(1), Some(2), Some(1)]),
        Step::Close,
        Step::RecvBatch(0, usize::MAX),
        Step::Seek(0, Place::Earliest),
        Step::RecvBatch(0, 5),
    ];
    replay(Options { groups: [rules; 3], ..TOPIC }, steps);
}
