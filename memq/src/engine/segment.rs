//! A run of the log: slots that are set once and then only read. No lock, no retention.

mod lane;

use std::fmt;
use std::sync::{Arc, OnceLock, Weak};

pub(crate) use self::lane::{Lane, Lanes, SlotRef};
use super::offer::{Head, Offer};
use super::recycler::Pool;
use super::slots::{Slots, Writer, slots};
use super::sync::{AtomicBool, Ordering, Uses};
use crate::position::Timestamp;
use crate::record::Meta;

/// What a log keeps of a message beside its payload and its size. Messages that follow each other and
/// have the same share one, so that a slot is little more than its payload: what goes from core to
/// core with each message is what a log costs.
struct Label {
    meta: Option<Arc<Meta>>,
    at: Timestamp,
    key: u64,
    /// The place of the first message that has it.
    first: u32,
    partition: u16,
}

/// A message in the log.
pub(crate) struct EntryRef<'a, P> {
    pub(crate) payload: &'a P,
    note: Note,
    labels: &'a Slots<Label>,
}

impl<P> Clone for EntryRef<'_, P> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<P> Copy for EntryRef<'_, P> {}

impl<'a, P> EntryRef<'a, P> {
    #[inline]
    fn label(&self) -> &'a Label {
        match self.labels.get(self.note.label()) {
            Some((label, _)) => label,
            // It was set before the slot was.
            None => unreachable!("a message without a label"),
        }
    }

    /// Key and headers.
    pub(crate) fn meta(&self) -> Option<&'a Arc<Meta>> {
        self.label().meta.as_ref()
    }

    /// When it was stored.
    #[inline]
    pub(crate) fn at(&self) -> Timestamp {
        self.label().at
    }

    /// As in [`Entry`], and so are the others.
    #[inline]
    pub(crate) fn key(&self) -> u64 {
        self.label().key
    }

    #[inline]
    pub(crate) fn size(&self) -> u32 {
        self.note.size()
    }

    #[inline]
    pub(crate) fn partition(&self) -> u16 {
        self.label().partition
    }
}

/// What a slot says beside its payload: a size, and which label.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Note(u64);

impl Note {
    #[inline]
    fn new(size: u32, label: usize) -> Self {
        Self(u64::from(size) | (label as u64) << 32)
    }

    #[inline]
    fn size(self) -> u32 {
        self.0 as u32
    }

    #[inline]
    fn label(self) -> usize {
        (self.0 >> 32) as usize
    }
}

/// Consecutive messages. Its memory goes as a whole, when neither the log nor a reader holds it.
pub(crate) struct Segment<P> {
    /// The offset of the first slot.
    base: u64,
    slots: Slots<P>,
    /// In place of those a single one, if its message stays in another log, where it is borrowed.
    borrowed: Option<Slots<SlotRef<P>>>,
    labels: Slots<Label>,
    /// Whether slots that are not set will stay so, because the log went on in another segment.
    sealed: AtomicBool,
    /// That one. Not kept in memory by this one, which a reader may hold for long.
    next: OnceLock<Weak<Self>>,
    /// Whether a message that was lent from it is counted with all of it.
    lends: AtomicBool,
    /// Those of it that ended come before its memory goes.
    uses: Uses,
    /// Where its memory goes, if it is to be used again.
    pool: Option<Weak<dyn Pool<P>>>,
}

impl<P> Drop for Segment<P> {
    #[inline]
    fn drop(&mut self) {
        self.uses.end();
        if let Some(pool) = self.pool.as_ref().and_then(Weak::upgrade) {
            if let Some(spare) = self.slots.retire() {
                pool.keep(spare);
            }
        }
    }
}

/// Fills a segment.
pub(super) struct Filler<P> {
    slots: Writer<P>,
    /// Of a segment that borrows its message.
    borrowed: Option<Box<Writer<SlotRef<P>>>>,
    labels: Writer<Label>,
    /// The partition of the last label, if it says nothing but that and its date, so that others may
    /// share it…
    last: Option<u16>,
    /// …and that date.
    last_at: Timestamp,
}

impl<P> Filler<P> {
    /// Whether it takes another message.
    #[inline]
    pub(super) fn has_room(&self) -> bool {
        self.slots.room() > 0 && self.labels.room() > 0
    }

