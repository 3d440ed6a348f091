//! One reader of a topic: where it stands, and the segment it reads from.
//!
//! It reads without a lock where there is something to read, and never waits by itself.

use std::sync::Arc;
use std::task::Waker;

use super::segment::{EntryRef, Lane, Slot};
use super::state::{Found, JoinError};
use super::stats::{Gauge, SubscriberStats};
use super::topic::Topic;
use super::wake::Ticket;
use crate::error::LagReason;
use crate::options::Start;
use crate::position::Offset;

/// A reader of its own, which sees every message from its start on.
pub(crate) struct Cursor<P: Send + Sync + 'static> {
    topic: Arc<Topic<P>>,
    /// Its counters, which the topic's statistics show.
    gauge: Arc<Gauge>,
    /// The offset it reads next, as in `gauge`.
    position: u64,
    /// Where it read last. An idle reader holds nothing by that, or what the log ends with, which the next
    /// message wakes it for.
    lane: Option<Lane<P>>,
    ticket: Ticket,
}

/// What there is at a cursor's position.
pub(crate) enum Next {
    /// The message of this offset, which is now passed: [`Cursor::last`] has it.
    Message(Offset),
    /// Nothing; more may come.
    Nothing,
    /// Retention took messages; the position is past them.
    Lagged {
        skipped: u64,
        reason: LagReason,
    },
    Closed,
    Deleted,
}

impl<P: Send + Sync + 'static> Cursor<P> {
    pub(crate) fn new(topic: Arc<Topic<P>>, start: Start) -> Result<Self, JoinError> {
        let gauge = topic.join(start)?;
        let position = gauge.position();
        Ok(Self { topic, gauge, position, lane: None, ticket: Ticket::default() })
    }

    pub(crate) fn topic(&self) -> &Arc<Topic<P>> {
        &self.topic
    }

    /// Takes the next message, if there is one.
    pub(crate) fn next(&mut self) -> Next {
        self.take(None)
    }

    /// Takes the next message, and parks the reader where there is none.
    pub(crate) fn next_or_park(&mut self, waker: &Waker) -> Next {
        self.take(Some(waker))
    }

    /// Takes the next message, if it is to be had without a look under the lock.
    #[inline]
    pub(crate) fn next_at_once(&mut self) -> Option<Offset> {
        match self.read(true) {
            Some(Next::Message(offset)) => Some(offset),
            _ => None,
        }
    }

    fn take(&mut self, waker: Option<&Waker>) -> Next {
        loop {
            if let Some(next) = self.read(waker.is_some()) {
                return next;
            }
            if self.follow() {
                continue;
            }
            // Its segment stays, where it goes on.
            if waker.is_some_and(|waker| self.topic.park(&self.gauge, &mut self.ticket, waker)) {
                return Next::Nothing;
            }
            let park = waker.map(|waker| (&mut self.ticket, waker));
            let found = self.topic.find(&self.gauge, park);
            self.lane = None;
            match found {
                Found::Segment(segment) => self.lane = Some(Lane::new(segment)),
                Found::Nothing => return Next::Nothing,
                Found::Lagged { skipped, reason } => {
                    self.position += skipped;
                    return Next::Lagged { skipped, reason };
                }
                Found::Closed => return Next::Closed,
                Found::Deleted => return Next::Deleted,
            }
        }
    }

    /// Reads without a lock. `None` says to look under it. Called out of line, it would cost a receive
    /// twenty instructions.
    #[inline(always)]
    fn read(&mut self, park: bool) -> Option<Next> {
        if self.topic.overtaken(self.position) {
            return None;
        }
        let lane = self.lane.as_ref()?;
        match lane.slot(self.position) {
            Slot::Set(entry) if self.topic.expired(&entry) => None,
            Slot::Set(_) => {
                let offset = Offset(self.position);
                self.position += 1;
                self.gauge.passed(self.position);
                Some(Next::Message(offset))
            }
            Slot::NotYet if park || self.topic.ended() => None,
            Slot::NotYet => Some(Next::Nothing),
            Slot::Elsewhere => None,
        }
    }

    /// Goes on in the segment that follows, where that needs no look under the lock: publishers hold it
    /// while they store a batch. Returns whether it did.
    fn follow(&mut self) -> bool {
        if !self.topic.lets_pass() || self.topic.overtaken(self.position) {
            return false;
        }
        let Some(next) = self.lane.as_ref().and_then(|lane| lane.next(self.position)) else {
            return false;
        };
        self.lane = Some(Lane::new(next));
        true
    }

    /// Takes messages that follow the last one in its segment, `most` at most, and says from which offset
    /// on and how many. Where that is none, [`next`](Self::next) says what there is.
    ///
    /// They are younger than that one, and were there when it was taken or came since: what was just found
    /// of it, that it is kept and has not expired, holds for them.
    #[inline]
    pub(crate) fn take_run(&mut self, most: usize) -> (u64, usize) {
        let first = self.position;
        let count = self.lane.as_ref().map_or(0, |lane| lane.run(first, most));
        if count > 0 {
            self.position += count as u64;
            self.gauge.passed(self.position);
        }
        (first, count)
    }

    /// Lets publishers know that messages were passed; to be called after each, or after a run.
    #[inline]
    pub(crate) fn passed(&self) {
        self.topic.passed(&self.gauge);
    }

    /// The message taken last, and where it is; until the next look.
    #[inline]
    pub(crate) fn last(&self) -> (&Lane<P>, EntryRef<'_, P>) {
        if let Some(lane) = &self.lane {
            if let Slot::Set(entry) = lane.slot(self.position.wrapping_sub(1)) {
                return (lane, entry);
            }
        }
        unreachable!("asked for the last message after another look")
    }

    /// Counts the message taken last as filtered and not as delivered.
    pub(crate) fn filtered(&self) {
        self.gauge.filtered();
    }

    pub(crate) fn position(&self) -> Offset {
        Offset(self.position)
    }

    /// The offset of the topic's next message.
    pub(crate) fn end(&self) -> Offset {
        self.topic.end()
    }

    pub(crate) fn seek(&mut self, start: Start) -> Result<Offset, JoinError> {
        let position = self.topic.seek(&self.gauge, start)?;
        self.position = position.0;
        self.lane = None;
        Ok(position)
    }

    pub(crate) fn stats(&self) -> SubscriberStats {
        self.topic.reader_stats(&self.gauge)
    }
}

impl<P: Send + Sync + 'static> Drop for Cursor<P> {
    fn drop(&mut self) {
        self.topic.leave(&self.gauge, &mut self.ticket);
    }
}
