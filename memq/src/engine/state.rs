//! What a topic's lock protects, as a plain state machine: `&mut self` and `now` in, values out.
//!
//! The log, who reads it, who waits, and whether it still goes on. It locks nothing and wakes
//! nobody: what is to be woken and freed goes into [`After`].

use std::collections::VecDeque;
use std::sync::Arc;
use std::task::Waker;

use slab::Slab;

use super::after::After;
use super::log::{Limits, Log};
use super::queue::{Place, Queue};
use super::segment::{Entry, Segment};
use super::stats::{Dropped, Gauge, TopicStats};
use super::wake::{Ticket, WaitList};
use crate::error::{LagReason, PublishError};
use crate::options::{Overflow, Request, Start, TopicOptions};
use crate::position::{Offset, Timestamp};

pub(super) struct State<P> {
    log: Log<P>,
    options: TopicOptions,
    /// Which of the options somebody has said; the others are defaults.
    said: Request,
    phase: Phase,
    /// Everyone who reads, by key.
    readers: Slab<Arc<Gauge>>,
    /// How many readers there have been: the next one's id.
    reader_ids: u64,
    /// Readers that wait for a message.
    parked: WaitList,
    /// Publishers that wait for room.
    room: Queue,
    /// Whether a publisher was opened, so that options are settled.
    published_to: bool,
    /// Messages whose room is promised to permits.
    reserved: usize,
    /// Whether a sweeper runs or is about to.
    sweeping: bool,
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

/// The offset of a message, or the message and why it has none.
pub(crate) type Appended<P> = Result<Offset, (PublishError<()>, Entry<P>)>;

fn limits(options: &TopicOptions) -> Limits {
    Limits { max_messages: options.max_messages, max_bytes: options.max_bytes, ttl: options.ttl }
}

impl<P> State<P> {
    /// A topic of which nothing was said.
    pub(super) fn new() -> Self {
        let options = TopicOptions::default();
        Self {
            log: Log::new(limits(&options)),
            options,
            said: Request::default(),
            phase: Phase::Open,
            readers: Slab::new(),
            reader_ids: 0,
            parked: WaitList::default(),
            room: Queue::default(),
            published_to: false,
            reserved: 0,
            sweeping: false,
        }
    }

    /// Takes over options that nobody has said yet, as long as nobody publishes under the defaults;
    /// the format also later. Returns what the topic runs with, and what was said of it.
    pub(super) fn settle(&mut self, request: &Request) -> (TopicOptions, Request) {
        if self.said.agrees(request) {
            if !self.published_to {
                self.said = self.said.or(request);
            } else {
                // The log does not look at it: it is how readers take bytes that say nothing.
                self.said.format = self.said.format.or(request.format);
            }
            self.options = self.said.over(self.options);
            self.log.set_limits(limits(&self.options));
        }
        (self.options, self.said)
    }

    /// Somebody publishes under the options there are.
    pub(super) fn publisher_opened(&mut self) {
        self.published_to = true;
    }

    /// The oldest offset kept, or beyond every offset once the topic is deleted.
    pub(super) fn head(&self) -> u64 {
        if self.phase == Phase::Deleted { u64::MAX } else { self.log.head() }
    }

    /// Whether a publisher sleeps that readers have to wake.
    pub(super) fn waits(&self) -> bool {
        self.room.first_sleeps()
    }

    // Publishing.

    /// Appends, if it is this publisher's turn and there is room. Its place is given up then.
    pub(super) fn append(
        &mut self,
        entry: Entry<P>,
        now: Timestamp,
        place: &mut Place,
        after: &mut After<P>,
    ) -> Appended<P> {
        let offset = self.try_append(entry, now, place, after)?;
        self.unpark_publisher(place, after);
        Ok(offset)
    }

    fn try_append(
        &mut self,
        entry: Entry<P>,
        now: Timestamp,
        place: &Place,
        after: &mut After<P>,
    ) -> Appended<P> {
        if let Some(refusal) = self.refusal(entry.size) {
            return Err((refusal, entry));
        }
        self.expire(now, after);
        if !self.has_room(entry.size as usize, place, after) {
            return Err((PublishError::Full(()), entry));
        }
        Ok(self.store(entry, now, after))
    }

    /// Appends until the queue is empty or its first message is refused.
    pub(super) fn append_all(
        &mut self,
        entries: &mut VecDeque<Entry<P>>,
        offsets: &mut Vec<Offset>,
        now: Timestamp,
        place: &mut Place,
        after: &mut After<P>,
    ) -> Result<(), PublishError<()>> {
        while let Some(entry) = entries.pop_front() {
            match self.try_append(entry, now, place, after) {
                Ok(offset) => offsets.push(offset),
                Err((refusal, entry)) => {
                    entries.push_front(entry);
                    return Err(refusal);
                }
            }
        }
        self.unpark_publisher(place, after);
        Ok(())
    }