    /// Puts a message into the next slot, where readers do not see it yet. Returns whether there was
    /// one.
    #[inline]
    pub(super) fn push(&mut self, offer: &mut impl Offer<P>, head: Head, at: Timestamp) -> bool {
        let Head { size, partition, borrows, key, .. } = head;
        let plain = head.is_plain();
        if !plain || self.last != Some(partition) || self.last_at != at {
            let first = self.slots.len() as u32;
            let label = Label { meta: offer.meta(), at, key, first, partition };
            if !self.labels.push(label, 0) {
                return false;
            }
            self.labels.show();
            (self.last, self.last_at) = (plain.then_some(partition), at);
        }
        let note = Note::new(size, self.labels.len() - 1).0;
        if borrows {
            let slot = self.borrowed.as_mut().zip(offer.borrowed());
            return slot.is_some_and(|(borrowed, slot)| borrowed.push(slot, note));
        }
        self.slots.push(offer.payload(), note)
    }

    /// Puts in those that follow a plain message in all it says, `most` at most, as [`push`](Self::push)
    /// does. How many those were.
    #[inline]
    pub(super) fn push_alike(
        &mut self,
        offer: &mut impl Offer<P>,
        head: Head,
        most: usize,
    ) -> usize {
        let note = Note::new(head.size, self.labels.len() - 1).0;
        let most = most.min(self.slots.room());
        offer.take_alike(head, most, self.slots.run(note))
    }

    /// What the next message says of itself that shares the last label, and the date of that. `None`
    /// where there is none that others may share.
    pub(super) fn shared_note(&self, size: u32) -> Option<(Note, Timestamp)> {
        self.last?;
        Some((Note::new(size, self.labels.len() - 1), self.last_at))
    }

    /// Puts a message that shares the last label into the next slot, and shows it. Returns whether
    /// there was one.
    #[inline]
    pub(super) fn push_shared(&mut self, payload: P, note: Note) -> bool {
        self.slots.push_shown(payload, note.0)
    }

    /// How many messages more it takes that share the last label.
    pub(super) fn room(&self) -> usize {
        self.slots.room()
    }

    /// Shows readers what was put in.
    #[inline]
    pub(super) fn show(&mut self) {
        self.slots.show();
        if let Some(borrowed) = &mut self.borrowed {
            borrowed.show();
        }
    }

    /// How many labels a segment of so many slots should have: twice as many as this one took for its
    /// messages, in proportion.
    pub(super) fn labels_for(&self, slots: usize) -> usize {
        let wanted = (2 * self.labels.len() * slots).div_ceil(self.slots.len().max(1));
        wanted.max(LABELS).min(slots)
    }
}

/// Labels of a segment at least, if it has as many slots.
const LABELS: usize = 8;

/// What a segment knows about an offset.
pub(crate) enum Slot<'a, P> {
    Set(EntryRef<'a, P>),
    /// Not published yet.
    NotYet,
    /// In another segment.
    Elsewhere,
}

impl<P> Segment<P> {
    /// One of so many slots and labels, and what fills it.
    pub(super) fn new(
        base: u64,
        count: usize,
        labels: usize,
        pool: Option<Weak<dyn Pool<P>>>,
    ) -> (Filler<P>, Self) {
        let used = pool.as_ref().and_then(Weak::upgrade).and_then(|pool| pool.take(count));
        let (filler, slots) = used.unwrap_or_else(|| slots(count));
        let (labeller, labels) = super::slots::slots(labels);
        let (sealed, lends) = (AtomicBool::new(false), AtomicBool::new(false));
        let last_at = Timestamp::default();
        let filler =
            Filler { slots: filler, borrowed: None, labels: labeller, last: None, last_at };
        let (next, uses) = (OnceLock::new(), Uses::new());
        (filler, Self { base, slots, borrowed: None, labels, sealed, next, lends, uses, pool })
    }

    /// One of a single message that stays where it is, and what fills it. A message like that has a
    /// segment of its own, so that none can borrow from itself, or from one that borrows from it, and
    /// stay for ever.
    pub(super) fn borrowing(base: u64) -> (Filler<P>, Self) {
        let (mut filler, mut segment) = Self::new(base, 0, 1, None);
        let (writer, borrowed) = super::slots::slots(1);
        (filler.borrowed, segment.borrowed) = (Some(Box::new(writer)), Some(borrowed));
        (filler, segment)
    }

