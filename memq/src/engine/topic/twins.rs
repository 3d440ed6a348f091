//! A topic whose messages are stored after one look does as one that looks at each.

#![expect(clippy::unwrap_used, reason = "a test")]

use std::fmt::Write;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Wake, Waker};
use std::time::Duration;

use super::Topic;
use crate::engine::clock::Clock;
use crate::engine::cursor::{Cursor, Next};
use crate::engine::group::{Rules, Wait};
use crate::engine::member::Member;
use crate::engine::offer::Entry;
use crate::engine::queue::Place;
use crate::engine::segment::Lanes;
use crate::engine::state::Claim;
use crate::name::TopicName;
use crate::options::{Overflow, Request, Retain, Start};
use crate::position::Offset;

#[derive(Clone, Copy, Debug)]
enum Step {
    /// So many messages of this size, one after the other; with a key and an id, where that is not 0.
    Append {
        count: usize,
        size: usize,
        key: u64,
        id: u64,
    },
    Batch {
        count: usize,
        size: usize,
    },
    Reserve,
    Redeem {
        size: usize,
    },
    Release,
    Join(Start),
    Leave(usize),
    Seek(usize, Start),
    Read {
        reader: usize,
        count: usize,
        parks: bool,
    },
    Wait {
        size: usize,
    },
    Awake {
        size: usize,
    },
    GiveUp,
    Group(bool),
    Stats,
    End(bool),
}

#[derive(Default)]
struct Woken(AtomicUsize);

impl Wake for Woken {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }
}

struct Twin {
    topic: Arc<Topic<usize>>,
    looks: bool,
    readers: Vec<Cursor<usize>>,
    reading: Arc<Woken>,
    /// A publisher that waits for room.
    waiting: Arc<Woken>,
    place: Place,
    permits: usize,
    ids: Vec<Arc<str>>,
    number: usize,
    /// What was seen.
    said: String,
}

impl Twin {
    fn new(request: &Request, clock: &Arc<Clock>, looks: bool) -> Self {
        let topic = Topic::new(TopicName::new("twin").unwrap(), clock.clone(), Box::new(()));
        topic.settle(request);
        topic.publisher_opened();
        Self {
            topic: Arc::new(topic),
            looks,
            readers: Vec::new(),
            reading: Arc::default(),
            waiting: Arc::default(),
            place: Place::default(),
            permits: 0,
            ids: (0..4).map(|id| id.to_string().into()).collect(),
            number: 0,
            said: String::new(),
        }
    }

    fn say(&mut self, what: impl std::fmt::Debug) {
        write!(self.said, "{what:?} ").unwrap();
    }

    fn append(&mut self, size: usize, key: u64, id: Option<Arc<str>>, waits: bool) {
        if self.looks {
            // Anything else under the lock.
            self.topic.locked(|_, _| ());
        }
        self.number += 1;
        let mut entry = Some(Entry::new(self.number, None, size));
        if key > 0 {
            entry = entry.map(|entry| entry.placed(key, 0));
        }
        let mut none = Place::default();
        let place = if waits { &mut self.place } else { &mut none };
        let stored = self.topic.append(&mut entry, id.as_ref(), place);
        let lost = self.topic.hot.0.lost.load(Ordering::Relaxed);
        self.say((stored, entry.is_some(), lost, self.topic.safe.load(Ordering::Relaxed)));
    }

    fn batch(&mut self, count: usize, size: usize) {
        struct Rest(usize, usize);
        impl crate::engine::offer::Offer<usize> for Rest {
            fn head(&self) -> Option<crate::engine::offer::Head> {
                let Entry { size, partition, .. } = Entry::new((), None, self.1);
                let (borrows, key, has_meta) = (false, 0, false);
                let head = crate::engine::offer::Head { size, partition, borrows, key, has_meta };
                (self.0 > 0).then_some(head)
            }
            fn len(&self) -> usize {
                self.0
            }
            fn meta(&mut self) -> Option<Arc<crate::record::Meta>> {
                None
            }
            fn payload(&mut self) -> usize {
                self.0 -= 1;
                self.0
            }
        }
        let mut rest = Rest(count, size);
        let (stored, result) = self.topic.append_all(&mut rest, &mut Place::default());
        self.say((stored, result, rest.0));
    }

    fn read(&mut self, reader: usize, count: usize, parks: bool) {
        let Some(index) = reader.checked_rem(self.readers.len()) else { return };
        let waker = Waker::from(self.reading.clone());
        for _ in 0..count {
            let Some(cursor) = self.readers.get_mut(index) else { return };
            let next = if parks { cursor.next_or_park(&waker) } else { cursor.next() };
            match next {
                Next::Message(offset) => {
                    let (_, entry) = cursor.last();
                    let all = (offset, *entry.payload, entry.at(), entry.size(), entry.partition());
                    cursor.passed();
                    self.say(all);
                }
                Next::Lagged { skipped, reason } => self.say((skipped, reason)),
                Next::Nothing => return self.say("nothing"),
                Next::Closed | Next::Deleted => return self.say("the end"),
            }
        }
    }

