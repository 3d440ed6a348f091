//! What a topic's lock protects, as a plain state machine: `&mut self` and `now` in, values out.
//!
//! The log, who reads it, who waits, and whether it still goes on. It locks nothing and wakes
//! nobody: what is to be woken and freed goes into [`After`].

mod claiming;
mod pressing;
mod publishing;
mod reading;
mod sharing;
mod steady;
mod sweeping;

use std::sync::{Arc, Weak};

use super::after::After;
use super::dedup::Dedup;
use super::group::Group;
use super::log::{InPartition, Limits, Log};
use super::queue::Queue;
use super::recycler::Pool;
use super::segment::Segment;
use super::stats::{Dropped, Gauge, PartitionStats, TopicStats};
use super::wake::WaitList;
use crate::error::{LagReason, PublishError, SeekError};
use crate::options::{Overflow, Request, Retain, TopicOptions};
use crate::position::{Offset, Partition, Timestamp};

pub(crate) use self::claiming::{Ahead, Claim, Run};
pub(crate) use self::sharing::{GroupError, GroupKey, Share};
pub(super) use self::sweeping::{Chore, Chores, Next};

pub(super) struct State<P> {
    log: Log<P>,
    /// The options that somebody has said; the others are defaults.
    said: Request,
    phase: Phase,
    /// Everyone who reads, by id.
    readers: Box<[Arc<Gauge>]>,
    /// Those who share the work, by id.
    groups: Box<[Group]>,
    /// How many of each there have been: the next one's id.
    reader_ids: u64,
    group_ids: u64,
    /// Readers that wait for a message.
    parked: WaitList,
    /// Publishers that wait for room.
    room: Queue,
    /// Whether a publisher was opened, so that options are settled.
    published_to: bool,
    /// Messages whose room is promised to permits.
    reserved: usize,
    /// Which sweepers run or are about to.
    sweeping: Chores,
    /// The partition of the next message that has no key.
    turn: u16,
    dedup: Dedup,
    /// What everybody had passed when that was last computed.
    passed: u64,
    /// Which reader had not passed the oldest when that was last looked for.
    behind: usize,
    /// Up to this offset, publishers have paused for readers already.
    paused: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Phase {
    Open,
    /// No appends; readers drain.
    Closed,
    /// No appends, and nothing left.
    Deleted,
}

/// What a reader finds at its position.
pub(crate) enum Found<P> {
    Segment(Arc<Segment<P>>),
    Lagged { skipped: u64, reason: LagReason },
    Nothing,
    Closed,
    Deleted,
}

/// Why a reader cannot be where it wants.
#[derive(Debug)]
pub(crate) enum JoinError {
    BeyondEnd { requested: Offset, end: Offset },
    Deleted,
}

impl From<JoinError> for SeekError {
    fn from(error: JoinError) -> Self {
        match error {
            JoinError::BeyondEnd { requested, end } => Self::BeyondEnd { requested, end },
            JoinError::Deleted => Self::Deleted,
        }
    }
}

/// Why a message was not stored.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Refusal {
    Full,
    Closed,
    Deleted,
    TooLarge { bytes: usize, max_bytes: usize },
}

impl From<Refusal> for PublishError<()> {
    fn from(refusal: Refusal) -> Self {
        match refusal {
            Refusal::Full => Self::Full(()),
            Refusal::Closed => Self::Closed(()),
            Refusal::Deleted => Self::Deleted(()),
            Refusal::TooLarge { bytes, max_bytes } => {
                Self::TooLarge { message: (), bytes, max_bytes }
            }
        }
    }
}

/// Changes what rarely changes, and so has no room to grow in.
fn change<T, R>(list: &mut Box<[T]>, change: impl FnOnce(&mut Vec<T>) -> R) -> R {
    let mut items = std::mem::take(list).into_vec();
    let result = change(&mut items);
    *list = items.into();
    result
}

fn limits(options: &TopicOptions) -> Limits {
    Limits::new(options.max_messages, options.max_bytes, options.ttl)
}

impl<P> State<P> {
    /// A topic of which nothing was said.
    pub(super) fn new() -> Self {
        Self {
            log: Log::new(limits(&TopicOptions::default())),
            said: Request::default(),
            phase: Phase::Open,
            readers: Box::default(),
            groups: Box::default(),
            reader_ids: 0,
            group_ids: 0,
            parked: WaitList::default(),
            room: Queue::default(),
            published_to: false,
            reserved: 0,
            sweeping: Chores::default(),
            turn: 0,
            dedup: Dedup::default(),
            passed: 0,
            behind: 0,
            paused: 0,
        }
    }

    /// Its log uses memory of this pool.
    pub(super) fn recycle(&mut self, pool: Option<Weak<dyn Pool<P>>>) {
        self.log.recycle(pool);
    }

    /// Takes over options that nobody has said yet, as long as nobody publishes under the defaults;
    /// the format also later. Returns what the topic runs with, and what was said of it.
    pub(super) fn settle(
        &mut self,
        request: &Request,
        after: &mut After<P>,
    ) -> (TopicOptions, Request) {
        if self.said.agrees(request) {
            if !self.published_to {
                self.said = self.said.or(request);
            } else {
                // The log does not look at it: it is how readers take bytes that say nothing.
                self.said.format = self.said.format.or(request.format);
            }
            let partitions = self.partitions();
            self.log.set_limits(limits(&self.options()));
            self.log.set_partitions(partitions);
            for group in &mut self.groups {
                group.set_partitions(partitions, &mut after.readers);
            }
        }
        (self.options(), self.said.clone())
    }

