//! What a subscriber receives: a message, or a batch of them.

use std::fmt;
use std::ops::Deref;

use crate::codec::form::{Form, Reader, Take};
use crate::engine::offer::Entry;
use crate::engine::segment::{EntryRef, Lane, Segment, SlotRef};
use crate::error::DecodeError;
use crate::headers::Headers;
use crate::key::Key;
use crate::payload::Payload;
use crate::position::{Offset, Partition, Timestamp};
use crate::record::{Meta, Record};

pub(crate) type Stored<T> = <<T as Payload>::Form as Form<T>>::Stored;
pub(crate) type Opened<T> = <<T as Payload>::Form as Form<T>>::Opened;
/// What a handle holds where its topic is kept elsewhere; see [`Form::Far`].
pub(crate) type Far<T, R> = <<T as Payload>::Form as Form<T>>::Far<R>;

/// A message that came from where its topic is kept, as a log here would have it.
pub(crate) fn arrived<T: Payload, R: Send + Sync + Unpin + 'static>(
    record: Record,
    partition: Partition,
    far: &Far<T, R>,
) -> Entry<Stored<T>> {
    let Record { body, meta } = record;
    let key = Meta::key(meta.as_ref()).as_ref().map_or(0, Key::hash64);
    let size = body.bytes.len() + Meta::bytes(meta.as_ref());
    Entry::new(T::Form::arrive(body, far), meta, size).placed(key, partition.0)
}

/// The key that a message is kept by, which its value has where nothing else was said of it.
pub(crate) fn key_of<'a, T: Payload>(
    entry: &EntryRef<'a, Stored<T>>,
    value: &'a T,
) -> Option<Key<'a>> {
    let of_value = || if entry.key() == 0 { None } else { value.key_of() };
    Meta::key(entry.meta()).or_else(of_value)
}

/// What a reader makes of a message.
#[inline]
pub(crate) fn open<T: Payload>(
    entry: EntryRef<'_, Stored<T>>,
    reader: &Reader<T>,
) -> Result<Opened<T>, DecodeError> {
    match T::Form::opened() {
        Some(opened) => Ok(opened()),
        None => T::Form::open(entry.payload, entry.meta(), reader),
    }
}

/// A message of a topic; dereferences to the value.
///
/// A native message borrows the value in the log, which all its readers share. Whatever the
/// format, a message keeps the stretch of the log alive that it is in, up to 256 messages or
/// about 1 MiB, also after retention has removed it: to keep a value for long, take it out with
/// [`into_inner`](Self::into_inner).
///
/// ```
/// # use memq::{Broker, Topic};
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), memq::Error> {
/// #[derive(Topic)]
/// #[topic(name = "frames")]
/// struct Frame { #[topic(key)] camera: u8, pixels: Vec<u8> }
///
/// let broker = Broker::new();
/// let frames = broker.publisher::<Frame>().await?;
/// let mut incoming = broker.subscriber::<Frame>().await?;
///
/// frames.publish(Frame { camera: 3, pixels: vec![0; 64] }).header("trace", "4bf92f").await?;
///
/// let frame = incoming.recv().await?;
/// assert_eq!(frame.pixels.len(), 64);
/// assert_eq!(frame.offset().0, 0);
/// assert_eq!(frame.key(), Some("3".into()));
/// assert_eq!(frame.headers().get("trace"), Some("4bf92f"));
/// # Ok(())
/// # }
/// ```
pub struct Message<T: Payload> {
    slot: SlotRef<Stored<T>>,
    opened: Opened<T>,
}

impl<T: Payload> Message<T> {
    pub(crate) fn new(slot: SlotRef<Stored<T>>, opened: Opened<T>) -> Self {
        Self { slot, opened }
    }

    fn borrow(&self) -> MessageRef<'_, T> {
        MessageRef { offset: self.slot.offset(), entry: self.slot.entry(), opened: &self.opened }
    }

    /// Where the message is in its topic.
    #[must_use]
    pub fn offset(&self) -> Offset {
        self.slot.offset()
    }

    /// The key that the log goes by: the one given on publishing, or else the one the type takes from the
    /// value. Of bytes it is the one given, or none: nobody looks into them.
    #[must_use]
    pub fn key(&self) -> Option<Key<'_>> {
        self.borrow().key()
    }

    /// The headers given on publishing.
    #[must_use]
    pub fn headers(&self) -> &Headers {
        Meta::headers(self.slot.entry().meta())
    }

    /// The partition it belongs to; 0 where there is one.
    #[must_use]
    pub fn partition(&self) -> Partition {
        Partition(self.slot.entry().partition())
    }

    /// When the message was stored; see [`Timestamp`] for how exactly.
    #[must_use]
    pub fn published_at(&self) -> Timestamp {
        self.slot.entry().at()
    }

    /// The value alone. A native one is cloned, since other readers share it; every other is
    /// this reader's own and is moved.
    ///
    /// In generic code the bound is `<T as Payload>::Form: codec::Take<T>`.
    #[must_use]
    pub fn into_inner(self) -> T
    where
        T::Form: Take<T>,
    {
        <T::Form as Take<T>>::take(self.slot.entry().payload, self.opened)
    }
}

