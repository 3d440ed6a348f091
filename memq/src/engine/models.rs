//! The concurrent core in every interleaving of two or three threads, by loom.
//!
//! `scripts/model` runs it. Each model is one sentence of the rules in [`topic`](super::topic): what
//! hangs in some interleaving, or is given twice, fails.

mod following;
mod opening;
mod whole;

use std::future::poll_fn;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use loom::future::block_on;
use loom::thread;

use super::clock::Clock;
use super::cursor::{Cursor, Next};
use super::group::{Rules, Settlement, Ticket, Wait};
use super::member::Member;
use super::offer::{ANY, Entry};
use super::queue::Place;
use super::segment::Lanes;
use super::slots::slots;
use super::state::{Claim, Refusal};
use super::topic::Topic;
use crate::name::TopicName;
use crate::options::{Overflow, Request, Start};

/// Every interleaving, whatever the environment says.
fn model(check: impl Fn() + Sync + Send + 'static) {
    let mut builder = loom::model::Builder::new();
    builder.preemption_bound = None;
    builder.check(check);
}

/// As `recv` waits in a runtime.
const SURELY: Wait = Wait { guarded: true, timed: true };

fn topic(max: usize, overflow: Overflow) -> Arc<Topic<u64>> {
    let name = TopicName::new("modelled").unwrap();
    let topic = Topic::new(name, Arc::new(Clock::new()), Box::new(()));
    topic.settle(&Request {
        max_messages: Some(max),
        overflow: Some(overflow),
        ..Request::default()
    });
    topic.publisher_opened();
    Arc::new(topic)
}

fn publish(topic: &Arc<Topic<u64>>, number: u64, key: u64) {
    let partition = if key == 0 { ANY } else { 0 };
    let mut entry = Some(Entry::new(number, None, 1).placed(key, partition));
    assert!(topic.append(&mut entry, None, &mut Place::default()).is_ok());
}

/// As a publisher does that waits for room.
fn publish_waiting(topic: &Arc<Topic<u64>>, number: u64) {
    let mut place = Place::default();
    let mut entry = Some(Entry::new(number, None, 1).placed(0, 0));
    block_on(poll_fn(|cx| {
        loop {
            match topic.append(&mut entry, None, &mut place) {
                Ok(_) => return Poll::Ready(()),
                Err(Refusal::Full) => {}
                Err(refusal) => panic!("{refusal:?}"),
            }
            if topic.turn(1, &mut place) == Some(true) {
                continue;
            }
            if topic.poll_room(1, &mut place, cx).is_pending() {
                return Poll::Pending;
            }
        }
    }));
}

fn cursor(topic: &Arc<Topic<u64>>) -> Cursor<u64> {
    Cursor::new(topic.clone(), Start::Earliest).unwrap_or_else(|_| unreachable!())
}

fn read(cursor: &mut Cursor<u64>) -> Next {
    block_on(poll_fn(|cx| match cursor.next_or_park(cx.waker()) {
        Next::Nothing => Poll::Pending,
        next => {
            cursor.passed();
            Poll::Ready(next)
        }
    }))
}

fn read_number(cursor: &mut Cursor<u64>) -> u64 {
    match read(cursor) {
        Next::Message(_) => *cursor.last().1.payload,
        _ => panic!("no message"),
    }
}

/// A member of the one group there is.
fn member(topic: &Arc<Topic<u64>>) -> Member<u64> {
    member_of(topic, usize::MAX)
}

/// The same, of a group that holds so many messages at most.
fn member_of(topic: &Arc<Topic<u64>>, max_in_flight: usize) -> Member<u64> {
    let rules = Rules {
        ack_deadline: Duration::from_secs(3600),
        max_attempts: None,
        max_in_flight,
        auto_ack: false,
        by_key: true,
        dead_letter: None,
    };
    Member::open(topic.clone(), "group", &rules, Start::Earliest, 8)
        .unwrap_or_else(|_| unreachable!())
}

fn claim(member: &mut Member<u64>) -> (u64, Ticket) {
    block_on(poll_fn(|cx| match member.claim_or_park(&mut Lanes::default(), cx.waker(), SURELY) {
        Claim::Message(slot, ticket) => Poll::Ready((*slot.entry().payload, ticket)),
        Claim::Nothing { .. } => Poll::Pending,
        _ => panic!("no message"),
    }))
}

