//! A batch leaves a topic as its messages would that are published one by one: what is kept, what is
//! counted, and what each message says.

use crate::common;

use std::future::IntoFuture;

use common::{Bell, paused, poll_once, poll_with};
use memq::{Broker, Dropped, Headers, LagReason, Offset, Overflow, PartitionStats, Publisher};
use memq::{Record, RecvError, Retain, Subscriber};
use proptest::prelude::*;

/// What is published.
#[derive(Clone, Copy, Debug)]
struct Message {
    length: usize,
    key: Option<u64>,
    header: bool,
}

impl Message {
    /// What it says of itself is its number.
    fn record(self, number: usize) -> Record {
        let mut bytes = vec![0; self.length];
        bytes[0] = number as u8;
        let mut record = Record::new(bytes);
        if let Some(key) = self.key {
            record = record.with_key(key);
        }
        if self.header {
            let mut headers = Headers::new();
            headers.insert("number", number.to_string()).unwrap();
            record = record.with_headers(headers);
        }
        record
    }
}

/// Mostly many that say the same, one after the other.
fn messages() -> impl Strategy<Value = Vec<Message>> {
    let length = prop_oneof![8 => Just(100_usize), 2 => 1..400_usize, 1 => Just(5_000_usize)];
    let key = prop_oneof![3 => Just(None), 1 => (0..3_u64).prop_map(Some)];
    let message = (length, key, proptest::bool::weighted(0.2))
        .prop_map(|(length, key, header)| Message { length, key, header });
    proptest::collection::vec((message, 1..80_usize), 1..6).prop_map(|runs| {
        runs.into_iter().flat_map(|(message, count)| std::iter::repeat_n(message, count)).collect()
    })
}

/// A topic, and what is done with it.
#[derive(Clone, Debug)]
struct Case {
    max: usize,
    max_bytes: usize,
    overflow: Overflow,
    retain: Retain,
    partitions: u16,
    /// Where all messages go, if that is said.
    to: Option<u16>,
    first: Vec<Message>,
    /// Messages that a subscriber reads then.
    read: usize,
    /// The length of one that somebody else wants to publish all the while.
    wanted: Option<usize>,
    then: Vec<Message>,
}

fn cases() -> impl Strategy<Value = Case> {
    let overflow =
        prop_oneof![Just(Overflow::Wait), Just(Overflow::Reject), Just(Overflow::DropOldest)];
    let retain = prop_oneof![Just(Retain::WithinLimits), Just(Retain::UntilConsumed)];
    let limits = (
        prop_oneof![8..40_usize, 100..600_usize],
        prop_oneof![4_000..20_000_usize, Just(1_000_000)],
    );
    let partitions = (1..4_u16, proptest::option::of(0..4_u16))
        .prop_map(|(partitions, to)| (partitions, to.map(|to| to % partitions)));
    let wanted = proptest::option::of(100..4_000_usize);
    (limits, overflow, retain, partitions, messages(), 0..200_usize, wanted, messages()).prop_map(
        |((max, max_bytes), overflow, retain, (partitions, to), first, read, wanted, then)| Case {
            max,
            max_bytes,
            overflow,
            retain,
            partitions,
            to,
            first,
            read,
            wanted,
            then,
        },
    )
}

/// What became of it.
#[derive(Debug, PartialEq)]
struct Left {
    published: u64,
    depth: u64,
    bytes: u64,
    earliest: Option<Offset>,
    dropped: Dropped,
    last_drop: Option<(Offset, LagReason)>,
    consumed: u64,
    partitions: Vec<PartitionStats>,
    /// Offset, partition and all that each message says, and how many were missed.
    seen: Vec<String>,
}

/// Publishes as far as there is room.
fn singly(publisher: &Publisher<Record>, messages: &[Message], to: Option<u16>) {
    for (number, message) in messages.iter().enumerate() {
        let mut publish = publisher.publish(message.record(number));
        if let Some(to) = to {
            publish = publish.partition(to);
        }
        match poll_once(publish.into_future()) {
            Some(Ok(_)) => {}
            Some(Err(_)) | None => return,
        }
    }
}

fn together(publisher: &Publisher<Record>, messages: &[Message], to: Option<u16>) {
    let records = messages.iter().enumerate().map(|(number, message)| message.record(number));
    let mut batch = publisher.publish_batch(records);
    if let Some(to) = to {
        batch = batch.partition(to);
    }
    let bell = Bell::new();
    loop {
        let rings = bell.rings();
        // It lets others run now and then.
        if poll_with(&bell, &mut batch).is_ready() || bell.rings() == rings {
            return;
        }
    }
}

/// Reads so many, or all there are.
fn read(subscriber: &mut Subscriber<Record>, most: usize, seen: &mut Vec<String>) {
    while seen.len() < most {
        match poll_once(subscriber.recv()) {
            Some(Ok(message)) => {
                let (number, key) = (message.bytes()[0], message.key().map(|key| key.to_string()));
                let (offset, partition) = (message.offset(), message.partition());
                let (length, headers) = (message.bytes().len(), message.headers());
                seen.push(format!("{offset} {partition} {number} {length} {key:?} {headers:?}"));
            }
            Some(Err(RecvError::Lagged { skipped, .. })) => seen.push(format!("{skipped} missed")),
            Some(Err(other)) => panic!("{other}"),
            None => return,
        }
    }
}

async fn play(case: &Case, publish: fn(&Publisher<Record>, &[Message], Option<u16>)) -> Left {
    let broker = Broker::new();
    let topic = broker
        .topic("records")
        .max(case.max)
        .max_bytes(case.max_bytes)
        .overflow(case.overflow)
        .retain(case.retain)
        .partitions(case.partitions);
    let mut subscriber = topic.subscriber().await.unwrap();
    let publisher = topic.publisher().await.unwrap();
    let mut seen = Vec::new();
    publish(&publisher, &case.first, case.to);
    let message = |length| Message { length, key: None, header: false };
    let wanted = case.wanted.map(|length| publisher.publish(message(length).record(255)));
    let mut wanted = wanted.map(|wanted| Box::pin(wanted.into_future()));
    let ended = wanted.as_mut().map(|wanted| poll_with(&Bell::new(), wanted).is_ready());
    read(&mut subscriber, case.read, &mut seen);
    publish(&publisher, &case.then, case.to);
    // While the other one waits still.
    let stats = broker.stats("records").await.unwrap();
    drop(wanted.filter(|_| ended == Some(false)));
    read(&mut subscriber, usize::MAX, &mut seen);
    Left {
        published: stats.published,
        depth: stats.depth,
        bytes: stats.bytes,
        earliest: stats.earliest,
        dropped: stats.dropped,
        last_drop: stats.last_drop.map(|last| (last.offset, last.reason)),
        consumed: stats.consumed,
        partitions: stats.partitions,
        seen,
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_batch_leaves_a_topic_as_its_messages_would_one_by_one(case in cases()) {
        let runtime = paused();
        let one_by_one = runtime.block_on(play(&case, singly));
        prop_assert_eq!(runtime.block_on(play(&case, together)), one_by_one);
    }
}
