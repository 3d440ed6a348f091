//! The way out: every message from a start on.

use std::fmt;
use std::task::{Context, Poll};

use super::ReadEnd;
use crate::options::Start;
use crate::position::{Offset, Partition, Timestamp};
use crate::record::Record;

/// A reader of its own, which is given every message from its start on. Dropped, it is forgotten.
pub trait RemoteReader: fmt::Debug + Send + Sync + 'static {
    /// The offset it begins at, as its start was resolved.
    fn start(&self) -> Offset;

    /// Adds the next messages, `max` at most, with rising offsets. `Ready(Ok)` comes with one message
    /// at least. It only moves messages that are here; `Pending` says that `cx` is woken when there
    /// are some, or the end is known.
    ///
    /// Offsets that are missing are told by those that follow: memq says `Lagged`.
    ///
    /// The same reader may be polled with another waker at any time; the last one counts. memq polls
    /// it with one that does nothing where it does not want to wait, so that this must not ask the
    /// system and throw the answer away with the waker.
    ///
    /// # Errors
    ///
    /// [`ReadEnd::Closed`] only after the last message, and [`Fault::Deleted`](super::Fault::Deleted)
    /// as soon as it is known, whatever is left. Once either was said it is said again.
    ///
    /// # Cancel safety
    ///
    /// What was added is the caller's, and nothing else is lost by polling no more.
    fn poll_next(
        &mut self,
        max: usize,
        into: &mut Vec<Incoming>,
        cx: &mut Context<'_>,
    ) -> Poll<Result<(), ReadEnd>>;

    /// The offset of the topic's next message, as it was last heard, for statistics: it may be behind,
    /// and is never ahead.
    fn end(&self) -> Offset;

    /// The offset it goes on at where the topic was set back to an older copy of itself: what it gave from there
    /// on is lost, and other messages have these offsets now. That is told by a
    /// [`Fault::Unavailable`](super::Fault::Unavailable), after each of which memq asks, and said once.
    fn set_back(&mut self) -> Option<Offset> {
        None
    }
}

/// A message that came from where its topic is kept.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Incoming {
    /// Where it is in its topic.
    pub offset: Offset,
    /// When it was stored. Does not decrease along a topic.
    pub at: Timestamp,
    /// The partition it belongs to; 0 where there is one.
    pub partition: Partition,
    /// Its bytes, and how they are encoded; version and fingerprint; key and headers.
    pub record: Record,
}

impl Incoming {
    /// A message of partition 0.
    #[must_use]
    pub fn new(offset: Offset, at: Timestamp, record: Record) -> Self {
        Self { offset, at, partition: Partition(0), record }
    }
}

/// What a reader is to read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct ReaderRequest {
    /// Where it begins; never [`Start::Committed`]. One that the back end does not know is refused, as
    /// [`OpenFault::Option`](super::OpenFault::Option), and never guessed at.
    pub start: Start,
}

impl ReaderRequest {
    /// Everything from this start on.
    #[must_use]
    pub fn from(start: impl Into<Start>) -> Self {
        Self { start: start.into() }
    }
}