    fn does(&mut self, step: Step) {
        match step {
            Step::Append { count, size, key, id } => {
                let id = (id as usize).checked_sub(1).and_then(|id| self.ids.get(id)).cloned();
                (0..count).for_each(|_| self.append(size, key, id.clone(), false));
            }
            Step::Batch { count, size } => self.batch(count, size),
            Step::Reserve => {
                let reserved = self.topic.reserve(&mut Place::default());
                self.permits += usize::from(reserved.is_ok());
                self.say(reserved);
            }
            Step::Redeem { size } if self.permits > 0 => {
                self.permits -= 1;
                let stored = self.topic.append_reserved(&mut Some(Entry::new(0, None, size)));
                self.say(stored);
            }
            Step::Release if self.permits > 0 => {
                self.permits -= 1;
                self.topic.release();
            }
            Step::Redeem { .. } | Step::Release => {}
            Step::Join(start) => {
                if let Ok(cursor) = Cursor::new(self.topic.clone(), start) {
                    self.readers.push(cursor);
                }
            }
            Step::Leave(reader) => {
                if let Some(index) = reader.checked_rem(self.readers.len()) {
                    self.readers.remove(index);
                }
            }
            Step::Seek(reader, start) => {
                if let Some(index) = reader.checked_rem(self.readers.len()) {
                    let moved = self.readers.get_mut(index).map(|cursor| cursor.seek(start).ok());
                    self.say(moved);
                }
            }
            Step::Read { reader, count, parks } => self.read(reader, count, parks),
            Step::Wait { size } => {
                let waker = Waker::from(self.waiting.clone());
                let mut cx = Context::from_waker(&waker);
                let polled = self.topic.poll_room(size, &mut self.place, &mut cx);
                self.say(polled);
            }
            Step::Awake { size } => self.append(size, 0, None, true),
            Step::GiveUp => self.topic.leave_room(&mut self.place),
            Step::Group(true) => {
                let rules = Rules {
                    ack_deadline: Duration::from_secs(30),
                    max_attempts: None,
                    max_in_flight: usize::MAX,
                    auto_ack: false,
                    dead_letter: None,
                    by_key: false,
                };
                let member = Member::open(self.topic.clone(), "g", &rules, Start::Earliest, 1);
                self.say(member.is_ok());
            }
            Step::Group(false) => {
                let deleted = self.topic.delete_group("g");
                self.say(deleted);
            }
            Step::Stats => {
                let stats = self.topic.stats();
                self.say(stats);
            }
            Step::End(true) => self.topic.delete(),
            Step::End(false) => self.topic.close(),
        }
        let woken = [&self.reading, &self.waiting].map(|woken| woken.0.load(Ordering::Relaxed));
        self.say(woken);
    }
}

/// As `xorshift` does.
struct Dice(u64);

impl Dice {
    fn below(&mut self, end: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 11) as usize % end
    }

    fn one<V: Copy>(&mut self, of: &[V]) -> V {
        of[self.below(of.len())]
    }

    fn request(&mut self) -> Request {
        let rarely = self.below(8) == 0;
        Request {
            max_messages: Some(self.one(&[1, 2, 9, 16, 24, 40, 100])),
            max_bytes: Some(self.one(&[40, 64, 200, 1000, 1 << 20])),
            overflow: Some(self.one(&[Overflow::DropOldest, Overflow::Wait, Overflow::Reject])),
            retain: Some(self.one(&[Retain::WithinLimits, Retain::UntilConsumed])),
            ttl: rarely.then_some(Duration::from_secs(5)),
            partitions: (self.below(8) == 0).then_some(3),
            dedup: (self.below(8) == 0).then_some(Duration::from_secs(5)),
            ..Request::default()
        }
    }

    fn start(&mut self) -> Start {
        let offset = Start::Offset(Offset(self.below(200) as u64));
        let last = Start::Last(self.below(50) as u64);
        self.one(&[Start::Earliest, Start::Latest, offset, last])
    }

    fn step(&mut self, (usual, others): (usize, usize), dedups: bool) -> Step {
        let size = if self.below(others) == 0 { self.one(&[0, 1, 8, 30, 60]) } else { usual };
        match self.below(40) {
            0..=13 => {
                let count = self.one(&[1, 1, 2, 5, 20]);
                let key = if self.below(8) == 0 { 7 } else { 0 };
                let id = if dedups && self.below(3) == 0 { 1 + self.below(4) as u64 } else { 0 };
                Step::Append { count, size, key, id }
            }
            14..=16 => Step::Batch { count: 1 + self.below(6), size },
            17..=18 => Step::Reserve,
            19..=20 => Step::Redeem { size },
            21 => Step::Release,
            22 => Step::Join(self.start()),
            23 => Step::Leave(self.below(9)),
            24 => Step::Seek(self.below(9), self.start()),
            25..=31 => {
                let (reader, count) = (self.below(9), self.one(&[1, 3, 20, 200]));
                Step::Read { reader, count, parks: self.below(2) == 0 }
            }
            32..=33 => Step::Wait { size },
            34 => Step::Awake { size },
            35..=36 => Step::GiveUp,
            37 => Step::Group(self.below(4) == 0),
            38 if self.below(50) == 0 => Step::End(self.below(2) == 0),
            _ => Step::Stats,
        }
    }
}