    /// Promises one message's room.
    pub(super) fn reserve(
        &mut self,
        now: Timestamp,
        place: &mut Place,
        after: &mut After<P>,
    ) -> Result<(), PublishError<()>> {
        if let Some(refusal) = self.refusal(0) {
            return Err(refusal);
        }
        self.expire(now, after);
        if !self.has_room(1, place, after) {
            return Err(PublishError::Full(()));
        }
        self.reserved += 1;
        self.unpark_publisher(place, after);
        Ok(())
    }

    /// Gives promised room back.
    pub(super) fn release(&mut self, after: &mut After<P>) {
        self.reserved -= 1;
        self.wake_publisher(after);
    }

    /// Appends in promised room.
    pub(super) fn append_reserved(
        &mut self,
        entry: Entry<P>,
        now: Timestamp,
        after: &mut After<P>,
    ) -> Appended<P> {
        self.reserved -= 1;
        match self.refusal(entry.size) {
            Some(refusal) => {
                self.wake_publisher(after);
                Err((refusal, entry))
            }
            None => {
                self.expire(now, after);
                Ok(self.store(entry, now, after))
            }
        }
    }

    /// Whether it is worth trying to publish a message of this size.
    pub(super) fn worth_trying(
        &mut self,
        size: usize,
        now: Timestamp,
        place: &Place,
        after: &mut After<P>,
    ) -> bool {
        self.expire(now, after);
        self.phase != Phase::Open || self.has_room(size, place, after)
    }

    pub(super) fn park_publisher(&mut self, place: &mut Place, waker: Waker, after: &mut After<P>) {
        after.discard(self.room.park(place, waker));
    }

    /// A publisher no longer waits: it is the next one's turn.
    pub(super) fn unpark_publisher(&mut self, place: &mut Place, after: &mut After<P>) {
        if !place.is_taken() {
            return;
        }
        let was_first = self.room.is_first(place);
        after.discard(self.room.leave(place));
        if was_first {
            self.wake_publisher(after);
        }
    }

    /// Why no message of this size can be stored, whatever room there is.
    fn refusal(&self, size: u32) -> Option<PublishError<()>> {
        let (bytes, max_bytes) = (size as usize, self.options.max_bytes);
        match self.phase {
            Phase::Closed => Some(PublishError::Closed(())),
            Phase::Deleted => Some(PublishError::Deleted(())),
            // `u32::MAX` stands for every size that does not fit into one.
            Phase::Open if bytes > max_bytes || size == u32::MAX => {
                Some(PublishError::TooLarge { message: (), bytes, max_bytes })
            }
            Phase::Open => None,
        }
    }

    fn store(&mut self, entry: Entry<P>, now: Timestamp, after: &mut After<P>) -> Offset {
        let offset = self.log.append(entry, now);
        if self.options.overflow == Overflow::DropOldest {
            self.log.trim(&mut after.garbage);
        }
        after.readers.add(self.parked.wake_all());
        Offset(offset)
    }

    /// Whether it is this publisher's turn, and one more message fits beside those promised, after
    /// removing what all readers have passed.
    fn has_room(&mut self, size: usize, place: &Place, after: &mut After<P>) -> bool {
        if self.options.overflow == Overflow::DropOldest {
            return true;
        }
        if !self.room.is_first(place) {
            return false;
        }
        let messages = self.reserved + 1;
        // Readers are asked only when it matters: their positions are in caches of other cores.
        if self.log.make_room(messages, size, 0, &mut after.garbage) {
            return true;
        }
        // Without a reader nobody has passed anything.
        let floor = self.readers.iter().map(|(_, gauge)| gauge.position()).min().unwrap_or(0);
        self.log.make_room(messages, size, floor, &mut after.garbage)
    }

    /// Lets the publisher that waits longest look whether there is room now.
    pub(super) fn wake_publisher(&mut self, after: &mut After<P>) {
        after.publishers.add(self.room.wake_first());
    }

    // Reading.

    /// A new reader: its key and counters.
    pub(super) fn join(
        &mut self,
        start: Start,
        now: Timestamp,
        after: &mut After<P>,
    ) -> Result<(usize, Arc<Gauge>), JoinError> {
        let position = self.resolve(start, now, after)?;
        let gauge = Arc::new(Gauge::new(self.reader_ids, position.0));
        self.reader_ids += 1;
        // The first reader gives back what lies before its start.
        self.wake_publisher(after);
        Ok((self.readers.insert(gauge.clone()), gauge))
    }

