//! One topic. The one file that locks messages; what happens under the lock is in `state`.
//!
//! # The lock
//!
//! It is held for a few loads and stores: never across an await, never while a waker runs, an
//! evicted message is freed, or anything is encoded. No other lock is taken inside.
//!
//! # Nothing is missed
//!
//! * A reader parks under the lock, after looking once more whether the log has grown. Appends
//!   happen under the same lock and take the parked readers out with them.
//! * Publishers that wait for room are let in one after the other. The first of them sets `waiting`
//!   and then looks at the readers' positions once more; a reader stores its position and then looks
//!   at `waiting`. Between is a sequentially consistent fence there, and here the store and the look
//!   are sequentially consistent themselves, which is cheaper: so one of the two sees the other.
//!   Whoever leaves the queue, by publishing or by being dropped, wakes the one behind it. The same
//!   holds for who acknowledges without the lock ([`hand`](super::hand)).
//!
//! # What an await point may lose
//!
//! Nothing: a parked reader has taken nothing, and a publisher that waits still owns its message.

mod appending;
mod sweeper;
#[cfg(all(test, not(memq_loom)))]
mod twins;

use std::any::Any;
use std::fmt;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use self::sweeper::Sweepers;
use super::after::After;
use super::clock::Clock;
use super::group::Rules;
use super::hand::When;
use super::queue::Place;
use super::segment::EntryRef;
use super::state::{Found, JoinError, Phase, Refusal, State};
use super::stats::{Gauge, SubscriberStats, TopicStats};
use super::sync::{Apart, AtomicBool, AtomicU64, Mutex, MutexGuard, Ordering, fence};
use super::wake::Ticket;
use crate::foreign::contain;
use crate::name::TopicName;
use crate::options::{Overflow, Request, Retain, Start, TopicOptions};
use crate::position::{Offset, Timestamp, nanos};

/// A topic whose log holds payloads of type `P`.
pub(crate) struct Topic<P> {
    name: TopicName,
    clock: Arc<Clock>,
    /// Whatever the opener wants to find again. Never looked into.
    attachment: Box<dyn Any + Send + Sync>,
    // What those look at who do not lock. It changes rarely, and lies apart from what changes often.
    /// At this offset and after it, nothing was removed that somebody may have wanted. Ahead of that
    /// by up to [`STRIDE`], so that it is written once for so many.
    safe: AtomicU64,
    /// Whether a publisher sleeps until there is room.
    waiting: AtomicBool,
    /// `ttl` in nanoseconds, 0 for none, and whether a full topic waits. They change only before there
    /// is a publisher, and whoever has read or stored a message has seen that.
    ttl: AtomicU64,
    waits: AtomicBool,
    /// Whether what everybody has passed is freed by whoever comes. Changes with `ttl`.
    frees: AtomicBool,
    /// Whether time decides something, so that messages are dated exactly. Changes with `ttl`.
    exact: AtomicBool,
    /// Whether the topic has ended, as a hint to look under the lock.
    ended: AtomicBool,
    /// Whether no sweeper is started any more; changes under the lock of that.
    over: AtomicBool,
    hot: Apart<Hot<P>>,
}

/// What changes with each message, or with nobody else to see it.
struct Hot<P> {
    /// The last tasks started that, without traffic, expire messages and forget ids.
    sweepers: Mutex<Sweepers>,
    /// Messages given back because there was no room.
    rejected: AtomicU64,
    /// Before this offset, messages were removed that somebody may have wanted.
    lost: AtomicU64,
    state: Mutex<State<P>>,
}

/// Messages by which `safe` is ahead at most.
const STRIDE: u64 = 64;