/// Settles one message, after waiting for it.
fn consume(member: &mut Member<u64>) -> u64 {
    let (number, ticket) = claim(member);
    assert!(member.holder().settle(ticket, Settlement::Ack).is_ok());
    number
}

#[test]
fn a_value_is_seen_whole_once_its_slot_is_set() {
    model(|| {
        let (mut writer, slots) = slots(2);
        let writing = thread::spawn(move || {
            assert!(writer.push(Box::new(7), 7));
            assert!(writer.push(Box::new(8), 8));
            writer.show();
        });
        // Shown together: who finds the first finds the second.
        let seen =
            [slots.get(0), slots.get(1)].map(|found| found.map(|(value, note)| (**value, note)));
        assert!(matches!(seen, [None, None | Some((8, 8))] | [Some((7, 7)), Some((8, 8))]));
        writing.join().unwrap();
    });
}

/// Its segments have several slots, so that it reads without a lock.
#[test]
fn a_reader_behind_a_publisher_reads_each_message_once() {
    model(|| {
        let topic = topic(64, Overflow::DropOldest);
        let mut cursor = cursor(&topic);
        publish(&topic, 0, 0);
        assert_eq!(read_number(&mut cursor), 0);
        let publisher = thread::spawn({
            let topic = topic.clone();
            move || (1..3).for_each(|number| publish(&topic, number, 0))
        });
        assert_eq!(read_number(&mut cursor), 1);
        assert_eq!(read_number(&mut cursor), 2);
        publisher.join().unwrap();
    });
}

/// It drops the oldest, unless the reader has come between.
#[test]
fn a_message_that_is_stored_without_a_look_is_seen_and_displaces_one() {
    model(|| {
        let topic = topic(24, Overflow::DropOldest);
        let mut cursor = cursor(&topic);
        (0..24).for_each(|number| publish(&topic, number, 0));
        let publisher = thread::spawn(move || publish(&topic, 24, 0));
        match read(&mut cursor) {
            Next::Message(offset) => assert_eq!(offset.0, 0),
            Next::Lagged { skipped, .. } => assert_eq!((skipped, read_number(&mut cursor)), (1, 1)),
            _ => panic!("no message"),
        }
        publisher.join().unwrap();
    });
}

#[test]
fn a_reader_that_parks_is_woken_by_the_append() {
    model(|| {
        let topic = topic(8, Overflow::DropOldest);
        let mut cursor = cursor(&topic);
        let publisher = thread::spawn({
            let topic = topic.clone();
            move || publish(&topic, 7, 0)
        });
        assert_eq!(read_number(&mut cursor), 7);
        publisher.join().unwrap();
    });
}

#[test]
fn two_publishers_and_a_reader_lose_nothing() {
    model(|| {
        let topic = topic(16, Overflow::DropOldest);
        let mut cursor = cursor(&topic);
        let publishers = [1, 2].map(|number| {
            let topic = topic.clone();
            thread::spawn(move || publish(&topic, number, 0))
        });
        let read = [read_number(&mut cursor), read_number(&mut cursor)];
        assert!(read == [1, 2] || read == [2, 1]);
        for publisher in publishers {
            publisher.join().unwrap();
        }
    });
}

#[test]
fn what_eviction_takes_from_a_reader_is_counted() {
    model(|| {
        let topic = topic(1, Overflow::DropOldest);
        let mut cursor = cursor(&topic);
        let publisher = thread::spawn({
            let topic = topic.clone();
            move || (0..2).for_each(|number| publish(&topic, number, 0))
        });
        let (mut seen, mut last) = (0, None);
        while seen < 2 {
            match read(&mut cursor) {
                Next::Message(_) => {
                    let number = *cursor.last().1.payload;
                    assert!(last < Some(number));
                    last = Some(number);
                    seen += 1;
                }
                Next::Lagged { skipped, .. } => seen += skipped,
                _ => panic!("neither a message nor lag"),
            }
        }
        assert_eq!((seen, last), (2, Some(1)));
        publisher.join().unwrap();
    });
}

#[test]
fn a_publisher_that_waits_for_room_is_woken_by_the_reader() {
    model(|| {
        let topic = topic(1, Overflow::Wait);
        let mut cursor = cursor(&topic);
        publish(&topic, 0, 0);
        let publisher = thread::spawn({
            let topic = topic.clone();
            move || publish_waiting(&topic, 1)
        });
        assert_eq!([read_number(&mut cursor), read_number(&mut cursor)], [0, 1]);
        publisher.join().unwrap();
    });
}

