//! Messages on their way into a log, and what it decides by before it takes one.

use std::sync::Arc;

use super::segment::SlotRef;
use super::slots::Run;
use crate::record::Meta;

/// A message on its way into the log.
pub(crate) struct Entry<P> {
    pub(crate) given: Given<P>,
    /// Key and headers.
    pub(crate) meta: Option<Arc<Meta>>,
    /// The hash of its key, for partitions and for the order within a key; 0 for none.
    pub(crate) key: u64,
    /// What it counts towards `max_bytes`.
    pub(crate) size: u32,
    /// Which partition it belongs to; [`ANY`] until it is stored, where nobody cares.
    pub(crate) partition: u16,
}

/// What a message says.
pub(crate) enum Given<P> {
    Own(P),
    /// What another one says, and what keeps that.
    Borrowed(SlotRef<P>),
}

impl<P> Given<P> {
    /// What says it itself.
    ///
    /// # Panics
    ///
    /// Where it is borrowed.
    pub(crate) fn own(self) -> P {
        match self {
            Self::Own(payload) => payload,
            Self::Borrowed(_) => unreachable!("a borrowed message was taken"),
        }
    }
}

/// What a log decides by, before it takes a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Head {
    /// As in [`Entry`].
    pub(crate) size: u32,
    pub(crate) partition: u16,
    /// Whether it stays in another log, and is borrowed from there.
    pub(crate) borrows: bool,
    pub(crate) key: u64,
    /// Whether it has a key or headers to be kept.
    pub(crate) has_meta: bool,
}

impl Head {
    /// Whether nothing is said of it that others do not share.
    #[inline]
    pub(super) fn is_plain(self) -> bool {
        !self.has_meta && self.key == 0 && !self.borrows
    }
}

/// Messages that are offered to a log, one after the other. Each is taken once it is sure to be
/// stored; until then it is whole where it was. It is taken in parts, since to move it as a whole
/// costs more than to store it.
pub(crate) trait Offer<P> {
    /// Of the next one; `None` where there is none.
    fn head(&self) -> Option<Head>;

    /// How many there are.
    fn len(&self) -> usize;

    /// Takes the key and headers of the next one.
    fn meta(&mut self) -> Option<Arc<Meta>>;

    /// Takes the next one, which is stored now. It runs under the topic's lock.
    ///
    /// # Panics
    ///
    /// Where there is none, or it is borrowed.
    fn payload(&mut self) -> P;

    /// The same where its head says that it is borrowed.
    fn borrowed(&mut self) -> Option<SlotRef<P>> {
        None
    }

    /// Takes those that come next and have this head, `most` at most, one after the other, into slots
    /// of which there are as many. How many those were.
    #[inline]
    fn take_alike(&mut self, head: Head, most: usize, mut into: Run<'_, P>) -> usize {
        let mut count = 0;
        while count < most && self.head() == Some(head) && into.fill(1, || self.payload()) == 1 {
            count += 1;
        }
        count
    }
}

/// Messages that stay with whoever offers them.
impl<P, O: Offer<P>> Offer<P> for &mut O {
    #[inline]
    fn head(&self) -> Option<Head> {
        (**self).head()
    }

    fn len(&self) -> usize {
        (**self).len()
    }

    fn meta(&mut self) -> Option<Arc<Meta>> {
        (**self).meta()
    }

    #[inline]
    fn payload(&mut self) -> P {
        (**self).payload()
    }

    fn borrowed(&mut self) -> Option<SlotRef<P>> {
        (**self).borrowed()
    }
}

/// A message that was made an entry before.
impl<P> Offer<P> for Option<Entry<P>> {
    fn head(&self) -> Option<Head> {
        let entry = self.as_ref()?;
        let &Entry { size, partition, key, .. } = entry;
        let borrows = matches!(entry.given, Given::Borrowed(_));
        Some(Head { size, partition, borrows, key, has_meta: entry.meta.is_some() })
    }

    fn len(&self) -> usize {
        usize::from(self.is_some())
    }

    fn meta(&mut self) -> Option<Arc<Meta>> {
        self.as_mut()?.meta.take()
    }

    fn payload(&mut self) -> P {
        match self.take() {
            Some(entry) => entry.given.own(),
            None => unreachable!("a message was stored twice"),
        }
    }

    fn borrowed(&mut self) -> Option<SlotRef<P>> {
        match self.take()?.given {
            Given::Borrowed(slot) => Some(slot),
            Given::Own(_) => None,
        }
    }
}

/// The partition of a message that goes to the next one in turn. There is none of this number.
pub(crate) const ANY: u16 = u16::MAX;

impl<P> Entry<P> {
    /// A size that does not fit into 32 bits is one that no topic takes.
    #[inline]
    pub(crate) fn new(payload: P, meta: Option<Arc<Meta>>, size: usize) -> Self {
        Self::of(Given::Own(payload), meta, size)
    }

    /// As `new`, of a message that says what another one does.
    pub(crate) fn of(given: Given<P>, meta: Option<Arc<Meta>>, size: usize) -> Self {
        let size = u32::try_from(size).unwrap_or(u32::MAX);
        Self { given, meta, key: 0, size, partition: ANY }
    }

    /// Gives the message a place: a hash of its key, and a partition.
    #[inline]
    pub(crate) fn placed(mut self, key: u64, partition: u16) -> Self {
        (self.key, self.partition) = (key, partition);
        self
    }
}