impl<P> Topic<P> {
    /// Takes the lock.
    #[inline]
    fn enter(&self) -> MutexGuard<'_, State<P>> {
        self.hot.0.state.lock()
    }

    /// Does something under the lock. What follows from it is left to the caller.
    #[inline]
    fn under_lock<R>(
        &self,
        after: &mut After<P>,
        work: impl FnOnce(&mut State<P>, &mut After<P>) -> R,
    ) -> R {
        self.with(self.enter(), after, work)
    }

    /// As `under_lock`, with the lock taken already.
    #[inline]
    fn with<R>(
        &self,
        mut state: MutexGuard<'_, State<P>>,
        after: &mut After<P>,
        work: impl FnOnce(&mut State<P>, &mut After<P>) -> R,
    ) -> R {
        state.unsteady();
        let result = work(&mut state, after);
        self.tell_lost(&state);
        if self.waiting.load(Ordering::Relaxed) != state.waits() {
            self.waiting.store(state.waits(), Ordering::Relaxed);
        }
        result
    }

    /// Lets readers know what was removed. Written only where it changes, since those on other cores
    /// look at it.
    #[inline]
    fn tell_lost(&self, state: &State<P>) {
        let lost = &self.hot.0.lost;
        if lost.load(Ordering::Relaxed) != state.lost() {
            if state.lost() > self.safe.load(Ordering::Relaxed) {
                let safe = state.lost().checked_next_multiple_of(STRIDE);
                self.safe.store(safe.unwrap_or(u64::MAX), Ordering::Release);
            }
            lost.store(state.lost(), Ordering::Release);
        }
    }

    /// Does something under the lock, and afterwards, outside it, what follows from it.
    pub(super) fn locked<R>(&self, work: impl FnOnce(&mut State<P>, &mut After<P>) -> R) -> R {
        let mut after = After::new();
        let result = self.under_lock(&mut after, work);
        after.run();
        result
    }
}

