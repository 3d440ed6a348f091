//! What can happen to a topic with groups, and how often.

use fastrand::Rng;
use memq::{Overflow, Retain};

/// Names of the groups there can be.
pub const GROUPS: [&str; 3] = ["billing", "audit", "mail"];

/// Times are in milliseconds.
#[derive(Clone, Debug)]
pub struct Options {
    pub partitions: u16,
    pub max: usize,
    pub ttl: Option<u64>,
    pub overflow: Overflow,
    pub retain: Retain,
    pub dedup: Option<u64>,
    /// What the dead-letter topics hold at most; they reject then.
    pub dead_max: Option<usize>,
    pub groups: [Rules; 3],
    /// The numbers are looked at after every so many steps: who looks calls in what members have
    /// claimed ahead.
    pub look: usize,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Dead {
    Own,
    /// In the topic `graves`, with those of other groups.
    Shared,
    Never,
}

#[derive(Clone, Copy, Debug)]
pub struct Rules {
    pub deadline: u64,
    pub attempts: u32,
    pub most: Option<usize>,
    pub auto_ack: bool,
    pub any_order: bool,
    pub dead: Dead,
    pub backoff: u64,
}

#[derive(Clone, Copy, Debug)]
pub enum Place {
    Earliest,
    Latest,
    Last(u64),
    /// This part, in hundredths, of the way from offset 0 to the end.
    Part(u64),
    Committed,
}

#[derive(Clone, Copy, Debug)]
pub enum How {
    Ack,
    Nack,
    NackAfter(u64),
    Reject,
    Drop,
    Extend,
    ExtendBy(u64),
}

/// Members, deliveries and subscribers are said by an index, modulo how many there are.
#[derive(Clone, Debug)]
pub enum Step {
    Publish {
        key: Option<u8>,
        partition: Option<u16>,
        id: Option<u8>,
    },
    Batch(Vec<Option<u8>>),
    /// A publish that is kept where it waits; there is one at most.
    Begin(Option<u8>),
    Resume,
    Cancel,
    Join {
        group: usize,
        most: usize,
        place: Place,
    },
    Leave(usize),
    TryRecv(usize),
    RecvBatch(usize, usize),
    /// A receive that is kept where it waits.
    Wait(usize),
    /// One by hand, whose waker stays behind.
    Poll(usize),
    StopWaiting(usize),
    /// Whoever was woken runs, beginning with this one.
    Run(usize),
    Settle(usize, How),
    Commit(usize, u64),
    Seek(usize, Place),
    Subscribe(Place),
    Unsubscribe(usize),
    Read(usize),
    DeleteGroup(usize),
    Redrive(usize, bool),
    Advance(u64),
    Close,
}

pub fn options(rng: &mut Rng) -> Options {
    let groups = [(); 3].map(|()| rules(rng));
    let ttl = *rng.choice(&[None, None, Some(40), Some(400)]).unwrap();
    let retain = *rng.choice(&[Retain::WithinLimits, Retain::UntilConsumed]).unwrap();
    let overflow = [Overflow::DropOldest, Overflow::DropOldest, Overflow::Reject, Overflow::Wait];
    let overflow = *rng.choice(&overflow).unwrap();
    // What goes by age, by number or because it was passed is told when somebody looks.
    let seldom =
        ttl.is_none() && retain == Retain::WithinLimits && overflow != Overflow::DropOldest;
    Options {
        partitions: *rng.choice(&[1, 1, 2, 8]).unwrap(),
        max: *rng.choice(&[2, 3, 5, 8, 16, 40, 10_000]).unwrap(),
        ttl,
        overflow,
        retain,
        dedup: *rng.choice(&[None, Some(50), Some(1_000)]).unwrap(),
        dead_max: *rng.choice(&[None, None, Some(2)]).unwrap(),
        groups,
        look: if seldom { *rng.choice(&[1, 3, 20]).unwrap() } else { 1 },
    }
}

fn rules(rng: &mut Rng) -> Rules {
    let auto_ack = rng.u8(..6) == 0;
    let dead = if auto_ack {
        Dead::Never
    } else {
        *rng.choice(&[Dead::Own, Dead::Own, Dead::Shared, Dead::Never]).unwrap()
    };
    Rules {
        deadline: *rng.choice(&[20, 50, 300, 5_000]).unwrap(),
        attempts: *rng.choice(&[1, 2, 3, 5]).unwrap(),
        most: *rng.choice(&[None, None, Some(1), Some(3)]).unwrap(),
        auto_ack,
        any_order: rng.u8(..4) == 0,
        dead,
        backoff: *rng.choice(&[0, 10, 60]).unwrap(),
    }
}

/// Of a topic whose members may claim ahead.
pub fn lending(rng: &mut Rng) -> Options {
    Options {
        partitions: 1,
        max: *rng.choice(&[16, 40, 10_000]).unwrap(),
        ttl: None,
        overflow: *rng.choice(&[Overflow::Reject, Overflow::Wait]).unwrap(),
        retain: Retain::WithinLimits,
        look: *rng.choice(&[3, 20, 20]).unwrap(),
        ..options(rng)
    }
}

/// Steps that are alike in one thing: how many keys there are.
pub fn steps(rng: &mut Rng, count: usize) -> Vec<Step> {
    let keys = *rng.choice(&[0, 1, 3, 3, 100]).unwrap();
    (0..count).map(|_| step(rng, keys)).collect()
}

fn key(rng: &mut Rng, keys: u8) -> Option<u8> {
    (keys > 0 && rng.u8(..5) > 0).then(|| rng.u8(..keys))
}

fn place(rng: &mut Rng) -> Place {
    match rng.u8(..9) {
        0..=2 => Place::Earliest,
        3 => Place::Latest,
        4 | 5 => Place::Part(rng.u64(..110)),
        6 => Place::Last(rng.u64(..20)),
        _ => Place::Committed,
    }
}

fn time(rng: &mut Rng) -> u64 {
    match rng.u8(..4) {
        0 => 0,
        1 => rng.u64(..10),
        2 => rng.u64(..100),
        _ => rng.u64(..600),
    }
}

fn step(rng: &mut Rng, keys: u8) -> Step {
    let any = rng.usize(..12);
    match rng.u16(..1_000) {
        0..170 => {
            let partition = (rng.u8(..6) == 0).then(|| rng.u16(..9));
            let id = (rng.u8(..5) == 0).then(|| rng.u8(..6));
            Step::Publish { key: key(rng, keys), partition, id }
        }
        170..210 => Step::Batch((0..rng.usize(..8)).map(|_| key(rng, keys)).collect()),
        210..230 => Step::Begin(key(rng, keys)),
        230..255 => Step::Resume,
        255..265 => Step::Cancel,
        265..320 => {
            let most = *rng.choice(&[1, 2, 3, 1_000]).unwrap();
            Step::Join { group: rng.usize(..3), most, place: place(rng) }
        }
        320..340 => Step::Leave(any),
        340..420 => Step::TryRecv(any),
        420..460 => Step::RecvBatch(any, *rng.choice(&[0, 1, 2, 5, usize::MAX]).unwrap()),
        460..560 => Step::Wait(any),
        560..580 => Step::Poll(any),
        580..605 => Step::StopWaiting(any),
        605..690 => Step::Run(any),
        690..850 => {
            let how = match rng.u8(..20) {
                0..9 => How::Ack,
                9..11 => How::Nack,
                11..13 => How::NackAfter(time(rng)),
                13..15 => How::Reject,
                15..18 => How::Drop,
                18 => How::Extend,
                _ => How::ExtendBy(time(rng)),
            };
            Step::Settle(rng.usize(..40), how)
        }
        850..865 => Step::Commit(any, rng.u64(..110)),
        865..875 => Step::Seek(any, place(rng)),
        875..885 => Step::Subscribe(place(rng)),
        885..890 => Step::Unsubscribe(any),
        890..915 => Step::Read(any),
        915..918 => Step::DeleteGroup(rng.usize(..3)),
        918..930 => Step::Redrive(rng.usize(..3), rng.bool()),
        _ if rng.u16(..600) == 0 => Step::Close,
        _ => Step::Advance(time(rng)),
    }
}
