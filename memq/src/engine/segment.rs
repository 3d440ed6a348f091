//! A run of the log: slots that are set once and then only read. No lock, no retention.

use std::fmt;
use std::ops::Deref;
use std::sync::Arc;

use super::slots::{Slots, Writer, slots};
use super::sync::{AtomicBool, Ordering};
use crate::position::{Offset, Timestamp};
use crate::record::Meta;

/// A message in the log.
pub(crate) struct Entry<P> {
    pub(crate) payload: P,
    /// Key and headers.
    pub(crate) meta: Option<Arc<Meta>>,
    /// When it was stored; the log says.
    pub(crate) at: Timestamp,
    /// The hash of its key, for partitions and for the order within a key; 0 for none.
    pub(crate) key: u64,
    /// What it counts towards `max_bytes`.
    pub(crate) size: u32,
    /// Which partition it belongs to; [`ANY`] until it is stored, where nobody cares.
    pub(crate) partition: u16,
    /// Whether it borrows from a segment. Then it has one of its own, so that no segment can borrow
    /// from itself, or from one that borrows from it, and stay for ever.
    pub(crate) borrows: bool,
}

/// What a log decides by, before it takes a message.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Head {
    /// As in [`Entry`].
    pub(crate) size: u32,
    pub(crate) partition: u16,
    pub(crate) borrows: bool,
}

/// Messages that are offered to a log, one after the other. Each is made an entry once it is sure to
/// be stored; until then it is whole where it was.
pub(crate) trait Offer<P> {
    /// Of the next one; `None` where there is none.
    fn head(&self) -> Option<Head>;

    /// How many there are.
    fn len(&self) -> usize;

    /// The next one, which is stored now, in this partition and at this time. It runs under the
    /// topic's lock.
    ///
    /// # Panics
    ///
    /// Where there is none.
    fn accept(&mut self, partition: u16, at: Timestamp) -> Entry<P>;
}

/// A message that was made an entry before.
impl<P> Offer<P> for Option<Entry<P>> {
    fn head(&self) -> Option<Head> {
        let head = |&Entry { size, partition, borrows, .. }: &_| Head { size, partition, borrows };
        self.as_ref().map(head)
    }

    fn len(&self) -> usize {
        usize::from(self.is_some())
    }

    fn accept(&mut self, partition: u16, at: Timestamp) -> Entry<P> {
        match self.take() {
            Some(entry) => Entry { partition, at, ..entry },
            None => unreachable!("a message was stored twice"),
        }
    }
}

/// The partition of a message that goes to the next one in turn. There is none of this number.
pub(crate) const ANY: u16 = u16::MAX;

impl<P> Entry<P> {
    /// A message that is not stored yet, and so has no date. A size that does not fit into 32 bits is one that no topic takes.
    #[inline]
    pub(crate) fn new(payload: P, meta: Option<Arc<Meta>>, size: usize) -> Self {
        let size = u32::try_from(size).unwrap_or(u32::MAX);
        Self {
            payload,
            meta,
            at: Timestamp::default(),
            key: 0,
            size,
            partition: ANY,
            borrows: false,
        }
    }

    /// Gives the message a place: a hash of its key, and a partition.
    #[inline]
    pub(crate) fn placed(mut self, key: u64, partition: u16) -> Self {
        (self.key, self.partition) = (key, partition);
        self
    }
}

/// Consecutive messages. Its memory goes as a whole, when neither the log nor a reader holds it.
pub(crate) struct Segment<P> {
    /// The offset of the first slot.
    base: u64,
    slots: Slots<Entry<P>>,
    /// Whether slots that are not set will stay so, because the log went on in another segment.
    sealed: AtomicBool,
    /// Whether a message of another log borrows from it already, and counts it.
    lent: AtomicBool,
}

/// What a segment knows about an offset.
pub(crate) enum Slot<'a, P> {
    Set(&'a Entry<P>),
    /// Not published yet.
    NotYet,
    /// In another segment.
    Elsewhere,
}

impl<P> Segment<P> {
    /// One of so many slots, and what fills it.
    pub(super) fn new(base: u64, count: usize) -> (Writer<Entry<P>>, Self) {
        let (writer, slots) = slots(count);
        let (sealed, lent) = (AtomicBool::new(false), AtomicBool::new(false));
        (writer, Self { base, slots, sealed, lent })
    }

