//! One reader of a topic: where it stands, and the segment it reads from.
//!
//! It reads without a lock where there is something to read, and never waits by itself.

use std::sync::Arc;
use std::task::Waker;

use super::segment::{Segment, Slot, SlotRef};
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
    /// Its key among the topic's readers.
    key: usize,
    /// Its counters, which the topic's statistics show.
    gauge: Arc<Gauge>,
    /// The offset it reads next, as in `gauge`.
    position: u64,
    /// Where it read last. Not kept while it is parked, so that an idle reader holds nothing.
    segment: Option<Arc<Segment<P>>>,
    ticket: Ticket,
}

/// What there is at a cursor's position.
pub(crate) enum Next<P> {
    /// A message, which is now passed.
    Message(SlotRef<P>),
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
        let (key, gauge) = topic.join(start)?;
        let position = gauge.position();
        Ok(Self { topic, key, gauge, position, segment: None, ticket: Ticket::default() })
    }

    pub(crate) fn topic(&self) -> &Arc<Topic<P>> {
        &self.topic
    }

    /// Takes the next message, if there is one.
    pub(crate) fn next(&mut self) -> Next<P> {
        self.take(None)
    }

    /// Takes the next message, and parks the reader where there is none.
    pub(crate) fn next_or_park(&mut self, waker: &Waker) -> Next<P> {
        self.take(Some(waker))
    }

    fn take(&mut self, waker: Option<&Waker>) -> Next<P> {
        // They differ where the last look ended in a panic of what it dropped.
        self.position = self.gauge.position();
        loop {
            if let Some(next) = self.read(waker.is_some()) {
                return next;
            }
            let park = waker.map(|waker| (&mut self.ticket, waker));
            let found = self.topic.find(&self.gauge, park);
            self.segment = None;
            match found {
                Found::Segment(segment) => self.segment = Some(segment),
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

    /// Reads without a lock. `None` says to look under it.
    fn read(&mut self, park: bool) -> Option<Next<P>> {
        if self.topic.overtaken(self.position) {
            return None;
        }
        let segment = self.segment.as_ref()?;
        match segment.slot(self.position) {
            Slot::Set(entry) if self.topic.expired(entry.at) => None,
            Slot::Set(_) => {
                let slot = SlotRef::of(segment, self.position);
                self.position += 1;
                self.gauge.passed(self.position);
                self.topic.passed();
                Some(Next::Message(slot))
            }
            Slot::NotYet if park || self.topic.ended() => None,
            Slot::NotYet => Some(Next::Nothing),
            Slot::Elsewhere => None,
        }
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
        self.segment = None;
        Ok(position)
    }

    pub(crate) fn stats(&self) -> SubscriberStats {
        self.topic.reader_stats(&self.gauge)
    }
}

impl<P: Send + Sync + 'static> Drop for Cursor<P> {
    fn drop(&mut self) {
        self.topic.leave(self.key, &mut self.ticket);
    }
}