#[test]
fn a_reader_that_parks_is_woken_by_the_close() {
    model(|| {
        let topic = topic(8, Overflow::DropOldest);
        let mut cursor = cursor(&topic);
        let closer = thread::spawn({
            let topic = topic.clone();
            move || {
                publish(&topic, 7, 0);
                topic.close();
            }
        });
        assert_eq!(read_number(&mut cursor), 7);
        assert!(matches!(read(&mut cursor), Next::Closed));
        closer.join().unwrap();
    });
}

#[test]
fn two_members_get_two_messages_each_once() {
    model(|| {
        let topic = topic(8, Overflow::DropOldest);
        let (mut one, mut two) = (member(&topic), member(&topic));
        let other = thread::spawn(move || {
            let number = consume(&mut two);
            (two, number)
        });
        publish(&topic, 1, 0);
        publish(&topic, 2, 0);
        let first = consume(&mut one);
        let (_two, second) = other.join().unwrap();
        assert_eq!(first + second, 3);
    });
}

#[test]
fn a_member_that_stops_waiting_gives_its_call_on() {
    model(|| {
        let topic = topic(8, Overflow::DropOldest);
        let (mut one, mut two) = (member(&topic), member(&topic));
        // It waits before the other, so that it is called first.
        let waker = std::task::Waker::noop();
        assert!(matches!(
            one.claim_or_park(&mut Lanes::default(), waker, SURELY),
            Claim::Nothing { .. }
        ));
        let publisher = thread::spawn({
            let topic = topic.clone();
            move || publish(&topic, 7, 0)
        });
        let canceller = thread::spawn(move || {
            one.unpark();
            one
        });
        assert_eq!(consume(&mut two), 7);
        publisher.join().unwrap();
        drop(canceller.join().unwrap());
    });
}

#[test]
fn the_next_of_a_key_is_handed_out_when_the_first_is_settled_or_comes_back() {
    model(|| {
        let topic = topic(8, Overflow::DropOldest);
        let (mut one, mut two) = (member(&topic), member(&topic));
        publish(&topic, 1, 5);
        publish(&topic, 2, 5);
        let (first, ticket) = claim(&mut one);
        assert_eq!(first, 1);
        let other = thread::spawn(move || {
            let number = consume(&mut two);
            (two, number)
        });
        assert!(one.holder().settle(ticket, Settlement::Ack).is_ok());
        let (_two, second) = other.join().unwrap();
        assert_eq!(second, 2);
    });
}

#[test]
fn what_a_member_held_that_goes_away_wakes_another() {
    model(|| {
        let topic = topic(8, Overflow::DropOldest);
        let (mut one, mut two) = (member(&topic), member(&topic));
        publish(&topic, 1, 0);
        let (_, stale) = claim(&mut one);
        let holder = one.holder().clone();
        let leaver = thread::spawn(move || drop(one));
        let (number, ticket) = claim(&mut two);
        assert_eq!((number, ticket.attempt), (1, 2));
        assert!(holder.settle(stale, Settlement::Ack).is_err());
        assert!(two.holder().settle(ticket, Settlement::Ack).is_ok());
        leaver.join().unwrap();
    });
}

#[test]
fn a_publisher_that_waits_for_room_is_woken_by_a_settlement() {
    model(|| {
        let topic = topic(1, Overflow::Wait);
        let mut member = member(&topic);
        publish(&topic, 0, 0);
        let publisher = thread::spawn({
            let topic = topic.clone();
            move || publish_waiting(&topic, 1)
        });
        assert_eq!([consume(&mut member), consume(&mut member)], [0, 1]);
        publisher.join().unwrap();
    });
}

#[test]
fn a_member_that_waits_is_woken_by_the_last_settlement_of_a_closed_topic() {
    model(|| {
        let topic = topic(8, Overflow::DropOldest);
        let (mut one, mut two) = (member(&topic), member(&topic));
        publish(&topic, 1, 0);
        let (_, ticket) = claim(&mut one);
        let settler = thread::spawn({
            let (holder, topic) = (one.holder().clone(), topic.clone());
            move || {
                topic.close();
                assert!(holder.settle(ticket, Settlement::Ack).is_ok());
            }
        });
        block_on(poll_fn(|cx| {
            match two.claim_or_park(&mut Lanes::default(), cx.waker(), SURELY) {
                Claim::Closed => Poll::Ready(()),
                Claim::Nothing { .. } => Poll::Pending,
                _ => panic!("neither nothing nor the end"),
            }
        }));
        settler.join().unwrap();
    });
}

