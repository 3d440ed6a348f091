//! Messages that were received together.

use std::fmt;
use std::iter::FusedIterator;

use super::{Message, MessageRef, Opened, Stored};
use crate::engine::segment::{Lane, Segment, SlotRef};
use crate::payload::Payload;
use crate::position::Offset;

/// Messages received together, in the order of their offsets.
///
/// It holds one reference for each stretch of the log, not one for each message.
///
/// ```
/// # use memq::{Broker, Topic};
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), memq::Error> {
/// # #[derive(Topic)]
/// # #[topic(name = "numbers")]
/// # struct Number(u64);
/// # let broker = Broker::new();
/// # let numbers = broker.publisher::<Number>().await?;
/// # let mut incoming = broker.subscriber::<Number>().await?;
/// numbers.publish_batch((0..10).map(Number)).await?;
///
/// let batch = incoming.recv_batch(100).await?;
/// assert_eq!(batch.len(), 10);
/// for number in &batch {
///     assert_eq!(number.0, number.offset().0);
/// }
/// # Ok(())
/// # }
/// ```
pub struct Batch<T: Payload> {
    runs: Vec<Run<Stored<T>>>,
    /// What was made of each message.
    opened: Vec<Opened<T>>,
}

/// Bytes that a batch begins with at most.
const FIRST_BYTES: usize = 2_048;

/// Messages of a batch that follow each other in one stretch of the log.
struct Run<P> {
    lane: Lane<P>,
    /// The offset of the first.
    first: u64,
    /// Where the first is in the batch.
    begin: usize,
}

impl<P> Run<P> {
    /// The offset of a message of this run, by its place in the batch.
    fn offset(&self, index: usize) -> u64 {
        self.first + (index - self.begin) as u64
    }
}

impl<T: Payload> Batch<T> {
    pub(crate) fn new(max: usize) -> Self {
        // Most batches grow no further.
        let first = (FIRST_BYTES / size_of::<Opened<T>>().max(1)).max(1);
        Self { runs: Vec::new(), opened: Vec::with_capacity(max.min(first)) }
    }

    /// Adds the message of this offset, which is in this lane.
    #[inline]
    pub(crate) fn push(&mut self, lane: &Lane<Stored<T>>, offset: Offset, opened: Opened<T>) {
        self.extend(lane, offset.0, std::iter::once(opened));
    }

    /// Adds messages of this lane from this offset on.
    #[inline]
    pub(crate) fn extend(
        &mut self,
        lane: &Lane<Stored<T>>,
        first: u64,
        opened: impl Iterator<Item = Opened<T>>,
    ) {
        let begin = self.opened.len();
        let goes_on = |last: &Run<Stored<T>>| last.lane.is(lane) && last.offset(begin) == first;
        if !self.runs.last().is_some_and(goes_on) {
            self.runs.push(Run { lane: lane.clone(), first, begin });
        }
        self.opened.extend(opened);
    }

    /// The offset that follows its last message.
    pub(crate) fn end(&self) -> Offset {
        Offset(self.runs.last().map_or(0, |last| last.offset(self.opened.len())))
    }

    /// How many messages there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.opened.len()
    }

    /// Whether there are none, as in a batch of at most none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.opened.is_empty()
    }

    /// The message at this place in the batch.
    #[must_use]
    pub fn get(&self, index: usize) -> Option<MessageRef<'_, T>> {
        let opened = self.opened.get(index)?;
        let run = run_of(&self.runs, index)?;
        let offset = run.offset(index);
        Some(MessageRef { offset: Offset(offset), entry: run.lane.get(offset)?, opened })
    }

    /// The first message; `None` in an empty batch.
    #[must_use]
    pub fn first(&self) -> Option<MessageRef<'_, T>> {
        self.get(0)
    }

    /// The last message; `None` in an empty batch.
    #[must_use]
    pub fn last(&self) -> Option<MessageRef<'_, T>> {
        self.get(self.len().checked_sub(1)?)
    }

    /// The messages, borrowed.
    pub fn iter(&self) -> BatchIter<'_, T> {
        BatchIter { batch: self, opened: self.opened.iter(), run: 0, next: 0, end: 0, at: None }
    }
}

/// The run that the message at this place in the batch is in.
fn run_of<P>(runs: &[Run<P>], index: usize) -> Option<&Run<P>> {
    runs.get(runs.partition_point(|run| run.begin <= index).checked_sub(1)?)
}

/// The value at this place in the batch.
///
/// # Panics
///
/// Where there is none, as with a slice.
impl<T: Payload> std::ops::Index<usize> for Batch<T> {
    type Output = T;

