//! One topic: its log, who waits and who reads. The one file that locks messages.
//!
//! # The lock
//!
//! `Topic::state` is held for a few loads and stores: never across an await, never while a waker
//! runs or is dropped, an evicted message is freed, or anything is encoded. No other lock is taken inside.
//!
//! # Nothing is missed
//!
//! * A reader parks under the lock, after looking once more whether the log has grown. Appends
//!   happen under the same lock and take the parked readers out with them.
//! * A publisher that waits for room counts itself in `waiting` and then looks at the readers'
//!   positions once more; a reader stores its position and then looks at `waiting`. Both have a
//!   sequentially consistent fence between, so one of the two sees the other.
//!
//! # What an await point may lose
//!
//! Nothing: a parked reader has taken nothing, and a publisher that waits still owns its message.

use std::any::Any;
use std::collections::VecDeque;
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering, fence};
use std::task::{Context, Poll};

use parking_lot::Mutex;
use slab::Slab;
use tokio::task::AbortHandle;

use super::clock::Clock;
use super::log::{Garbage, Limits, Log};
use super::segment::Entry;
use super::stats::{Dropped, Gauge, TopicStats};
use super::sweep;
use super::wake::{Ticket, WaitList, Wake};
use crate::error::{LagReason, PublishError};
use crate::options::{Overflow, Start, TopicOptions};
use crate::position::{Offset, Timestamp};
use crate::topic::TopicName;

/// What `Topic::head` says once the topic was deleted: every reader is overtaken.
const DELETED: u64 = u64::MAX;

/// A topic whose log holds payloads of type `P`.
pub(crate) struct Topic<P> {
    name: TopicName,
    options: TopicOptions,
    clock: Arc<Clock>,
    /// The oldest offset kept, for readers that do not lock.
    head: AtomicU64,
    /// Publishers that wait for room, for readers that do not lock.
    waiting: AtomicUsize,
    /// Set under the lock and read without it, as a hint to look.
    closed: AtomicBool,
    /// Messages given back because there was no room.
    rejected: AtomicU64,
    state: Mutex<State<P>>,
    /// The task that expires messages without traffic, if one runs.
    sweeper: Mutex<Option<AbortHandle>>,
    /// Whatever the opener wants to find again. Never looked into.
    attachment: Box<dyn Any + Send + Sync>,
}

struct State<P> {
    log: Log<P>,
    phase: Phase,
    /// Everyone who reads, by key.
    readers: Slab<Arc<Gauge>>,
    /// How many readers there have been: the next one's id.
    reader_ids: u64,
    /// Readers that wait for a message.
    parked: WaitList,
    /// Publishers that wait for room.
    room: WaitList,
    /// Slots promised to permits.
    reserved: usize,
    /// Whether a sweeper runs or is about to.
    sweeping: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    Open,
    /// No appends; readers drain.
    Closed,
    Deleted,
}

/// What is done outside the lock after something was done inside.
struct After<P> {
    garbage: Garbage<P>,
    /// Readers that have something to read.
    readers: Wake,
    /// Publishers that may have room.
    publishers: Wake,
}

impl<P> After<P> {
    fn new() -> Self {
        Self { garbage: Vec::new(), readers: Wake::Nobody, publishers: Wake::Nobody }
    }

    /// Adds publishers to wake. Whoever was taken out before is not in the list again.
    fn publishers(&mut self, wake: Wake) {
        if matches!(self.publishers, Wake::Nobody) {
            self.publishers = wake;
        } else {
            debug_assert!(matches!(wake, Wake::Nobody));
        }
    }

    fn run(self) {
        self.readers.run();
        self.publishers.run();
        drop(self.garbage);
    }
}

/// What a look at the log under the lock found.
pub(crate) enum Found<P> {
    Segment(Arc<super::segment::Segment<P>>),
    Lagged { skipped: u64, reason: LagReason },
    Nothing,
    Closed,
    Deleted,
}

/// How the wait for room ended: with the offset, or with the entry and why.
pub(crate) type Appended<P> = Result<Offset, (PublishError<()>, Entry<P>)>;