/// Claims messages and acknowledges them until nothing is there, or so many.
fn consume_all(member: &mut Member<u64>, most: usize) -> Vec<u64> {
    let mut lanes = Lanes::default();
    let mut seen = Vec::new();
    while seen.len() < most {
        match member.claim(&mut lanes) {
            Claim::Message(slot, ticket) => {
                assert_eq!(ticket.attempt, 1);
                assert!(member.holder().settle(ticket, Settlement::Ack).is_ok());
                seen.push(*slot.entry().payload);
            }
            Claim::Nothing { .. } => break,
            _ => panic!("no message"),
        }
    }
    seen
}

/// Claims messages and acknowledges them until one is claimed ahead with the next; that one, which is
/// not acknowledged. In its topic a segment has two messages.
fn claim_ahead(topic: &Arc<Topic<u64>>, member: &mut Member<u64>) -> (u64, Ticket) {
    (0..16).for_each(|number| publish(topic, number, 0));
    let mut lanes = Lanes::default();
    loop {
        let Claim::Message(slot, ticket) = member.claim(&mut lanes) else { panic!("no message") };
        if ticket.is_ahead() {
            return (*slot.entry().payload, ticket);
        }
        assert!(member.holder().settle(ticket, Settlement::Ack).is_ok());
    }
}

#[test]
fn what_is_claimed_ahead_and_acknowledged_is_seen_by_who_looks() {
    model(|| {
        let topic = topic(16, Overflow::Wait);
        let mut member = member(&topic);
        let (number, ticket) = claim_ahead(&topic, &mut member);
        let watcher = thread::spawn({
            let topic = topic.clone();
            move || topic.stats().map(|stats| (stats.groups[0].settled, stats.groups[0].in_flight))
        });
        assert!(member.holder().settle(ticket, Settlement::Ack).is_ok());
        assert_eq!(consume_all(&mut member, 2), [number + 1, number + 2]);
        let (settled, in_flight) = watcher.join().unwrap().unwrap();
        assert!((number..=number + 3).contains(&settled) && in_flight <= 1);
        let stats = member.stats().unwrap();
        assert_eq!((stats.settled, stats.in_flight, stats.delivered), (number + 3, 0, number + 3));
    });
}

#[test]
fn what_one_claimed_ahead_another_gets_or_it_takes_itself() {
    model(|| {
        let topic = topic(16, Overflow::Wait);
        let (mut one, mut two) = (member(&topic), member(&topic));
        let (number, _ticket) = claim_ahead(&topic, &mut one);
        let other = thread::spawn(move || (consume_all(&mut two, 16), two));
        let mut seen = consume_all(&mut one, 1);
        let (rest, _two) = other.join().unwrap();
        seen.extend(rest);
        seen.sort_unstable();
        assert!(seen.into_iter().eq(number + 1..16));
    });
}

#[test]
fn a_publisher_that_waits_for_room_is_woken_by_an_acknowledgement_without_the_lock() {
    model(|| {
        let topic = topic(16, Overflow::Wait);
        let mut member = member(&topic);
        let (number, ticket) = claim_ahead(&topic, &mut member);
        // As many as were acknowledged.
        (0..number).for_each(|number| publish(&topic, number, 0));
        let publisher = thread::spawn({
            let topic = topic.clone();
            move || publish_waiting(&topic, 4)
        });
        assert!(member.holder().settle(ticket, Settlement::Ack).is_ok());
        publisher.join().unwrap();
    });
}

#[test]
fn a_hand_out_of_who_goes_away_is_acknowledged_or_comes_back() {
    model(|| {
        let topic = topic(16, Overflow::Wait);
        let (mut one, mut two) = (member(&topic), member(&topic));
        let (number, ticket) = claim_ahead(&topic, &mut one);
        let holder = one.holder().clone();
        let leaver = thread::spawn(move || drop(one));
        let acknowledged = holder.settle(ticket, Settlement::Ack).is_ok();
        leaver.join().unwrap();
        let claim = two.claim(&mut Lanes::default());
        let Claim::Message(slot, ticket) = claim else { panic!("no message") };
        let next = if acknowledged { (number + 1, 1) } else { (number, 2) };
        assert_eq!((*slot.entry().payload, ticket.attempt), next);
    });
}
