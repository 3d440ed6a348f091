//! A walk along a log, for those who look at messages under its lock.

use std::sync::Arc;

use super::Log;
use crate::engine::segment::{EntryRef, Lane, Lanes, Segment, SlotRef};
use crate::position::Offset;

/// Looks at messages one after the other, and finds each segment once.
pub(crate) struct Walk<'a, P> {
    pub(super) log: &'a Log<P>,
    /// Where it looked last.
    pub(super) segment: Option<&'a Arc<Segment<P>>>,
    pub(super) lanes: &'a mut Lanes<P>,
}

impl<'a, P> Walk<'a, P> {
    /// The message at this offset, if it is kept.
    #[inline]
    pub(crate) fn entry(&mut self, offset: u64) -> Option<EntryRef<'a, P>> {
        if offset < self.log.head || offset >= self.log.tail {
            return None;
        }
        if let Some(entry) = self.segment.and_then(|segment| segment.get(offset)) {
            return Some(entry);
        }
        self.segment = self.log.locate(offset);
        self.segment?.get(offset)
    }

    /// The message at this offset, if it is kept and where it looked last; and how many there are from
    /// it on that say the same beside their payload and size, `most` at most.
    #[inline]
    pub(crate) fn alike(&self, offset: u64, most: usize) -> Option<(EntryRef<'a, P>, usize)> {
        let there = usize::try_from(self.log.tail.saturating_sub(offset)).unwrap_or(usize::MAX);
        match most.min(there) {
            0 => None,
            most => self.segment?.alike(offset, most),
        }
    }

    /// A reference to the segment where it looked last.
    pub(crate) fn lane(&mut self) -> Option<Lane<P>> {
        Some(self.lanes.lane(self.segment?).clone())
    }

    /// The message at this offset, if it is kept, on its own.
    #[inline]
    pub(crate) fn slot(&mut self, offset: u64) -> Option<SlotRef<P>> {
        self.entry(offset)?;
        Some(SlotRef::of(self.lanes.lane(self.segment?), Offset(offset)))
    }
}