impl<P: Send + Sync + 'static> Topic<P> {
    pub(crate) fn new(
        name: TopicName,
        options: TopicOptions,
        clock: Arc<Clock>,
        attachment: Box<dyn Any + Send + Sync>,
    ) -> Self {
        let limits = Limits {
            max_messages: options.max_messages,
            max_bytes: options.max_bytes,
            ttl: options.ttl,
        };
        Self {
            name,
            options,
            clock,
            head: AtomicU64::new(0),
            waiting: AtomicUsize::new(0),
            closed: AtomicBool::new(false),
            rejected: AtomicU64::new(0),
            state: Mutex::new(State {
                log: Log::new(limits),
                phase: Phase::Open,
                readers: Slab::new(),
                reader_ids: 0,
                parked: WaitList::default(),
                room: WaitList::default(),
                reserved: 0,
                sweeping: false,
            }),
            sweeper: Mutex::new(None),
            attachment,
        }
    }

    pub(crate) fn name(&self) -> &TopicName {
        &self.name
    }

    pub(crate) fn options(&self) -> &TopicOptions {
        &self.options
    }

    pub(crate) fn attachment(&self) -> &(dyn Any + Send + Sync) {
        &*self.attachment
    }

    pub(crate) fn now(&self) -> Timestamp {
        self.clock.now()
    }

    pub(crate) fn clock(&self) -> &Clock {
        &self.clock
    }

    // Publishing.

    /// Stores a message, or says why not and gives it back. Never waits.
    pub(crate) fn append(self: &Arc<Self>, entry: Entry<P>) -> Appended<P> {
        let (result, after, sweep) = {
            let mut after = After::new();
            let mut state = self.state.lock();
            let result = self.try_append(&mut state, entry, &mut after);
            (result, after, self.wants_sweeper(&mut state))
        };
        after.run();
        self.start_sweeper(sweep);
        result
    }

    /// Stores messages until the queue is empty or one is refused; that one stays its first.
    pub(crate) fn append_all(
        self: &Arc<Self>,
        entries: &mut VecDeque<Entry<P>>,
        offsets: &mut Vec<Offset>,
    ) -> Result<(), PublishError<()>> {
        let (result, after, sweep) = {
            let mut after = After::new();
            let mut state = self.state.lock();
            let mut result = Ok(());
            while let Some(entry) = entries.pop_front() {
                match self.try_append(&mut state, entry, &mut after) {
                    Ok(offset) => offsets.push(offset),
                    Err((refusal, entry)) => {
                        entries.push_front(entry);
                        result = Err(refusal);
                        break;
                    }
                }
            }
            (result, after, self.wants_sweeper(&mut state))
        };
        after.run();
        self.start_sweeper(sweep);
        result
    }

    /// Waits for room for one more message of this size. `Ready` says that it is worth trying.
    pub(crate) fn poll_room(
        self: &Arc<Self>,
        size: usize,
        ticket: &mut Ticket,
        cx: &mut Context<'_>,
    ) -> Poll<()> {
        let mut after = After::new();
        let mut stale = [None, None];
        let (ready, sweep) = {
            let mut state = self.state.lock();
            self.expire_now(&mut state, &mut after);
            let ready =
                state.phase != Phase::Open || self.has_room(&mut state, size, &mut after) || {
                    stale[0] = state.room.park(ticket, cx.waker());
                    self.waiting.store(state.room.len(), Ordering::Relaxed);
                    // Pairs with the fence in `passed`.
                    fence(Ordering::SeqCst);
                    self.has_room(&mut state, size, &mut after)
                };
            if ready {
                stale[1] = state.room.leave(ticket);
                self.waiting.store(state.room.len(), Ordering::Relaxed);
            }
            // The sweeper may have ended with another runtime, and time alone may make room.
            (ready, !ready && self.wants_sweeper(&mut state))
        };
        after.run();
        drop(stale);
        self.start_sweeper(sweep);
        if ready { Poll::Ready(()) } else { Poll::Pending }
    }

    /// A publisher no longer waits for room.
    pub(crate) fn leave_room(&self, ticket: &mut Ticket) {
        let left = {
            let mut state = self.state.lock();
            let left = state.room.leave(ticket);
            self.waiting.store(state.room.len(), Ordering::Relaxed);
            left
        };
        drop(left);
    }

    /// Counts a message that was refused because there was no room.
    pub(crate) fn count_rejected(&self, messages: usize) {
        self.rejected.fetch_add(messages as u64, Ordering::Relaxed);
    }

    /// Promises one message's room, which `append_reserved` or `release` gives back.
    pub(crate) fn reserve(&self) -> Result<(), PublishError<()>> {
        let mut after = After::new();
        let result = {
            let mut state = self.state.lock();
            self.expire_now(&mut state, &mut after);
            if let Some(refusal) = self.refusal(&state, 0) {
                Err(refusal)
            } else if self.has_room(&mut state, 1, &mut after) {
                state.reserved += 1;
                Ok(())
            } else {
                Err(PublishError::Full(()))
            }
        };
        after.run();
        result
    }

    /// Stores a message in the room that was promised to it.
    pub(crate) fn append_reserved(self: &Arc<Self>, entry: Entry<P>) -> Appended<P> {
        let (result, after, sweep) = {
            let mut after = After::new();
            let mut state = self.state.lock();
            state.reserved -= 1;
            let result = match self.refusal(&state, entry.size) {
                Some(refusal) => {
                    after.publishers(self.wake_room(&mut state));
                    Err((refusal, entry))
                }
                None => {
                    self.expire(&mut state, entry.at, &mut after);
                    Ok(self.store(&mut state, entry, &mut after))
                }
            };
            (result, after, self.wants_sweeper(&mut state))
        };
        after.run();
        self.start_sweeper(sweep);
        result
    }

    /// Gives promised room back.
    pub(crate) fn release(&self) {
        let wake = {
            let mut state = self.state.lock();
            state.reserved -= 1;
            self.wake_room(&mut state)
        };
        wake.run();
    }

    fn try_append(
        &self,
        state: &mut State<P>,
        entry: Entry<P>,
        after: &mut After<P>,
    ) -> Appended<P> {
        if let Some(refusal) = self.refusal(state, entry.size) {
            return Err((refusal, entry));
        }
        self.expire(state, entry.at, after);
        if self.options.overflow != Overflow::DropOldest
            && !self.has_room(state, entry.size as usize, after)
        {
            return Err((PublishError::Full(()), entry));
        }
        Ok(self.store(state, entry, after))
    }

    /// Why no message of this size can be stored, whatever room there is.
    fn refusal(&self, state: &State<P>, size: u32) -> Option<PublishError<()>> {
        let (bytes, max_bytes) = (size as usize, self.options.max_bytes);
        match state.phase {
            Phase::Closed => Some(PublishError::Closed(())),
            Phase::Deleted => Some(PublishError::Deleted(())),
            Phase::Open if bytes > max_bytes || size == u32::MAX => {
                Some(PublishError::TooLarge { message: (), bytes, max_bytes })
            }
            Phase::Open => None,
        }
    }

    fn store(&self, state: &mut State<P>, entry: Entry<P>, after: &mut After<P>) -> Offset {
        let offset = state.log.append(entry);
        if self.options.overflow == Overflow::DropOldest {
            let head = state.log.head();
            state.log.trim(&mut after.garbage);
            if state.log.head() != head {
                self.head.store(state.log.head(), Ordering::Release);
            }
        }
        if state.parked.len() > 0 {
            // Readers are parked once: a batch wakes them with its first message.
            after.readers = state.parked.wake_all();
        }
        Offset(offset)
    }

    /// Whether one more message fits beside those promised, after removing what was passed.
    fn has_room(&self, state: &mut State<P>, size: usize, after: &mut After<P>) -> bool {
        if self.options.overflow == Overflow::DropOldest {
            return true;
        }
        let messages = state.reserved + 1;
        if state.log.make_room(messages, size, 0, &mut after.garbage) {
            return true;
        }
        let floor = state.readers.iter().map(|(_, gauge)| gauge.position()).min().unwrap_or(0);
        let head = state.log.head();
        let room = state.log.make_room(messages, size, floor, &mut after.garbage);
        if state.log.head() != head {
            self.head.store(state.log.head(), Ordering::Release);
        }
        room
    }

    fn wake_room(&self, state: &mut State<P>) -> Wake {
        self.waiting.store(0, Ordering::Relaxed);
        state.room.wake_all()
    }

    // Reading.

    /// A new reader at `start`: its key, counters and position.
    pub(crate) fn join(
        &self,
        start: Start,
        now: Timestamp,
    ) -> Result<(usize, Arc<Gauge>), JoinError> {
        let mut after = After::new();
        let result = {
            let mut state = self.state.lock();
            self.expire(&mut state, now, &mut after);
            let end = Offset(state.log.tail());
            match (state.phase, state.log.resolve(start, now)) {
                (Phase::Deleted, _) => Err(JoinError::Deleted),
                (_, Err(requested)) => {
                    Err(JoinError::BeyondEnd { requested: Offset(requested), end })
                }
                (_, Ok(position)) => {
                    let gauge = Arc::new(Gauge::new(state.reader_ids, position));
                    state.reader_ids += 1;
                    if state.readers.is_empty() {
                        // The first reader gives back what lies before its start.
                        after.publishers(self.wake_room(&mut state));
                    }
                    Ok((state.readers.insert(gauge.clone()), gauge))
                }
            }
        };
        after.run();
        result
    }

    /// A reader goes away.
    pub(crate) fn leave(&self, key: usize, ticket: &mut Ticket) {
        let (gauge, waker, wake) = {
            let mut state = self.state.lock();
            let gauge = state.readers.try_remove(key);
            let waker = state.parked.leave(ticket);
            // It may have been the one that publishers waited for.
            (gauge, waker, self.wake_room(&mut state))
        };
        drop((gauge, waker));
        wake.run();
    }

    /// Moves a reader.
    pub(crate) fn seek(
        &self,
        gauge: &Gauge,
        start: Start,
        now: Timestamp,
    ) -> Result<Offset, JoinError> {
        let mut after = After::new();
        let result = {
            let mut state = self.state.lock();
            self.expire(&mut state, now, &mut after);
            let end = Offset(state.log.tail());
            match (state.phase, state.log.resolve(start, now)) {
                (Phase::Deleted, _) => Err(JoinError::Deleted),
                (_, Err(requested)) => {
                    Err(JoinError::BeyondEnd { requested: Offset(requested), end })
                }
                (_, Ok(position)) => {
                    gauge.restart(position);
                    after.publishers(self.wake_room(&mut state));
                    Ok(Offset(position))
                }
            }
        };
        after.run();
        result
    }

    /// Whether a reader at this position has been overtaken by retention or deletion.
    pub(crate) fn overtaken(&self, position: u64) -> bool {
        position < self.head.load(Ordering::Acquire)
    }

    /// Whether a message stored at this time may no longer be delivered.
    pub(crate) fn expired(&self, at: Timestamp) -> bool {
        self.options.ttl.is_some_and(|ttl| at + ttl <= self.now())
    }

    /// Whether it is worth looking for the end of the topic.
    pub(crate) fn may_be_closed(&self) -> bool {
        self.closed.load(Ordering::Acquire)
    }

    /// Looks under the lock what there is for a reader, and tells it once of what it missed.
    pub(crate) fn find(&self, gauge: &Gauge) -> Found<P> {
        let mut after = After::new();
        let found = self.look(&mut self.state.lock(), gauge, &mut after);
        after.run();
        found
    }

    /// As `find`, and parks the reader where there is nothing.
    pub(crate) fn find_or_park(
        &self,
        gauge: &Gauge,
        ticket: &mut Ticket,
        waker: &std::task::Waker,
    ) -> Found<P> {
        let mut after = After::new();
        let mut stale = None;
        let found = {
            let mut state = self.state.lock();
            let found = self.look(&mut state, gauge, &mut after);
            if matches!(found, Found::Nothing) {
                stale = state.parked.park(ticket, waker);
            }
            found
        };
        after.run();
        drop(stale);
        found
    }

    fn look(&self, state: &mut State<P>, gauge: &Gauge, after: &mut After<P>) -> Found<P> {
        if state.phase == Phase::Deleted {
            return Found::Deleted;
        }
        self.expire_now(state, after);
        let position = gauge.position();
        if let Some(skipped) = state.log.head().checked_sub(position).filter(|n| *n > 0) {
            gauge.skipped(skipped);
            after.publishers(self.wake_room(state));
            return Found::Lagged { skipped, reason: state.log.last_reason() };
        }
        match state.log.locate(position) {
            Some(segment) if position < state.log.tail() => Found::Segment(segment.clone()),
            _ if state.phase == Phase::Closed => Found::Closed,
            _ => Found::Nothing,
        }
    }

    /// A reader has moved on; called after it stored its position.
    pub(crate) fn passed(&self) {
        if self.options.overflow != Overflow::Wait {
            return;
        }
        // Pairs with the fence in `poll_room`.
        fence(Ordering::SeqCst);
        if self.waiting.load(Ordering::Relaxed) > 0 {
            let wake = self.wake_room(&mut self.state.lock());
            wake.run();
        }
    }

    // Administration.

    /// `None` once the topic was deleted: what it held is not counted as anything then.
    pub(crate) fn stats(&self) -> Option<TopicStats> {
        let mut after = After::new();
        let stats = {
            let mut state = self.state.lock();
            if state.phase == Phase::Deleted {
                return None;
            }
            self.expire_now(&mut state, &mut after);
            let (head, tail) = (state.log.head(), state.log.tail());
            let removed = state.log.removed();
            let mut subscribers: Vec<_> =
                state.readers.iter().map(|(_, gauge)| gauge.stats(tail)).collect();
            subscribers.sort_unstable_by_key(|stats| stats.id);
            TopicStats {
                depth: tail - head,
                bytes: state.log.bytes() as u64,
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
                rejected: self.rejected.load(Ordering::Relaxed),
                waiting_publishers: state.room.len(),
                subscribers,
            }
        };
        after.run();
        Some(stats)
    }

    /// The offset of the next message.
    pub(crate) fn end_offset(&self) -> Offset {
        Offset(self.state.lock().log.tail())
    }

    /// One reader's numbers.
    pub(crate) fn reader_stats(&self, gauge: &Gauge) -> super::stats::SubscriberStats {
        let state = self.state.lock();
        gauge.stats(state.log.tail())
    }

    /// No more messages; readers drain. What nobody reads still expires.
    pub(crate) fn close(&self) {
        self.end(Phase::Closed);
    }

    /// No more messages, and none left.
    pub(crate) fn delete(&self) {
        self.end(Phase::Deleted);
    }

    fn end(&self, phase: Phase) {
        let mut garbage = Vec::new();
        let wakes = {
            let mut state = self.state.lock();
            if state.phase == Phase::Deleted {
                return;
            }
            state.phase = phase;
            self.closed.store(true, Ordering::Release);
            if phase == Phase::Deleted {
                state.log.clear(&mut garbage);
                self.head.store(DELETED, Ordering::Release);
            }
            [state.parked.wake_all(), self.wake_room(&mut state)]
        };
        wakes.into_iter().for_each(Wake::run);
        drop(garbage);
        if phase == Phase::Deleted {
            self.stop_sweeper();
        }
    }

    // Expiry.

    /// Expires what is due, and asks for the time only where that matters.
    fn expire_now(&self, state: &mut State<P>, after: &mut After<P>) {
        if self.options.ttl.is_some() {
            self.expire(state, self.now(), after);
        }
    }

    fn expire(&self, state: &mut State<P>, now: Timestamp, after: &mut After<P>) {
        if state.phase != Phase::Deleted && state.log.expire(now, &mut after.garbage) {
            self.head.store(state.log.head(), Ordering::Release);
            after.publishers(self.wake_room(state));
        }
    }

    /// Expires what is due, and says when to come again; `None` where nothing is left to expire,
    /// and then a sweeper must not stay.
    pub(crate) fn sweep(&self) -> Option<Timestamp> {
        let mut after = After::new();
        let next = {
            let mut state = self.state.lock();
            self.expire(&mut state, self.now(), &mut after);
            let next = state.log.next_expiry();
            state.sweeping = next.is_some();
            next
        };
        after.run();
        next
    }

    /// A sweeper was dropped, with its runtime or by `end`.
    pub(crate) fn sweeper_gone(&self) {
        self.state.lock().sweeping = false;
    }

    fn wants_sweeper(&self, state: &mut State<P>) -> bool {
        let wants = self.options.ttl.is_some()
            && !state.sweeping
            && state.phase == Phase::Open
            && state.log.next_expiry().is_some();
        state.sweeping |= wants;
        wants
    }

    fn start_sweeper(self: &Arc<Self>, wanted: bool) {
        if !wanted {
            return;
        }
        let mut sweeper = self.sweeper.lock();
        // Started under its lock, so that a later one's handle is not overwritten by this one's.
        *sweeper = sweep::start(self);
        if sweeper.is_none() {
            drop(sweeper);
            // Outside a runtime nothing can wait for time to pass; whoever comes next expires.
            self.sweeper_gone();
        }
    }
}

impl<P> Topic<P> {
    /// Leaves expiry to whoever comes: the broker is gone, and its tasks with it.
    pub(crate) fn stop_sweeper(&self) {
        if let Some(handle) = self.sweeper.lock().take() {
            handle.abort();
        }
    }
}

impl<P> Drop for Topic<P> {
    fn drop(&mut self) {
        self.stop_sweeper();
    }
}

/// A reader cannot be where it wants.
#[derive(Debug)]
pub(crate) enum JoinError {
    BeyondEnd { requested: Offset, end: Offset },
    Deleted,
}

impl<P> fmt::Debug for Topic<P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Topic").field("name", &self.name).finish_non_exhaustive()
    }
}
