//! The log of one topic as a plain state machine: `&mut self` and `now` in, values out.
//!
//! It decides what is kept. It knows no lock, no waker and no reader; what readers are owed comes
//! in as a `floor`.

mod appending;
mod steady;
mod walk;

use std::collections::VecDeque;
use std::ops::Range;
use std::sync::{Arc, Weak};
use std::time::Duration;

pub(crate) use self::steady::Oldest;
use self::steady::Steady;
pub(crate) use self::walk::Walk;
use super::recycler::Pool;
use super::segment::{EntryRef, Filler, Lanes, Segment};
use super::stats::LastDrop;
use crate::error::LagReason;
use crate::options::Start;
use crate::position::{Offset, Timestamp, nanos};

/// Slots of a full-grown segment. Growth starts at [`FIRST_SLOTS`] and doubles.
pub(crate) const SLOTS: usize = 256;
/// Slots of a topic's first segment, so that ten thousand quiet topics stay small.
const FIRST_SLOTS: usize = 2;
/// Slots of a segment of a topic that keeps few messages, if it keeps twice as many: one for each message
/// would cost more than they do.
const FEW_SLOTS: usize = 8;
/// Bytes after which a segment is closed, so that large messages go one by one.
pub(crate) const SEGMENT_BYTES: usize = 1 << 20;

/// What a topic may hold.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Limits {
    pub(crate) max_messages: usize,
    pub(crate) max_bytes: usize,
    /// In nanoseconds; 0 for none.
    ttl: u64,
}

impl Limits {
    pub(crate) fn new(max_messages: usize, max_bytes: usize, ttl: Option<Duration>) -> Self {
        Self { max_messages, max_bytes, ttl: ttl.map_or(0, nanos) }
    }

    #[inline]
    fn ttl(&self) -> Option<Duration> {
        if self.ttl == 0 { None } else { Some(Duration::from_nanos(self.ttl)) }
    }
}

/// Messages removed, by cause.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Removed {
    pub(crate) max_messages: u64,
    pub(crate) max_bytes: u64,
    pub(crate) expired: u64,
    /// Passed by every reader, and removed to make room.
    pub(crate) consumed: u64,
}

/// Segments that are no longer part of the log, to be freed where no lock is held.
pub(crate) struct Garbage<P> {
    /// The usual case, without an allocation.
    one: Option<Arc<Segment<P>>>,
    more: Vec<Arc<Segment<P>>>,
}

impl<P> Garbage<P> {
    #[inline]
    pub(super) const fn new() -> Self {
        Self { one: None, more: Vec::new() }
    }

    #[inline]
    pub(super) fn is_empty(&self) -> bool {
        self.one.is_none() && self.more.capacity() == 0
    }

    fn push(&mut self, segment: Arc<Segment<P>>) {
        match &self.one {
            None => self.one = Some(segment),
            Some(_) => self.more.push(segment),
        }
    }
}

/// The messages of one topic. Offsets `head..tail` are kept.
pub(crate) struct Log<P> {
    limits: Limits,
    /// In order; each begins where the one before it ended. The last takes appends.
    segments: VecDeque<Stretch<P>>,
    /// Messages before this offset are of the first segment, each of one size, and not the last of
    /// it: they go without a look at it. Begins anew with each first segment.
    plain: u64,
    /// That size.
    plain_size: u32,
    /// Fills the last segment, if there is one. It goes before the segment does, so that no message
    /// is freed with it.
    filler: Option<Filler<P>>,
    head: u64,
    /// Where `head` was put when last a message went that not everybody had passed, for all that is
    /// known.
    lost: u64,
    /// When that was, and why; nothing if it never was.
    lost_at: Timestamp,
    lost_for: Option<LagReason>,
    tail: u64,
    /// The sizes of what is kept.
    bytes: usize,
    /// After how many bytes more the last segment is closed.
    segment_left: usize,
    /// When the first message of the last segment was stored.
    segment_began: Timestamp,
    /// When the newest message was stored, so that times never decrease along the log.
    newest: Timestamp,
    removed: Removed,
    last_reason: LagReason,
    /// What each partition holds; empty where there is one.
    partitions: Box<[InPartition]>,
    /// How the next messages are stored, if they are as the last one.
    steady: Steady,
    /// Where the memory of segments comes from, if it is used again.
    pool: Option<Weak<dyn Pool<P>>>,
}

