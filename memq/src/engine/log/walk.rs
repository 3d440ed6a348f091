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

    /// The message at this offset, if it is kept and where it looked last.
    #[inline]
    pub(crate) fn in_segment(&self, offset: u64) -> Option<EntryRef<'a, P>> {
        if offset >= self.log.tail { None } else { self.segment?.get(offset) }
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