    /// A reader goes away.
    pub(super) fn leave(&mut self, key: usize, ticket: &mut Ticket, after: &mut After<P>) {
        self.readers.try_remove(key);
        after.discard(self.parked.leave(ticket));
        // It may have been the one that publishers waited for.
        self.wake_publisher(after);
    }

    /// Moves a reader.
    pub(super) fn seek(
        &mut self,
        gauge: &Gauge,
        start: Start,
        now: Timestamp,
        after: &mut After<P>,
    ) -> Result<Offset, JoinError> {
        let position = self.resolve(start, now, after)?;
        gauge.restart(position.0);
        self.wake_publisher(after);
        Ok(position)
    }

    /// Looks what there is for a reader, and counts what it missed.
    pub(super) fn find(&mut self, gauge: &Gauge, now: Timestamp, after: &mut After<P>) -> Found<P> {
        if self.phase == Phase::Deleted {
            return Found::Deleted;
        }
        self.expire(now, after);
        let position = gauge.position();
        let skipped = self.log.head().saturating_sub(position);
        if skipped > 0 {
            gauge.skipped(skipped);
            self.wake_publisher(after);
            return Found::Lagged { skipped, reason: self.log.last_reason() };
        }
        match self.log.locate(position) {
            Some(segment) if position < self.log.tail() => Found::Segment(segment.clone()),
            _ if self.phase == Phase::Closed => Found::Closed,
            _ => Found::Nothing,
        }
    }

    pub(super) fn park_reader(&mut self, ticket: &mut Ticket, waker: Waker, after: &mut After<P>) {
        after.discard(self.parked.park(ticket, waker));
    }

    fn resolve(
        &mut self,
        start: Start,
        now: Timestamp,
        after: &mut After<P>,
    ) -> Result<Offset, JoinError> {
        if self.phase == Phase::Deleted {
            return Err(JoinError::Deleted);
        }
        self.expire(now, after);
        let end = Offset(self.log.tail());
        self.log
            .resolve(start, now)
            .map(Offset)
            .map_err(|requested| JoinError::BeyondEnd { requested: Offset(requested), end })
    }

    // The rest.

    /// Ends the topic. Returns whether that is new.
    pub(super) fn end(&mut self, phase: Phase, after: &mut After<P>) -> bool {
        if self.phase == Phase::Deleted || self.phase == phase {
            return false;
        }
        self.phase = phase;
        if phase == Phase::Deleted {
            self.log.clear(&mut after.garbage);
        }
        after.readers.add(self.parked.wake_all());
        after.publishers.add(self.room.wake_all());
        true
    }

    /// Removes what is older than `ttl`.
    pub(super) fn expire(&mut self, now: Timestamp, after: &mut After<P>) {
        if self.log.expire(now, &mut after.garbage) {
            self.wake_publisher(after);
        }
    }

    /// Expires what is due and says when to come again. With `None` the sweeper ends.
    pub(super) fn sweep(&mut self, now: Timestamp, after: &mut After<P>) -> Option<Timestamp> {
        self.expire(now, after);
        let next = self.log.next_expiry();
        self.sweeping = next.is_some();
        next
    }

    /// Whether somebody should start a sweeper, who is then the one to do it.
    pub(super) fn wants_sweeper(&mut self) -> bool {
        let wants = !self.sweeping && self.log.next_expiry().is_some();
        self.sweeping |= wants;
        wants
    }

    /// A sweeper ended although there was more to do. A publisher that waits starts another.
    pub(super) fn sweeper_gone(&mut self, after: &mut After<P>) {
        self.sweeping = false;
        self.wake_publisher(after);
    }

    /// The offset of the next message.
    pub(super) fn tail(&self) -> u64 {
        self.log.tail()
    }

    /// Everything but what was rejected, which is counted outside the lock. `None` once the topic
    /// is deleted: what it held is not counted as anything then.
    pub(super) fn stats(&self) -> Option<TopicStats> {
        if self.phase == Phase::Deleted {
            return None;
        }
        let (head, tail) = (self.log.head(), self.log.tail());
        let removed = self.log.removed();
        let mut subscribers: Vec<_> =
            self.readers.iter().map(|(_, gauge)| gauge.stats(tail)).collect();
        subscribers.sort_unstable_by_key(|stats| stats.id);
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
            },
            consumed: removed.consumed,
            rejected: 0,
            waiting_publishers: self.room.len(),
            subscribers,
        })
    }
}