/// A segment, and what is known of it without a look at its slots: they were last touched by others.
struct Stretch<P> {
    base: u64,
    segment: Arc<Segment<P>>,
    /// The size of its messages; `None` where they differ.
    size: Option<u32>,
}

impl<P> Stretch<P> {
    fn bytes(&self, offsets: Range<u64>) -> usize {
        match self.size {
            Some(size) => size as usize * (offsets.end - offsets.start) as usize,
            None => {
                let sizes = offsets.filter_map(|offset| Some(self.segment.get(offset)?.size()));
                sizes.map(|size| size as usize).sum()
            }
        }
    }
}

/// What is in one partition.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct InPartition {
    pub(crate) published: u64,
    pub(crate) depth: u64,
    pub(crate) bytes: u64,
}

impl<P> Log<P> {
    pub(crate) fn new(limits: Limits) -> Self {
        Self {
            limits,
            segments: VecDeque::new(),
            plain: 0,
            plain_size: 0,
            filler: None,
            head: 0,
            lost: 0,
            lost_at: Timestamp::default(),
            lost_for: None,
            tail: 0,
            bytes: 0,
            segment_left: 0,
            segment_began: Timestamp::default(),
            newest: Timestamp::default(),
            removed: Removed::default(),
            last_reason: LagReason::MaxMessages,
            partitions: Box::default(),
            steady: Steady::default(),
            pool: None,
        }
    }

    /// Uses memory of this pool, before there is a message.
    pub(super) fn recycle(&mut self, pool: Option<Weak<dyn Pool<P>>>) {
        self.pool = pool;
    }

    /// Sets how many partitions there are, before there is a message.
    pub(crate) fn set_partitions(&mut self, partitions: u16) {
        let counted = if partitions > 1 { usize::from(partitions) } else { 0 };
        if counted != self.partitions.len() {
            self.partitions = vec![InPartition::default(); counted].into();
        }
    }

    /// What is in each partition.
    pub(crate) fn partitions(&self) -> Vec<InPartition> {
        if self.partitions.is_empty() {
            let (depth, bytes) = (self.len() as u64, self.bytes as u64);
            return vec![InPartition { published: self.tail, depth, bytes }];
        }
        self.partitions.to_vec()
    }

    /// The last message that went by the limits or by age.
    pub(crate) fn last_drop(&self) -> Option<LastDrop> {
        let reason = self.lost_for?;
        Some(LastDrop { offset: Offset(self.lost - 1), reason, at: self.lost_at })
    }

    pub(crate) fn limits(&self) -> &Limits {
        &self.limits
    }

    /// Sets other limits; they hold from the next message on.
    pub(crate) fn set_limits(&mut self, limits: Limits) {
        self.limits = limits;
    }

    /// The oldest offset kept; `tail` where none is.
    pub(crate) fn head(&self) -> u64 {
        self.head
    }

    /// Before this offset messages went that not everybody had passed, for all that is known.
    pub(crate) fn lost(&self) -> u64 {
        self.lost
    }

    /// The offset of the next message.
    pub(crate) fn tail(&self) -> u64 {
        self.tail
    }

    /// How many are kept of those from this offset on.
    pub(crate) fn kept_from(&self, offset: u64) -> u64 {
        self.tail.saturating_sub(self.head.max(offset))
    }

    pub(crate) fn len(&self) -> usize {
        (self.tail - self.head) as usize
    }

    pub(crate) fn bytes(&self) -> usize {
        self.bytes
    }

    pub(crate) fn removed(&self) -> Removed {
        self.removed
    }

    /// Why messages from this offset on were removed: the last of them that not everybody had
    /// passed, or where there is none, that everybody had.
    pub(crate) fn reason_since(&self, offset: u64) -> LagReason {
        match self.lost_for {
            Some(reason) if self.lost > offset => reason,
            _ => self.last_reason,
        }
    }

    /// Why the message before `head` was removed.
    pub(crate) fn last_reason(&self) -> LagReason {
        self.last_reason
    }

    /// The segment of this message takes no more, so that who keeps it keeps what is in it by now.
    pub(crate) fn end_segment(&mut self, offset: u64) {
        if self.segments.back().is_some_and(|last| last.base <= offset) {
            self.segment_left = 0;
        }
    }

