//! A reader's place in a topic that is kept elsewhere, and what has come from there.
//!
//! What comes in one run is put into a segment of its own, no larger than one of the log, so that
//! messages are read and held as if the log were here.

use std::fmt;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use super::{moved, received};
use crate::engine::log::{SEGMENT_BYTES, SLOTS};
use crate::engine::offer::Entry;
use crate::engine::segment::{EntryRef, Lane, Slot};
use crate::engine::stats::SubscriberStats;
use crate::error::{LagReason, RecvError, SeekError};
use crate::name::TopicName;
use crate::options::Start;
use crate::position::Offset;
use crate::record::{Body, Record};
use crate::spi::{Fault, Incoming, ReadEnd, ReaderRequest, RemoteReader, RemoteTopic};

/// A reader of its own, which is told what it missed by the gaps between offsets.
pub(crate) struct Cursor<P> {
    /// Tells it from others of this process.
    id: u64,
    topic: Arc<dyn RemoteTopic>,
    reader: Box<dyn RemoteReader>,
    /// What came and is in no segment yet.
    arrived: Vec<Incoming>,
    /// What is read from. Not kept while there is nothing in it.
    lane: Option<Lane<P>>,
    /// The offset after the last one in there.
    ready: u64,
    /// The offset it reads next.
    position: u64,
    /// Where it started.
    start: u64,
    filtered: u64,
    skipped: u64,
    /// What it had passed and the topic has no more, as that was set back.
    lost: u64,
}

impl<P> Cursor<P> {
    pub(crate) fn new(id: u64, topic: Arc<dyn RemoteTopic>, reader: Box<dyn RemoteReader>) -> Self {
        let (start, arrived) = (reader.start().0, Vec::new());
        let (position, ready, filtered, skipped, lost) = (start, start, 0, 0, 0);
        let lane = None;
        Self { id, topic, reader, arrived, lane, ready, position, start, filtered, skipped, lost }
    }

    /// The next message, which is then passed: [`last`](Self::last) has it. `arrive` makes of its
    /// bytes what a slot holds.
    pub(crate) fn poll(
        &mut self,
        cx: &mut Context<'_>,
        mut arrive: impl FnMut(Body) -> P,
    ) -> Poll<Result<Offset, RecvError>> {
        while self.position == self.ready {
            let Some(first) = self.arrived.first().map(|first| first.offset.0) else {
                self.lane = None;
                match ready!(self.reader.poll_next(SLOTS, &mut self.arrived, cx)) {
                    Ok(()) => continue,
                    Err(end) => return Poll::Ready(Err(self.ended(end))),
                }
            };
            if first > self.position {
                return Poll::Ready(Err(self.lagged(first, LagReason::Removed)));
            }
            self.load(&mut arrive);
        }
        let expired = self.expired();
        if expired > 0 {
            return Poll::Ready(Err(self.lagged(self.position + expired, LagReason::Expired)));
        }
        let offset = Offset(self.position);
        self.position += 1;
        Poll::Ready(Ok(offset))
    }

    /// Puts what came into a segment, up to the next gap.
    fn load(&mut self, arrive: &mut impl FnMut(Body) -> P) {
        // A reader that was connected again may begin with what it had already.
        let known = self.arrived.iter().take_while(|message| message.offset.0 < self.position);
        drop(self.arrived.drain(..known.count()));
        let mut bytes = 0;
        let follows = |(message, offset): &(&Incoming, u64)| {
            let fits = bytes < SEGMENT_BYTES;
            bytes += message.record.body.bytes.len();
            fits && message.offset.0 == *offset
        };
        let count = self.arrived.iter().zip(self.position..).take_while(follows).count();
        if count == 0 {
            return;
        }
        let run = self.arrived.drain(..count).map(|message| {
            let Incoming { at, partition, record: Record { body, meta }, .. } = message;
            let size = body.bytes.len();
            (Entry::new(arrive(body), meta, size).placed(0, partition.0), at)
        });
        self.lane = Some(Lane::of_run(Offset(self.position), run));
        self.ready = self.position + count as u64;
    }

    /// How many of the next messages here have expired since they came.
    fn expired(&self) -> u64 {
        let (Some(until), Some(lane)) = (self.topic.expired(), &self.lane) else { return 0 };
        let over = |at: &u64| matches!(lane.slot(*at), Slot::Set(entry) if entry.at() <= until);
        (self.position..self.ready).take_while(over).count() as u64
    }

    /// What lies before this offset is gone.
    fn lagged(&mut self, offset: u64, reason: LagReason) -> RecvError {
        let skipped = offset - self.position;
        (self.position, self.ready) = (offset, self.ready.max(offset));
        self.skipped += skipped;
        RecvError::Lagged { skipped, reason }
    }

    fn ended(&mut self, end: ReadEnd) -> RecvError {
        match end {
            // What is missing at the end is followed by nothing that would tell it.
            ReadEnd::Closed if self.reader.end().0 > self.position => {
                self.lagged(self.reader.end().0, LagReason::Removed)
            }
            ReadEnd::Fault(Fault::Unavailable(_)) => {
                if let Some(back) = self.reader.set_back() {
                    self.lost += self.position.saturating_sub(back.0);
                    self.position = self.position.min(back.0);
                    self.ready = self.position;
                }
                received(end)
            }
            end => received(end),
        }
    }

    /// The message taken last, and where it is; until the next look.
    pub(crate) fn last(&self) -> (&Lane<P>, EntryRef<'_, P>) {
        if let Some(lane) = &self.lane {
            if let Slot::Set(entry) = lane.slot(self.position.wrapping_sub(1)) {
                return (lane, entry);
            }
        }
        unreachable!("asked for the last message after another look")
    }

    /// Counts the message taken last as filtered and not as delivered.
    pub(crate) fn filtered(&mut self) {
        self.filtered += 1;
    }

    pub(crate) fn position(&self) -> Offset {
        Offset(self.position)
    }

    /// The offset of the topic's next message, as far as it is known here.
    pub(crate) fn end(&self) -> Offset {
        let arrived = self.arrived.last().map_or(0, |last| last.offset.0 + 1);
        Offset(self.reader.end().0.max(self.ready).max(arrived))
    }

    pub(crate) fn topic(&self) -> &TopicName {
        self.topic.name()
    }

    /// Moves: another reader takes the place of this one.
    pub(crate) async fn seek(&mut self, start: Start) -> Result<Offset, SeekError> {
        let reader = self.topic.reader(ReaderRequest::from(start)).await.map_err(moved)?;
        *self = Self::new(self.id, self.topic.clone(), reader);
        Ok(self.position())
    }

    pub(crate) fn stats(&self) -> SubscriberStats {
        let Self { position, start, filtered, skipped, lost, .. } = *self;
        let end = self.end().0;
        let mut stats = SubscriberStats::at(self.id, Offset(position));
        stats.since_start = end + lost - start;
        stats.delivered = position + lost - start - filtered - skipped;
        (stats.filtered, stats.skipped, stats.lag) = (filtered, skipped, end - position);
        stats
    }
}

impl<P> fmt::Debug for Cursor<P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Cursor")
            .field("reader", &self.reader)
            .field("position", &self.position)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
#[cfg(not(memq_loom))]
mod tests;
