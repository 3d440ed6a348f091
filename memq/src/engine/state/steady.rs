//! Messages that are as the last one, while nothing else happens.

use super::State;
use crate::engine::log::Oldest;
use crate::engine::offer::{Head, Offer};
use crate::options::{Overflow, Retain};
use crate::position::{Offset, Timestamp};

impl<P> State<P> {
    /// Appends a message that is as the last one, where nothing has happened since and nobody is to be
    /// told. Where that is not so, nothing is done.
    #[inline(always)]
    pub(in crate::engine) fn append_steadily(
        &mut self,
        offer: &mut impl Offer<P>,
        now: Timestamp,
    ) -> Option<Offset> {
        let head = offer.head()?;
        self.log.append_steadily(offer, head, now).map(Offset)
    }

    /// Whatever happens now, the next message needs a look again.
    #[inline]
    pub(in crate::engine) fn unsteady(&mut self) {
        self.log.unsteady();
    }

    /// Finds out whether messages that are as the last one need no look. Nobody waits for one.
    #[inline]
    pub(super) fn foresee(&mut self, head: Head) {
        if self.groups.is_empty() {
            self.foresee_alike(head);
        }
    }

    fn foresee_alike(&mut self, head: Head) {
        let (reserved, oldest) = match (self.overflow(), self.retain()) {
            (Overflow::DropOldest, Retain::WithinLimits) => (0, Oldest::Dropped),
            (Overflow::DropOldest, Retain::UntilConsumed) => (0, Oldest::Stays),
            // Those that wait come first.
            _ if self.room.len() > 0 => return,
            _ => (self.reserved, Oldest::Consumed(self.passed)),
        };
        self.log.foresee(head, reserved, oldest);
    }
}