    /// What the topic runs with.
    fn options(&self) -> TopicOptions {
        self.said.over(TopicOptions::default())
    }

    // Of these, what is asked for with each message.

    #[inline]
    fn overflow(&self) -> Overflow {
        self.said.overflow.unwrap_or_default()
    }

    #[inline]
    fn retain(&self) -> Retain {
        self.said.retain.unwrap_or_default()
    }

    #[inline]
    fn partitions(&self) -> u16 {
        self.said.partitions.unwrap_or(1)
    }

    /// Somebody publishes under the options there are.
    pub(super) fn publisher_opened(&mut self) {
        self.published_to = true;
    }

    /// Before this offset messages were removed that somebody may have wanted; that is all there are
    /// once the topic is deleted.
    #[inline]
    pub(super) fn lost(&self) -> u64 {
        if self.phase == Phase::Deleted { u64::MAX } else { self.log.lost() }
    }

    /// Whether a publisher sleeps that readers have to wake.
    pub(super) fn waits(&self) -> bool {
        self.room.first_sleeps()
    }

    /// Everything before it was passed by all who read; without anybody that is nothing.
    fn floor(&mut self, after: &mut After<P>) -> u64 {
        let readers = self.readers.iter().map(|gauge| gauge.position());
        let head = self.log.head();
        let groups = self.groups.iter_mut().map(|group| {
            group.hear(&mut after.readers);
            group.low_water_from(head)
        });
        readers.chain(groups).min().unwrap_or(0)
    }

    /// Whether a reader has not passed the oldest message. The one that had not the last time is asked first, and
    /// then those after it: so of many who read a message each is asked once or twice, and not by each other.
    fn is_behind(&mut self) -> bool {
        let (head, count) = (self.log.head(), self.readers.len());
        for index in (self.behind..count).chain(0..self.behind.min(count)) {
            if self.readers[index].position() <= head {
                self.behind = index;
                return true;
            }
        }
        false
    }

    /// Frees what all have passed, where the topic is to keep no more than that.
    fn free_passed(&mut self, after: &mut After<P>) {
        if self.retain() == Retain::UntilConsumed && !self.is_behind() {
            let floor = self.floor(after);
            if self.log.release(floor, &mut after.garbage) {
                self.wake_publisher(after);
            }
        }
    }

    /// Ends the topic. Returns whether that is new.
    pub(super) fn end(&mut self, phase: Phase, after: &mut After<P>) -> bool {
        if self.phase == Phase::Deleted || self.phase == phase {
            return false;
        }
        self.phase = phase;
        if phase == Phase::Deleted {
            self.log.clear(&mut after.garbage);
        }
        if after.ids.is_none() {
            after.ids = self.dedup.clear();
        }
        after.readers.add(self.parked.wake_all());
        for group in &mut self.groups {
            group.take_back(&mut after.readers);
            group.wake_all(&mut after.readers);
        }
        after.publishers.add(self.room.wake_all());
        true
    }

    /// Removes what is older than `ttl`.
    #[inline]
    pub(super) fn expire(&mut self, now: Timestamp, after: &mut After<P>) {
        // What expires may be all that keeps what comes after it, which then does not expire, however
        // late this is looked at.
        let singly = self.retain() == Retain::UntilConsumed;
        let most = if singly { 1 } else { u64::MAX };
        let mut expired = false;
        while self.log.expire(now, most, &mut after.garbage) {
            expired = true;
            if !singly {
                break;
            }
            self.free_passed(after);
        }
        if expired {
            self.wake_publisher(after);
        }
    }

    pub(super) fn end_segment(&mut self, offset: u64) {
        self.log.end_segment(offset);
    }

    /// The offset of the next message.
    pub(super) fn tail(&self) -> u64 {
        self.log.tail()
    }

    /// Everything but what was rejected, which is counted outside the lock. `None` once the topic
    /// is deleted: what it held is not counted as anything then.
    pub(super) fn stats(&mut self, now: Timestamp, after: &mut After<P>) -> Option<TopicStats> {
        if self.phase == Phase::Deleted {
            return None;
        }
        self.expire(now, after);
        self.free_passed(after);
        let groups = self.group_stats(now, after);
        let partition = |(number, held): (usize, &InPartition)| PartitionStats {
            partition: Partition(u16::try_from(number).unwrap_or(u16::MAX)),
            published: held.published,
            depth: held.depth,
            bytes: held.bytes,
        };
        let partitions = self.log.partitions().iter().enumerate().map(partition).collect();
        let (head, tail) = (self.log.head(), self.log.tail());
        let removed = self.log.removed();
        let subscribers = self.readers.iter().map(|gauge| gauge.stats(tail)).collect();
        Some(TopicStats {
            depth: tail - head,
            bytes: self.log.bytes() as u64,
            earliest: (head < tail).then_some(Offset(head)),
            latest: (head < tail).then(|| Offset(tail - 1)),
            next: Offset(tail),
            published: tail,
            dropped: Dropped {
                max_messages: removed.max_messages,
                max_bytes: removed.max_bytes,
                expired: removed.expired,
                unspecified: 0,
            },
            last_drop: self.log.last_drop(),
            consumed: removed.consumed,
            rejected: 0,
            deduplicated: self.dedup.repeated(),
            ids_forgotten: self.dedup.forgotten(),
            waiting_publishers: self.room.len(),
            partitions,
            subscribers,
            groups,
        })
    }
}