    #[inline]
    pub(crate) fn slot(&self, offset: u64) -> Slot<'_, P> {
        // One before `base` becomes one far beyond the end.
        let index = usize::try_from(offset.wrapping_sub(self.base)).unwrap_or(usize::MAX);
        match self.slots.get(index) {
            Some(entry) => Slot::Set(entry),
            // `sealed` is set before the next message is, so whoever waits for that one and finds
            // neither is told by it.
            None if index < self.slots.len() && !self.sealed.load(Ordering::Acquire) => {
                Slot::NotYet
            }
            None => Slot::Elsewhere,
        }
    }

    /// How many messages there are from this offset on, `most` at most.
    #[inline]
    pub(crate) fn run(&self, offset: u64, most: usize) -> usize {
        let index = usize::try_from(offset.wrapping_sub(self.base)).unwrap_or(usize::MAX);
        let end = index.saturating_add(most).min(self.slots.len());
        (index..end).take_while(|index| self.slots.get(*index).is_some()).count()
    }

    #[inline]
    pub(crate) fn get(&self, offset: u64) -> Option<&Entry<P>> {
        match self.slot(offset) {
            Slot::Set(entry) => Some(entry),
            Slot::NotYet | Slot::Elsewhere => None,
        }
    }

    pub(crate) fn seal(&self) {
        self.sealed.store(true, Ordering::Release);
    }
}

impl<P> fmt::Debug for Segment<P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Segment")
            .field("base", &self.base)
            .field("capacity", &self.slots.len())
            .finish_non_exhaustive()
    }
}

/// One reader's reference to a segment. Readers count theirs apart: a counter that all of them
/// change would go from core to core with each message.
pub(crate) struct Lane<P>(Arc<Reference<P>>);

struct Reference<P>(Arc<Segment<P>>);

impl<P> Lane<P> {
    pub(crate) fn new(segment: Arc<Segment<P>>) -> Self {
        Self(Arc::new(Reference(segment)))
    }

    /// Whether they are references of one reader to one segment.
    pub(crate) fn is(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}

/// What a group's member holds of the log: a reference to the segment of its last message, so that
/// it need not make one for each.
pub(crate) struct Lanes<P> {
    last: Option<Lane<P>>,
    /// The one before. It may be all that keeps a segment, so it goes once the lock is released.
    former: Option<Lane<P>>,
}

impl<P> Default for Lanes<P> {
    fn default() -> Self {
        Self { last: None, former: None }
    }
}

impl<P> Lanes<P> {
    /// A reference to this segment, which is one of the log.
    #[inline]
    pub(super) fn lane(&mut self, segment: &Arc<Segment<P>>) -> &Lane<P> {
        if self.last.as_ref().is_none_or(|last| !Arc::ptr_eq(&last.0.0, segment)) {
            let last = self.last.take();
            // Those between are of segments that the log still has.
            self.former = self.former.take().or(last);
        }
        self.last.get_or_insert_with(|| Lane::new(segment.clone()))
    }

    /// Lets go of what is not of the last message. Done outside the lock, and before it is taken: a
    /// panic may have come between.
    #[inline]
    pub(super) fn release_former(&mut self) {
        self.former = None;
    }

    /// As `release_former`, and of all where there was no message: who finds nothing keeps nothing.
    #[inline]
    pub(super) fn release_but(&mut self, message: bool) {
        self.release_former();
        if !message {
            self.last = None;
        }
    }
}

impl<P> Clone for Lane<P> {
    #[inline]
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

impl<P> Deref for Lane<P> {
    type Target = Segment<P>;

    #[inline]
    fn deref(&self) -> &Segment<P> {
        &self.0.0
    }
}

/// A message that a reader holds, and with it the segment it is in.
pub(crate) struct SlotRef<P> {
    lane: Lane<P>,
    offset: u64,
}

impl<P> SlotRef<P> {
    /// A message that was seen in the segment.
    #[inline]
    pub(crate) fn of(lane: &Lane<P>, offset: Offset) -> Self {
        debug_assert!(lane.get(offset.0).is_some());
        Self { lane: lane.clone(), offset: offset.0 }
    }

    pub(crate) fn offset(&self) -> Offset {
        Offset(self.offset)
    }

    /// Lends the message to another log, which keeps its segment in memory. What the segment counts
    /// is for the first that borrows from it; 0 for others.
    pub(crate) fn lend(&self) -> usize {
        if self.lane.lent.swap(true, Ordering::Relaxed) {
            return 0;
        }
        self.lane.slots.iter().map(|entry| entry.size as usize).sum()
    }

    #[inline]
    pub(crate) fn entry(&self) -> &Entry<P> {
        match self.lane.slot(self.offset) {
            Slot::Set(entry) => entry,
            // It was seen set, and set slots stay so.
            Slot::NotYet | Slot::Elsewhere => unreachable!("a slot was unset"),
        }
    }
}

impl<P> Clone for SlotRef<P> {
    fn clone(&self) -> Self {
        Self { lane: self.lane.clone(), offset: self.offset }
    }
}