    #[track_caller]
    fn index(&self, index: usize) -> &T {
        match self.get(index) {
            Some(message) => message.get(),
            None => panic!("message {index} of a batch of {}", self.len()),
        }
    }
}

impl<T: Payload + fmt::Debug> fmt::Debug for Batch<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self).finish()
    }
}

/// The messages of a [`Batch`], borrowed.
#[must_use = "iterators do nothing unless they are consumed"]
pub struct BatchIter<'a, T: Payload> {
    batch: &'a Batch<T>,
    /// Of those that are left.
    opened: std::slice::Iter<'a, Opened<T>>,
    /// The run after the one it is in, the next message, and where that run ends.
    run: usize,
    next: usize,
    end: usize,
    /// Where that run is, and the offset of the next message.
    at: Option<(&'a Segment<Stored<T>>, u64)>,
}

impl<T: Payload> BatchIter<'_, T> {
    /// Goes on to the next run.
    #[inline(never)]
    fn turn(&mut self) {
        let runs = &self.batch.runs;
        self.at = runs.get(self.run).map(|run| (&*run.lane, run.first));
        self.run += 1;
        self.end = runs.get(self.run).map_or(self.batch.len(), |next| next.begin);
    }
}

impl<T: Payload> fmt::Debug for BatchIter<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BatchIter").field("left", &self.len()).finish_non_exhaustive()
    }
}

impl<'a, T: Payload> Iterator for BatchIter<'a, T> {
    type Item = MessageRef<'a, T>;

    #[inline]
    fn next(&mut self) -> Option<Self::Item> {
        if self.next == self.end {
            self.turn();
        }
        let opened = self.opened.next()?;
        let (segment, offset) = self.at.as_mut()?;
        let message = MessageRef { offset: Offset(*offset), entry: segment.get(*offset)?, opened };
        *offset += 1;
        self.next += 1;
        Some(message)
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        self.opened.size_hint()
    }
}

impl<T: Payload> DoubleEndedIterator for BatchIter<'_, T> {
    fn next_back(&mut self) -> Option<Self::Item> {
        self.opened.next_back()?;
        self.batch.get(self.next + self.opened.len())
    }
}

impl<T: Payload> ExactSizeIterator for BatchIter<'_, T> {}

impl<T: Payload> FusedIterator for BatchIter<'_, T> {}

impl<'a, T: Payload> IntoIterator for &'a Batch<T> {
    type Item = MessageRef<'a, T>;
    type IntoIter = BatchIter<'a, T>;

    fn into_iter(self) -> BatchIter<'a, T> {
        self.iter()
    }
}

/// The messages of a [`Batch`], each on its own.
#[must_use = "iterators do nothing unless they are consumed"]
pub struct BatchIntoIter<T: Payload> {
    runs: Vec<Run<Stored<T>>>,
    opened: std::vec::IntoIter<Opened<T>>,
    /// What the message before the next is in.
    run: usize,
    next: usize,
}

impl<T: Payload> fmt::Debug for BatchIntoIter<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BatchIntoIter").field("left", &self.opened.len()).finish_non_exhaustive()
    }
}

impl<T: Payload> Iterator for BatchIntoIter<T> {
    type Item = Message<T>;

    #[inline]
    fn next(&mut self) -> Option<Message<T>> {
        let opened = self.opened.next()?;
        if self.runs.get(self.run + 1).is_some_and(|next| next.begin <= self.next) {
            self.run += 1;
        }
        let run = self.runs.get(self.run)?;
        let slot = SlotRef::of(&run.lane, Offset(run.offset(self.next)));
        self.next += 1;
        Some(Message::new(slot, opened))
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        self.opened.size_hint()
    }
}

impl<T: Payload> DoubleEndedIterator for BatchIntoIter<T> {
    fn next_back(&mut self) -> Option<Message<T>> {
        let opened = self.opened.next_back()?;
        let index = self.next + self.opened.len();
        let run = run_of(&self.runs, index)?;
        Some(Message::new(SlotRef::of(&run.lane, Offset(run.offset(index))), opened))
    }
}

impl<T: Payload> ExactSizeIterator for BatchIntoIter<T> {}

impl<T: Payload> FusedIterator for BatchIntoIter<T> {}

/// Taken apart, each message holds a reference of its own.
impl<T: Payload> IntoIterator for Batch<T> {
    type Item = Message<T>;
    type IntoIter = BatchIntoIter<T>;

    fn into_iter(self) -> BatchIntoIter<T> {
        BatchIntoIter { runs: self.runs, opened: self.opened.into_iter(), run: 0, next: 0 }
    }
}