    /// Removes what is older than `ttl`, `most` messages at most. Returns whether anything was.
    #[inline]
    pub(crate) fn expire(&mut self, now: Timestamp, most: u64, garbage: &mut Garbage<P>) -> bool {
        self.limits.ttl().is_some() && self.expire_due(now, most, garbage)
    }

    fn expire_due(&mut self, now: Timestamp, most: u64, garbage: &mut Garbage<P>) -> bool {
        let before = self.head;
        while self.head - before < most && self.next_expiry().is_some_and(|at| at <= now) {
            self.drop_oldest(1, LagReason::Expired, now, garbage);
            self.removed.expired += 1;
        }
        self.head != before
    }

    /// When the oldest message expires; `None` without `ttl` or messages.
    pub(crate) fn next_expiry(&self) -> Option<Timestamp> {
        let ttl = self.limits.ttl()?;
        Some(self.oldest()?.at() + ttl)
    }

    /// Whether it holds more than it may.
    pub(crate) fn is_over(&self) -> bool {
        self.len() > self.limits.max_messages || self.bytes > self.limits.max_bytes
    }

    /// Removes the oldest messages until the limits hold, `most` at most. The newest message always
    /// stays.
    pub(crate) fn trim(&mut self, most: u64, garbage: &mut Garbage<P>) {
        let over = (self.len().saturating_sub(self.limits.max_messages) as u64).min(most);
        if over > 0 {
            self.drop_oldest(over, LagReason::MaxMessages, self.newest, garbage);
            self.removed.max_messages += over;
        }
        let end = self.head.saturating_add(most - over);
        while self.bytes > self.limits.max_bytes && self.len() > 1 && self.head < end {
            self.drop_oldest(1, LagReason::MaxBytes, self.newest, garbage);
            self.removed.max_bytes += 1;
        }
    }

    /// Whether `messages` more, of `bytes` together, fit, after removing what readers have passed:
    /// what lies before `floor`.
    pub(crate) fn make_room(
        &mut self,
        messages: usize,
        bytes: usize,
        floor: u64,
        garbage: &mut Garbage<P>,
    ) -> bool {
        let passed = floor.min(self.tail).saturating_sub(self.head);
        let free = self.limits.max_messages.saturating_sub(self.len());
        let missing = messages.saturating_sub(free) as u64;
        if missing.min(passed) > 0 {
            self.consume(missing.min(passed), garbage);
        }
        while bytes > self.limits.max_bytes.saturating_sub(self.bytes)
            && self.head < floor.min(self.tail)
        {
            self.consume(1, garbage);
        }
        missing <= passed && bytes <= self.limits.max_bytes.saturating_sub(self.bytes)
    }

    /// Removes as much of what readers have passed, before `floor`, as there are more messages than
    /// leave room for `reserved`.
    pub(crate) fn shrink(&mut self, reserved: usize, floor: u64, garbage: &mut Garbage<P>) {
        let passed = floor.min(self.tail).saturating_sub(self.head);
        let over = (self.len() + reserved).saturating_sub(self.limits.max_messages) as u64;
        if over.min(passed) > 0 {
            self.consume(over.min(passed), garbage);
        }
    }

    /// Removes what all readers have passed: what lies before `floor`. Returns whether anything was.
    pub(crate) fn release(&mut self, floor: u64, garbage: &mut Garbage<P>) -> bool {
        let passed = floor.min(self.tail).saturating_sub(self.head);
        if passed > 0 {
            self.consume(passed, garbage);
        }
        passed > 0
    }

    /// Removes everything.
    pub(crate) fn clear(&mut self, garbage: &mut Garbage<P>) {
        self.segments.iter().for_each(|last| last.segment.seal());
        self.filler = None;
        self.segments.drain(..).for_each(|stretch| garbage.push(stretch.segment));
        self.look_at_first();
        self.head = self.tail;
        self.bytes = 0;
        for partition in &mut self.partitions {
            (partition.depth, partition.bytes) = (0, 0);
        }
    }

    /// The segment that holds this offset, which must be one of `head..tail`.
    pub(crate) fn locate(&self, offset: u64) -> Option<&Arc<Segment<P>>> {
        // Mostly it is the last.
        if let Some(last) = self.segments.back().filter(|last| last.base <= offset) {
            return Some(&last.segment);
        }
        let after = self.segments.partition_point(|stretch| stretch.base <= offset);
        Some(&self.segments.get(after.checked_sub(1)?)?.segment)
    }

