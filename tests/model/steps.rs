//! What can happen to a topic, and how often.

use std::time::Duration;

use memq::Overflow;
use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;

#[derive(Clone, Copy, Debug)]
pub struct Options {
    pub max: usize,
    pub max_bytes: usize,
    pub ttl: Option<Duration>,
    pub overflow: Overflow,
}

#[derive(Clone, Copy, Debug)]
pub enum Place {
    Earliest,
    Latest,
    Last(u64),
    /// This part of the way from offset 0 to a little beyond the end.
    Offset(f64),
    /// This long after the broker was made.
    Time(u64),
    Ago(u64),
}

/// Messages are said by their lengths; readers and permits by an index, modulo how many there are.
#[derive(Clone, Debug)]
pub enum Step {
    /// Polled until it waits, and dropped then.
    Publish(usize),
    TryPublish(usize),
    Batch(Vec<usize>),
    /// Many small ones.
    Fill(usize),
    /// A publish that is kept where it waits; there is one at most.
    Begin(usize),
    Resume,
    Cancel,
    Reserve,
    Send(usize, usize),
    Release(usize),
    Join(Place, Option<u8>),
    Leave(usize),
    Seek(usize, Place),
    TryRecv(usize),
    Recv(usize),
    RecvBatch(usize, usize),
    Next(usize),
    Advance(u64),
    Close,
    Delete,
}

pub fn options() -> impl Strategy<Value = Options> {
    let max = prop_oneof![
        3 => 1..=9_usize,
        3 => 10..=130_usize,
        1 => Just(2_100_usize),
    ];
    let max_bytes = prop_oneof![3 => Just(1 << 20), 2 => 80..=4_000_usize];
    let ttl = option::weighted(0.5, (1..=400_u64).prop_map(Duration::from_millis));
    let overflow =
        prop_oneof![Just(Overflow::DropOldest), Just(Overflow::Reject), Just(Overflow::Wait)];
    (max, max_bytes, ttl, overflow).prop_map(|(max, max_bytes, ttl, overflow)| Options {
        max,
        max_bytes,
        ttl,
        overflow,
    })
}

fn place() -> impl Strategy<Value = Place> {
    prop_oneof![
        3 => Just(Place::Earliest),
        2 => Just(Place::Latest),
        2 => (0.0..1.1).prop_map(Place::Offset),
        1 => (0..2_000_u64).prop_map(Place::Time),
        1 => (0..500_u64).prop_map(Place::Ago),
        2 => prop_oneof![0..12_u64, 0..200_u64].prop_map(Place::Last),
    ]
}

fn step() -> impl Strategy<Value = Step> {
    let length = || prop_oneof![4 => 8..=24_usize, 1 => 8..=4_100_usize];
    let any = 0..6_usize;
    prop_oneof![
        10 => length().prop_map(Step::Publish),
        4 => length().prop_map(Step::TryPublish),
        4 => vec(length(), 0..20).prop_map(Step::Batch),
        2 => (1..700_usize).prop_map(Step::Fill),
        4 => length().prop_map(Step::Begin),
        4 => Just(Step::Resume),
        2 => Just(Step::Cancel),
        2 => Just(Step::Reserve),
        2 => (any.clone(), length()).prop_map(|(i, length)| Step::Send(i, length)),
        1 => any.clone().prop_map(Step::Release),
        4 => (place(), option::weighted(0.3, 0..3_u8)).prop_map(|(p, f)| Step::Join(p, f)),
        2 => any.clone().prop_map(Step::Leave),
        2 => (any.clone(), place()).prop_map(|(i, place)| Step::Seek(i, place)),
        8 => any.clone().prop_map(Step::TryRecv),
        8 => any.clone().prop_map(Step::Recv),
        6 => (any.clone(), 0..40_usize).prop_map(|(i, max)| Step::RecvBatch(i, max)),
        2 => (any.clone(), Just(2_000_usize)).prop_map(|(i, max)| Step::RecvBatch(i, max)),
        3 => any.prop_map(Step::Next),
        6 => prop_oneof![0..20_u64, 0..500_u64].prop_map(Step::Advance),
    ]
}

/// Steps, and at times an end after which some more are tried.
pub fn steps() -> impl Strategy<Value = Vec<Step>> {
    let end =
        prop_oneof![2 => Just(None), 1 => Just(Some(Step::Close)), 1 => Just(Some(Step::Delete))];
    (vec(step(), 1..120), end, vec(step(), 0..20)).prop_map(|(mut steps, end, after)| {
        if let Some(end) = end {
            steps.push(end);
            steps.extend(after);
        }
        steps
    })
}
