//! What readers of their own do with a topic.

use std::sync::Arc;
use std::task::Waker;

use super::{Found, JoinError, Phase, State, change};
use crate::engine::after::After;
use crate::engine::stats::Gauge;
use crate::engine::wake::{Ticket, Wake};
use crate::options::Start;
use crate::position::{Offset, Timestamp};

impl<P> State<P> {
    /// A new reader: its counters.
    pub(in crate::engine) fn join(
        &mut self,
        start: Start,
        now: Timestamp,
        after: &mut After<P>,
    ) -> Result<Arc<Gauge>, JoinError> {
        let position = self.resolve(start, now, after)?;
        let gauge = Arc::new(Gauge::new(self.reader_ids, position.0));
        self.reader_ids += 1;
        self.passed = 0;
        // The first reader gives back what lies before its start.
        self.wake_publisher(after);
        change(&mut self.readers, |readers| readers.push(gauge.clone()));
        Ok(gauge)
    }

    /// A reader goes away.
    pub(in crate::engine) fn leave(
        &mut self,
        gauge: &Gauge,
        ticket: &mut Ticket,
        after: &mut After<P>,
    ) {
        if let Ok(index) = self.readers.binary_search_by_key(&gauge.id(), |reader| reader.id()) {
            change(&mut self.readers, |readers| readers.remove(index));
        }
        // Without anybody nothing is passed.
        self.passed = 0;
        after.discard(self.parked.leave(ticket));
        self.free_passed(after);
        // It may have been the one that publishers waited for.
        self.wake_publisher(after);
    }

    /// Moves a reader.
    pub(in crate::engine) fn seek(
        &mut self,
        gauge: &Gauge,
        start: Start,
        now: Timestamp,
        after: &mut After<P>,
    ) -> Result<Offset, JoinError> {
        let position = self.resolve(start, now, after)?;
        gauge.restart(position.0);
        self.passed = 0;
        self.free_passed(after);
        self.wake_publisher(after);
        Ok(position)
    }

    /// Looks what there is for a reader, and counts what it missed.
    pub(in crate::engine) fn find(
        &mut self,
        gauge: &Gauge,
        now: Timestamp,
        after: &mut After<P>,
    ) -> Found<P> {
        if self.phase == Phase::Deleted {
            return Found::Deleted;
        }
        self.expire(now, after);
        self.free_passed(after);
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

    pub(in crate::engine) fn park_reader(
        &mut self,
        ticket: &mut Ticket,
        waker: Waker,
        after: &mut After<P>,
    ) {
        after.discard(self.parked.park(ticket, waker));
    }

    /// Parks a reader that has read all there is, while more may come. Gives back a waker that nobody needs:
    /// the one that was parked before, or this one where the reader was not parked.
    pub(in crate::engine) fn park_at_end(
        &mut self,
        gauge: &Gauge,
        ticket: &mut Ticket,
        waker: Waker,
    ) -> (bool, Option<Waker>) {
        if self.phase == Phase::Open && gauge.position() == self.log.tail() {
            (true, self.parked.park(ticket, waker))
        } else {
            (false, Some(waker))
        }
    }

    /// Whether readers are parked.
    #[inline]
    pub(in crate::engine) fn has_parked(&self) -> bool {
        !self.parked.is_empty()
    }

    /// Takes the parked readers out, to be woken.
    pub(in crate::engine) fn unpark_readers(&mut self) -> Wake {
        self.parked.wake_all()
    }

    pub(in crate::engine) fn resolve(
        &mut self,
        start: Start,
        now: Timestamp,
        after: &mut After<P>,
    ) -> Result<Offset, JoinError> {
        if self.phase == Phase::Deleted {
            return Err(JoinError::Deleted);
        }
        self.expire(now, after);
        self.free_passed(after);
        let end = Offset(self.log.tail());
        self.log
            .resolve(start, now)
            .map(Offset)
            .map_err(|requested| JoinError::BeyondEnd { requested: Offset(requested), end })
    }
}