    /// The offset at which a reader starts, or the offset asked for where that lies beyond `tail`.
    pub(crate) fn resolve(&self, start: Start, now: Timestamp) -> Result<u64, u64> {
        match start {
            // What is committed is known to a group alone, and a new one has nothing.
            Start::Earliest | Start::Committed => Ok(self.head),
            Start::Latest => Ok(self.tail),
            Start::Last(count) => Ok(self.tail.saturating_sub(count).max(self.head)),
            Start::Offset(offset) if offset.0 > self.tail => Err(offset.0),
            Start::Offset(offset) => Ok(offset.0),
            Start::Time(time) => Ok(self.first_at(time)),
            Start::Ago(ago) => Ok(self.first_at(now - ago)),
        }
    }

    /// The first kept offset stored at or after this time.
    fn first_at(&self, time: Timestamp) -> u64 {
        let (mut low, mut high) = (self.head, self.tail);
        while low < high {
            let middle = low + (high - low) / 2;
            let earlier = self.entry(middle).is_some_and(|entry| entry.at() < time);
            if earlier { low = middle + 1 } else { high = middle }
        }
        low
    }

    /// The message at this offset, if it is kept.
    pub(crate) fn entry(&self, offset: u64) -> Option<EntryRef<'_, P>> {
        if offset < self.head {
            return None;
        }
        self.locate(offset)?.get(offset)
    }

    /// Looks at messages one after the other.
    pub(crate) fn walk<'a>(&'a self, lanes: &'a mut Lanes<P>) -> Walk<'a, P> {
        Walk { log: self, segment: None, lanes }
    }

    fn oldest(&self) -> Option<EntryRef<'_, P>> {
        self.segments.front()?.segment.get(self.head)
    }

    /// Removes messages that somebody may have wanted.
    fn drop_oldest(
        &mut self,
        count: u64,
        reason: LagReason,
        now: Timestamp,
        garbage: &mut Garbage<P>,
    ) {
        self.remove_oldest(count, reason, garbage);
        (self.lost, self.lost_at, self.lost_for) = (self.head, now, Some(reason));
    }

    /// Removes messages that everybody has passed.
    fn consume(&mut self, count: u64, garbage: &mut Garbage<P>) {
        self.remove_oldest(count, LagReason::Consumed, garbage);
        self.removed.consumed += count;
    }

    /// Removes so many messages, which are there.
    #[inline]
    fn remove_oldest(&mut self, count: u64, reason: LagReason, garbage: &mut Garbage<P>) {
        self.last_reason = reason;
        let end = self.head + count;
        if end < self.plain {
            self.bytes -= self.plain_size as usize * count as usize;
            self.head = end;
        } else {
            self.remove_before(end, garbage);
        }
    }

    fn remove_before(&mut self, end: u64, garbage: &mut Garbage<P>) {
        debug_assert!(end <= self.tail);
        while self.head < end {
            let Some(first) = self.segments.front() else { return };
            let next_begins = self.segments.get(1).map_or(self.tail, |next| next.base);
            let gone = self.head..end.min(next_begins);
            self.bytes -= first.bytes(gone.clone());
            if !self.partitions.is_empty() {
                for entry in gone.clone().filter_map(|offset| first.segment.get(offset)) {
                    let partition = self.partitions.get_mut(usize::from(entry.partition()));
                    if let Some(partition) = partition {
                        partition.depth -= 1;
                        partition.bytes -= u64::from(entry.size());
                    }
                }
            }
            self.head = gone.end;
            if self.head < next_begins {
                return;
            }
            // With the last segment goes the last message: nothing stays of an emptied topic.
            if let Some(emptied) = self.segments.pop_front() {
                emptied.segment.seal();
                garbage.push(emptied.segment);
            }
            if self.segments.is_empty() {
                self.filler = None;
            }
            self.look_at_first();
        }
    }

    /// Finds what is plain of the first segment, if it is not the last one, which still grows.
    fn look_at_first(&mut self) {
        (self.plain, self.plain_size) = match (self.segments.front(), self.segments.get(1)) {
            (Some(Stretch { size: Some(size), .. }), Some(next)) if self.partitions.is_empty() => {
                (next.base, *size)
            }
            _ => (0, 0),
        };
    }
}