impl<T: Payload> Deref for Message<T> {
    type Target = T;

    fn deref(&self) -> &T {
        T::Form::get(self.slot.entry().payload, &self.opened)
    }
}

/// The same message; a native value is not copied.
impl<T: Payload> Clone for Message<T>
where
    Opened<T>: Clone,
{
    fn clone(&self) -> Self {
        Self { slot: self.slot.clone(), opened: self.opened.clone() }
    }
}

impl<T: Payload + fmt::Debug> fmt::Debug for Message<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.borrow(), f)
    }
}

/// A message that is read where it is: inside a [`Batch`], or lent by
/// [`recv_ref`](crate::Subscriber::recv_ref); dereferences to the value.
pub struct MessageRef<'a, T: Payload> {
    offset: Offset,
    entry: EntryRef<'a, Stored<T>>,
    opened: &'a Opened<T>,
}

impl<T: Payload> Clone for MessageRef<'_, T> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T: Payload> Copy for MessageRef<'_, T> {}

impl<'a, T: Payload> MessageRef<'a, T> {
    pub(crate) fn new(
        offset: Offset,
        entry: EntryRef<'a, Stored<T>>,
        opened: &'a Opened<T>,
    ) -> Self {
        Self { offset, entry, opened }
    }

    /// Where the message is in its topic.
    #[must_use]
    pub fn offset(&self) -> Offset {
        self.offset
    }

    /// The key that the log goes by: the one given on publishing, or else the one the type takes from the
    /// value. Of bytes it is the one given, or none: nobody looks into them.
    #[must_use]
    pub fn key(&self) -> Option<Key<'a>> {
        key_of(&self.entry, self.get())
    }

    /// The headers given on publishing.
    #[must_use]
    pub fn headers(&self) -> &'a Headers {
        Meta::headers(self.entry.meta())
    }

    /// The partition it belongs to; 0 where there is one.
    #[must_use]
    pub fn partition(&self) -> Partition {
        Partition(self.entry.partition())
    }

    /// When the message was stored; see [`Timestamp`] for how exactly.
    #[must_use]
    pub fn published_at(&self) -> Timestamp {
        self.entry.at()
    }

    /// The value, for as long as what it was read from.
    #[must_use]
    pub fn get(&self) -> &'a T {
        T::Form::get(self.entry.payload, self.opened)
    }
}

impl<T: Payload> Deref for MessageRef<'_, T> {
    type Target = T;

    fn deref(&self) -> &T {
        self.get()
    }
}

impl<T: Payload + fmt::Debug> fmt::Debug for MessageRef<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut message = f.debug_struct("Message");
        message.field("offset", &self.offset.0);
        if !T::SHOWS_META {
            message.field("key", &self.key()).field("headers", self.headers());
        }
        message.field("value", self.get()).finish()
    }
}

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
        let run = self.runs.partition_point(|run| run.begin <= index).checked_sub(1)?;
        let run = self.runs.get(run)?;
        let offset = run.offset(index);
        Some(MessageRef { offset: Offset(offset), entry: run.lane.get(offset)?, opened })
    }

    /// The messages, borrowed.
    pub fn iter(&self) -> BatchIter<'_, T> {
        BatchIter { batch: self, run: 0, next: 0, end: 0, at: None }
    }
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
        let opened = self.batch.opened.get(self.next)?;
        let (segment, offset) = self.at.as_mut()?;
        let message = MessageRef { offset: Offset(*offset), entry: segment.get(*offset)?, opened };
        *offset += 1;
        self.next += 1;
        Some(message)
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        let left = self.batch.len() - self.next;
        (left, Some(left))
    }
}

impl<T: Payload> ExactSizeIterator for BatchIter<'_, T> {}

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

impl<T: Payload> ExactSizeIterator for BatchIntoIter<T> {}

/// Taken apart, each message holds a reference of its own.
impl<T: Payload> IntoIterator for Batch<T> {
    type Item = Message<T>;
    type IntoIter = BatchIntoIter<T>;

    fn into_iter(self) -> BatchIntoIter<T> {
        BatchIntoIter { runs: self.runs, opened: self.opened.into_iter(), run: 0, next: 0 }
    }
}