/// A clock that stands, so that both give the same dates, and as long as it does need no look.
#[tokio::test(start_paused = true)]
async fn what_is_stored_without_a_look_is_as_with_one() {
    let seeds = std::env::var("MEMQ_TWINS").map_or(400, |seeds| seeds.parse().unwrap());
    for seed in 1..=seeds {
        let mut dice = Dice(0x9E37_79B9_7F4A_7C15_u64.wrapping_mul(seed));
        let request = dice.request();
        let clock = Arc::new(Clock::new());
        let mut twins = [false, true].map(|looks| Twin::new(&request, &clock, looks));
        // What most messages are like, and how rarely one is not.
        let sizes = (dice.one(&[0, 1, 8, 8, 30]), dice.one(&[4, 40]));
        let mut steps = Vec::new();
        for _ in 0..300 {
            if dice.below(20) == 0 {
                tokio::time::advance(Duration::from_millis(dice.one(&[1, 700]))).await;
            }
            let step = dice.step(sizes, request.dedup.is_some());
            steps.push(step);
            let [one, other] = &mut twins;
            one.does(step);
            other.does(step);
            assert_eq!(one.said, other.said, "seed {seed}, {request:?}, after {steps:?}");
            one.said.clear();
            other.said.clear();
        }
        let [one, other] = twins.map(|twin| twin.topic.stats());
        assert_eq!(one, other, "seed {seed}, {request:?}, after {steps:?}");
    }
}

/// Permits may make a topic larger than its bytes allow, and the messages after that make room for it.
#[tokio::test(start_paused = true)]
async fn a_topic_that_permits_made_too_large_takes_nothing_before_it_has_room() {
    for overflow in [Overflow::Wait, Overflow::Reject] {
        let request = Request {
            max_messages: Some(32),
            max_bytes: Some(340),
            overflow: Some(overflow),
            ..Request::default()
        };
        let twins = [false, true].map(|looks| Twin::new(&request, &Arc::new(Clock::new()), looks));
        for mut twin in twins {
            twin.does(Step::Join(Start::Earliest));
            twin.does(Step::Append { count: 30, size: 10, key: 0, id: 0 });
            (0..2).for_each(|_| twin.does(Step::Reserve));
            twin.does(Step::Read { reader: 0, count: 30, parks: false });
            // These learn from the reader what was passed, and go into the room of the oldest.
            twin.does(Step::Append { count: 2, size: 10, key: 0, id: 0 });
            twin.does(Step::Redeem { size: 200 });
            twin.does(Step::Redeem { size: 10 });
            twin.does(Step::Append { count: 1, size: 10, key: 0, id: 0 });
            let held = twin.topic.stats().unwrap();
            assert!(held.bytes <= 340, "{overflow:?}, {} of {} bytes", held.depth, held.bytes);
        }
    }
}

#[tokio::test(start_paused = true)]
async fn each_of_two_messages_calls_a_member_that_waits() {
    let request = Request { max_messages: Some(400), ..Request::default() };
    let mut twin = Twin::new(&request, &Arc::new(Clock::new()), false);
    // So that both are in one segment.
    twin.does(Step::Append { count: 7, size: 1, key: 0, id: 0 });
    let rules = Rules {
        ack_deadline: Duration::from_secs(30),
        max_attempts: None,
        max_in_flight: usize::MAX,
        auto_ack: false,
        dead_letter: None,
        by_key: false,
    };
    let woken = [0, 1].map(|_| Arc::<Woken>::default());
    let open = |_| Member::open(twin.topic.clone(), "g", &rules, Start::Latest, 1).ok().unwrap();
    let mut members = [0, 1].map(open);
    for (member, woken) in members.iter_mut().zip(&woken) {
        let (waker, wait) = (Waker::from(woken.clone()), Wait { guarded: true, timed: true });
        let claimed = member.claim_or_park(&mut Lanes::default(), &waker, wait);
        assert!(matches!(claimed, Claim::Nothing { .. }));
    }
    assert!(woken.iter().all(|woken| woken.0.load(Ordering::Relaxed) == 0));
    twin.does(Step::Append { count: 2, size: 1, key: 0, id: 0 });
    assert_eq!(woken.map(|woken| woken.0.load(Ordering::Relaxed)), [1, 1]);
}
