//! Messages on their way into a log, and what it decides by before it takes one.

use std::sync::Arc;

pub(crate) use super::slots::Run;
use crate::record::Meta;

/// A message on its way into the log.
pub(crate) struct Entry<P> {
    pub(crate) payload: P,
    /// Key and headers.
    pub(crate) meta: Option<Arc<Meta>>,
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
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Head {
    /// As in [`Entry`].
    pub(crate) size: u32,
    pub(crate) partition: u16,
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
    /// Where there is none.
    fn payload(&mut self) -> P;

    /// Takes those that come next and have this head, `most` at most, one after the other, into slots
    /// of which there are as many. How many those were.
    #[inline]
    fn take_alike(&mut self, head: Head, most: usize, mut into: Run<'_, P>) -> usize {
        let mut count = 0;
        while count < most && self.head() == Some(head) && into.push(|| self.payload()) {
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
}

/// A message that was made an entry before.
impl<P> Offer<P> for Option<Entry<P>> {
    fn head(&self) -> Option<Head> {
        let entry = self.as_ref()?;
        let &Entry { size, partition, borrows, key, .. } = entry;
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
            Some(entry) => entry.payload,
            None => unreachable!("a message was stored twice"),
        }
    }
}

/// The partition of a message that goes to the next one in turn. There is none of this number.
pub(crate) const ANY: u16 = u16::MAX;

impl<P> Entry<P> {
    /// A size that does not fit into 32 bits is one that no topic takes.
    #[inline]
    pub(crate) fn new(payload: P, meta: Option<Arc<Meta>>, size: usize) -> Self {
        let size = u32::try_from(size).unwrap_or(u32::MAX);
        Self { payload, meta, key: 0, size, partition: ANY, borrows: false }
    }

    /// Gives the message a place: a hash of its key, and a partition.
    #[inline]
    pub(crate) fn placed(mut self, key: u64, partition: u16) -> Self {
        (self.key, self.partition) = (key, partition);
        self
    }
}
