//! What was found out once for messages that say the same as the last one.

use super::Log;
use crate::engine::offer::{ANY, Head, Offer};
use crate::engine::segment::Note;
use crate::error::LagReason;
use crate::position::Timestamp;

/// How messages are stored that are as the last one, while nothing else happens to the topic: so many
/// need no look at limits, labels and segments.
#[derive(Debug, Default)]
pub(super) struct Steady {
    /// How many of them.
    left: u64,
    /// The size of each.
    size: u32,
    /// Why each displaces the oldest; `None` where it does not.
    displaces: Option<LagReason>,
    note: Note,
}

/// What the next messages find in a topic that holds as many as it may.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Oldest {
    /// It stays, or goes only after a look.
    Stays,
    /// It is dropped.
    Dropped,
    /// It goes, if it lies before this offset, which all have passed.
    Consumed(u64),
}

impl<P> Log<P> {
    /// Stores a message that needs no look, and says at which offset. Where it needs one, nothing is
    /// done.
    #[inline(always)]
    pub(crate) fn append_steadily(
        &mut self,
        offer: &mut impl Offer<P>,
        head: Head,
        now: Timestamp,
    ) -> Option<u64> {
        let steady = &mut self.steady;
        let is_alike = head.is_plain() && head.partition == ANY && head.size == steady.size;
        if !is_alike || steady.left == 0 || now > self.newest {
            return None;
        }
        let filler = self.filler.as_mut()?;
        steady.left -= 1;
        let stored = filler.push_shared(offer.payload(), steady.note);
        debug_assert!(stored);
        let offset = self.tail;
        self.tail += 1;
        let size = head.size as usize;
        self.segment_left = self.segment_left.saturating_sub(size);
        match steady.displaces {
            None => self.bytes += size,
            Some(reason) => {
                self.head += 1;
                self.last_reason = reason;
                if reason == LagReason::Consumed {
                    self.removed.consumed += 1;
                } else {
                    self.removed.max_messages += 1;
                    (self.lost, self.lost_at, self.lost_for) =
                        (self.head, self.newest, Some(reason));
                }
            }
        }
        Some(offset)
    }

    /// The next message needs a look again.
    #[inline]
    pub(crate) fn unsteady(&mut self) {
        self.steady.left = 0;
    }

    /// Finds out how many messages need no look if they are as the last one, which this is the head
    /// of, where room for so many is promised.
    pub(crate) fn foresee(&mut self, head: Head, reserved: usize, oldest: Oldest) {
        self.steady.left = 0;
        let (limits, size) = (self.limits, head.size);
        if limits.ttl().is_some() || !self.partitions.is_empty() || !head.is_plain() {
            return;
        }
        let Some(filler) = &self.filler else { return };
        let Some((note, _)) = filler.shared_note(size).filter(|(_, at)| *at == self.newest) else {
            return;
        };
        let each = (size as usize).max(1);
        let most = filler.room().min(self.segment_left.div_ceil(each)) as u64;
        let (left, displaces) = match limits.max_messages.saturating_sub(self.len() + reserved) {
            0 if self.len() + reserved == limits.max_messages
                && self.plain_size == size
                // Permits may have made it too large.
                && self.bytes <= limits.max_bytes =>
            {
                // Those go before this offset without a look at them.
                let plain = self.plain.saturating_sub(self.head + 1);
                match oldest {
                    Oldest::Stays => (0, None),
                    Oldest::Dropped => (plain, Some(LagReason::MaxMessages)),
                    Oldest::Consumed(passed) => {
                        let passed = passed.saturating_sub(self.head);
                        (plain.min(passed), Some(LagReason::Consumed))
                    }
                }
            }
            free => {
                let bytes = limits.max_bytes.saturating_sub(self.bytes) / each;
                (free.min(bytes) as u64, None)
            }
        };
        self.steady = Steady { left: left.min(most), size, displaces, note };
    }
}