impl<P: Send + Sync + 'static> Topic<P> {
    pub(crate) fn new(
        name: TopicName,
        clock: Arc<Clock>,
        attachment: Box<dyn Any + Send + Sync>,
    ) -> Self {
        let hot = Hot {
            sweepers: Mutex::default(),
            rejected: AtomicU64::new(0),
            lost: AtomicU64::new(0),
            state: Mutex::new(State::new()),
        };
        Self {
            name,
            clock,
            attachment,
            safe: AtomicU64::new(0),
            waiting: AtomicBool::new(false),
            ttl: AtomicU64::new(0),
            waits: AtomicBool::new(false),
            frees: AtomicBool::new(false),
            exact: AtomicBool::new(false),
            ended: AtomicBool::new(false),
            over: AtomicBool::new(false),
            hot: Apart(hot),
        }
    }

    pub(crate) fn name(&self) -> &TopicName {
        &self.name
    }

    /// Takes over options that nobody has said yet, as long as nobody publishes. Returns what the
    /// topic runs with, and what was said of it.
    pub(crate) fn settle(&self, request: &Request) -> (TopicOptions, Request) {
        self.locked(|state, after| {
            let settled = state.settle(request, after);
            self.ttl.store(settled.0.ttl.map_or(0, nanos), Ordering::Relaxed);
            self.waits.store(settled.0.overflow == Overflow::Wait, Ordering::Relaxed);
            self.frees.store(settled.0.retain == Retain::UntilConsumed, Ordering::Relaxed);
            let exact = settled.0.ttl.is_some() || settled.0.dedup.is_some();
            self.exact.store(exact, Ordering::Relaxed);
            settled
        })
    }

    /// Somebody publishes, so that options are settled from now on.
    pub(crate) fn publisher_opened(&self) {
        self.locked(|state, _| state.publisher_opened());
    }

    /// Whether a publisher waits where there is no room.
    pub(crate) fn waits(&self) -> bool {
        self.waits.load(Ordering::Relaxed)
    }

    /// How long a message is kept.
    #[inline]
    pub(super) fn ttl(&self) -> Option<Duration> {
        match self.ttl.load(Ordering::Relaxed) {
            0 => None,
            nanos => Some(Duration::from_nanos(nanos)),
        }
    }

    pub(crate) fn attachment(&self) -> &(dyn Any + Send + Sync) {
        &*self.attachment
    }

    pub(crate) fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// The date of a message that is stored now.
    #[inline]
    fn date(&self) -> Timestamp {
        if self.exact.load(Ordering::Relaxed) { self.now() } else { self.clock.about_now() }
    }

    /// Where a reader starts so that it misses nothing, if messages may be dated a little early.
    pub(super) fn start(&self, start: Start) -> Start {
        let early =
            if self.exact.load(Ordering::Relaxed) { Duration::ZERO } else { self.clock.slack() };
        match start {
            Start::Time(time) => Start::Time(time - early),
            Start::Ago(ago) => Start::Ago(ago.saturating_add(early)),
            other => other,
        }
    }

    pub(super) fn clock(&self) -> &Clock {
        &self.clock
    }

    /// The time at which a member comes that may claim ahead.
    #[inline]
    pub(super) fn when(&self) -> When {
        When { now: self.now(), window: self.clock.window() }
    }

    /// Whether a publisher sleeps until there is room. After a change that it would see, if it looked
    /// after this.
    #[inline]
    pub(super) fn publisher_sleeps(&self) -> bool {
        if cfg!(memq_loom) {
            fence(Ordering::SeqCst);
        }
        self.waits() && self.waiting.load(Ordering::SeqCst)
    }

    // Publishing.

    /// Promises one message's room, which `append_reserved` or `release` gives back.
    pub(crate) fn reserve(&self, place: &mut Place) -> Result<(), Refusal> {
        let now = self.now();
        self.locked(|state, after| state.reserve(now, place, after))
    }

    /// Whether a reader that has lost nothing of what is kept is about to.
    pub(crate) fn presses(&self) -> bool {
        !self.waits() && self.locked(|state, _| state.presses())
    }

    /// Whether a publisher is to pause for such a reader, and then to ask again. Each time is counted.
    pub(crate) fn pauses(&self) -> bool {
        self.locked(|state, _| state.pauses())
    }

    /// Gives promised room back.
    pub(crate) fn release(&self) {
        self.locked(State::release);
    }

    /// Takes a place among those that wait for room, and stays awake. Says whether it is worth trying;
    /// nothing where others wait before it.
    pub(crate) fn turn(self: &Arc<Self>, size: usize, place: &mut Place) -> Option<bool> {
        let now = self.now();
        self.and_sweep(place, |state, place, after| {
            let is_first = state.queue_publisher(place, size);
            let is_worth_it = state.worth_trying(size, now, place, after);
            (is_first || is_worth_it).then_some(is_worth_it)
        })
    }

    /// Waits for room for a message of this size. `Ready` says that it is worth trying.
    pub(crate) fn poll_room(
        self: &Arc<Self>,
        size: usize,
        place: &mut Place,
        cx: &mut Context<'_>,
    ) -> Poll<()> {
        let now = self.now();
        // Cloned here, since that may be code that is not ours.
        let waker = cx.waker().clone();
        // Time alone may make room, and the sweeper may have ended with another runtime.
        self.and_sweep(place, |state, place, after| {
            if state.worth_trying(size, now, place, after) {
                after.discard(Some(waker));
                return Poll::Ready(());
            }
            state.park_publisher(place, size, waker, after);
            self.waiting.store(state.waits(), Ordering::Relaxed);
            // Pairs with the fence in `passed`.
            fence(Ordering::SeqCst);
            if state.worth_trying(size, now, place, after) {
                return Poll::Ready(());
            }
            Poll::Pending
        })
    }

    /// A publisher no longer waits for room.
    pub(crate) fn leave_room(&self, place: &mut Place) {
        self.locked(|state, after| state.unpark_publisher(place, after));
    }

    /// Counts messages that were given back because there was no room.
    pub(crate) fn count_rejected(&self, messages: usize) {
        self.hot.0.rejected.fetch_add(messages as u64, Ordering::Relaxed);
    }

    // Reading.

    /// A new reader at `start`: its counters.
    pub(crate) fn join(&self, start: Start) -> Result<Arc<Gauge>, JoinError> {
        let (now, start) = (self.now(), self.start(start));
        self.locked(|state, after| state.join(start, now, after))
    }

    /// A reader goes away.
    pub(crate) fn leave(&self, gauge: &Gauge, ticket: &mut Ticket) {
        self.locked(|state, after| state.leave(gauge, ticket, after));
    }

    /// Moves a reader.
    pub(crate) fn seek(&self, gauge: &Gauge, start: Start) -> Result<Offset, JoinError> {
        let (now, start) = (self.now(), self.start(start));
        self.locked(|state, after| state.seek(gauge, start, now, after))
    }

    /// Whether a reader at this position has been overtaken by retention or deletion.
    #[inline]
    pub(crate) fn overtaken(&self, position: u64) -> bool {
        position < self.safe.load(Ordering::Acquire)
            && position < self.hot.0.lost.load(Ordering::Acquire)
    }

    /// Whether a message may no longer be delivered.
    #[inline(always)]
    pub(crate) fn expired(&self, entry: &EntryRef<'_, P>) -> bool {
        self.ttl().is_some_and(|ttl| entry.at() + ttl <= self.now())
    }

    /// Whether a reader that finds its way without the lock leaves nothing undone.
    pub(crate) fn lets_pass(&self) -> bool {
        !self.frees.load(Ordering::Relaxed) && self.ttl().is_none()
    }

    /// Whether the topic has been closed or deleted; `find` says which.
    pub(crate) fn ended(&self) -> bool {
        self.ended.load(Ordering::Acquire)
    }

    /// Looks under the lock what there is for a reader, and tells it once of what it missed.
    /// Where there is nothing and it has a waker, it is parked.
    pub(crate) fn find(&self, gauge: &Gauge, park: Option<(&mut Ticket, &Waker)>) -> Found<P> {
        let now = self.now();
        // Cloned here, since that may be code that is not ours.
        let park = park.map(|(ticket, waker)| (ticket, waker.clone()));
        self.locked(|state, after| {
            let found = state.find(gauge, now, after);
            match (&found, park) {
                (Found::Nothing, Some((ticket, waker))) => state.park_reader(ticket, waker, after),
                (_, Some((_, waker))) => after.discard(Some(waker)),
                (_, None) => {}
            }
            found
        })
    }

    /// Parks a reader that has read all there is, where nothing is left to do for others. Returns whether it
    /// did; else [`find`](Self::find) says what there is.
    pub(crate) fn park(&self, gauge: &Gauge, ticket: &mut Ticket, waker: &Waker) -> bool {
        if !self.lets_pass() {
            return false;
        }
        // Cloned here, since that may be code that is not ours.
        let waker = waker.clone();
        // Nothing changes for the messages that come, so the next of them needs no look for this.
        let (parked, unused) = self.enter().park_at_end(gauge, ticket, waker);
        if let Some(waker) = unused {
            contain(|| drop(waker));
        }
        parked
    }

    /// A reader has moved on, and stored its position.
    #[inline]
    pub(crate) fn passed(&self, gauge: &Gauge) {
        if !self.waits() {
            return;
        }
        // Pairs with the fence in `poll_room`.
        gauge.fence();
        if self.waiting.load(Ordering::SeqCst) {
            self.locked(State::wake_publisher);
        }
    }

    /// What comes is in other segments than this message.
    pub(crate) fn end_segment(&self, offset: Offset) {
        self.locked(|state, _| state.end_segment(offset.0));
    }

    /// The offset of the next message.
    pub(crate) fn end(&self) -> Offset {
        Offset(self.locked(|state, _| state.tail()))
    }

    /// One reader's numbers.
    pub(crate) fn reader_stats(&self, gauge: &Gauge) -> SubscriberStats {
        self.locked(|state, _| gauge.stats(state.tail()))
    }

    // Groups; what their members do is in `member`.

    /// Whether a reader could start there.
    pub(crate) fn check_start(&self, start: Start) -> Result<(), JoinError> {
        let (now, start) = (self.now(), self.start(start));
        self.locked(|state, after| state.resolve(start, now, after).map(drop))
    }

    /// The rules of the group of this name.
    pub(crate) fn group_rules(&self, name: &str) -> Option<Rules> {
        self.locked(|state, _| state.group_rules(name))
    }

    /// Forgets a group. Returns whether there was one.
    pub(crate) fn delete_group(&self, name: &str) -> bool {
        self.locked(|state, after| state.delete_group(name, after))
    }

    // Administration.

    /// `None` once the topic is deleted.
    pub(crate) fn stats(&self) -> Option<TopicStats> {
        let now = self.now();
        let mut stats = self.locked(|state, after| state.stats(now, after))?;
        stats.rejected = self.hot.0.rejected.load(Ordering::Relaxed);
        Some(stats)
    }

    /// No more messages; readers drain. What nobody reads still expires.
    pub(crate) fn close(&self) {
        self.finish(Phase::Closed);
    }

    /// As `close`, and ends the topic's tasks, since its broker is gone.
    pub(crate) fn abandon(&self) {
        self.close();
        self.stop_sweepers();
    }

    /// No more messages, and none left.
    pub(crate) fn delete(&self) {
        self.finish(Phase::Deleted);
        self.stop_sweepers();
    }

    fn finish(&self, phase: Phase) {
        self.locked(|state, after| {
            if state.end(phase, after) {
                self.ended.store(true, Ordering::Release);
            }
        });
        self.stop_forgetting();
    }
}

impl<P> Drop for Topic<P> {
    fn drop(&mut self) {
        self.stop_sweepers();
    }
}

impl<P> fmt::Debug for Topic<P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Topic").field("name", &self.name).finish_non_exhaustive()
    }
}