    /// How many messages it has at most.
    #[inline]
    fn capacity(&self) -> usize {
        self.slots.len() + usize::from(self.borrowed.is_some())
    }

    /// What it borrows.
    fn borrowed(&self) -> Option<&SlotRef<P>> {
        Some(self.borrowed.as_ref()?.get(0)?.0)
    }

    #[inline]
    pub(crate) fn slot(&self, offset: u64) -> Slot<'_, P> {
        // One before `base` becomes one far beyond the end.
        let index = usize::try_from(offset.wrapping_sub(self.base)).unwrap_or(usize::MAX);
        let found = match self.slots.get(index) {
            None if index >= self.slots.len() => self.look_elsewhere(index),
            found => found,
        };
        match found {
            Some((payload, note)) => {
                Slot::Set(EntryRef { payload, note: Note(note), labels: &self.labels })
            }
            // `sealed` is set before the next message is, so whoever waits for that one and finds
            // neither is told by it.
            None if index < self.capacity() && !self.sealed.load(Ordering::Acquire) => Slot::NotYet,
            None => Slot::Elsewhere,
        }
    }

    /// What is borrowed, in place of a slot that there is not.
    #[cold]
    #[inline(never)]
    fn look_elsewhere(&self, index: usize) -> Option<(&P, u64)> {
        let (slot, note) = self.borrowed.as_ref()?.get(index)?;
        Some((slot.entry().payload, note))
    }

    /// How many messages there are from this offset on, `most` at most. What it borrows is none of them.
    #[inline]
    pub(crate) fn run(&self, offset: u64, most: usize) -> usize {
        let index = usize::try_from(offset.wrapping_sub(self.base)).unwrap_or(usize::MAX);
        self.slots.run(index, most)
    }

    /// A message, and how many there are from it on that say the same beside their payload and size,
    /// `most` at most.
    #[inline]
    pub(crate) fn alike(&self, offset: u64, most: usize) -> Option<(EntryRef<'_, P>, usize)> {
        let first = self.get(offset)?;
        if self.borrowed.is_some() {
            return Some((first, 1));
        }
        let index = usize::try_from(offset - self.base).unwrap_or(usize::MAX);
        let next = self.labels.get(first.note.label() + 1);
        let end = next.map_or(self.slots.len(), |(label, _)| label.first as usize);
        let most = most.min(end - index);
        // Mostly all of them are set; then one look is enough.
        let all = self.slots.get(index + most - 1).is_some();
        Some((first, if all { most } else { self.run(offset, most) }))
    }

    #[inline]
    pub(crate) fn get(&self, offset: u64) -> Option<EntryRef<'_, P>> {
        match self.slot(offset) {
            Slot::Set(entry) => Some(entry),
            Slot::NotYet | Slot::Elsewhere => None,
        }
    }

    /// A message that was seen there.
    #[inline]
    pub(crate) fn seen(&self, offset: u64) -> EntryRef<'_, P> {
        match self.slot(offset) {
            Slot::Set(entry) => entry,
            // Set slots stay so.
            Slot::NotYet | Slot::Elsewhere => unreachable!("a slot was unset"),
        }
    }

    /// The log goes on in that one, which the next message will be in.
    pub(super) fn continue_in(&self, next: &Arc<Self>) {
        // A segment is continued once.
        let _known = self.next.set(Arc::downgrade(next));
        self.seal();
    }

    /// The segment that begins with this offset, if it follows and is still there.
    pub(super) fn next(&self, offset: u64) -> Option<Arc<Self>> {
        // Looked at first, since that is what models know to be in order.
        let next = self.next.get().filter(|_| self.sealed.load(Ordering::Acquire))?;
        next.upgrade().filter(|next| next.base == offset)
    }

    pub(crate) fn seal(&self) {
        self.sealed.store(true, Ordering::Release);
        self.uses.end();
    }
}

impl<P> fmt::Debug for Segment<P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Segment")
            .field("base", &self.base)
            .field("capacity", &self.capacity())
            .finish_non_exhaustive()
    }
}
