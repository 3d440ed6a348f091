//! What a member of a group does without the lock: it takes messages that it claimed ahead, and its
//! deliveries of those are acknowledged, as are batches.
//!
//! A hand is dealt, looked through and taken back under the topic's lock. Its member takes from it, and
//! whoever has a delivery acknowledges, without. Each of the three is one change of one word, so that of
//! two who come at once one sees the other:
//!
//! * `next` is taken from by its member, until it is [`VOID`]: a message is the member's, or it was
//!   taken back.
//! * A hand-out of a message has a cell with its serial; hand-outs of a batch that follow each other have
//!   one with the first one's. Acknowledged, or taken back, it is 0: whoever finds the serial there did
//!   it, and whoever does not asks under the lock.
//!
//! A publisher that waits for room looks at the cells after it said that it sleeps; who acknowledges
//! looks for sleepers after that. So one of the two sees the other, as with readers in
//! [`topic`](super::topic).

use std::time::Duration;

use super::sync::{AtomicU64, Ordering};
use crate::position::Timestamp;

/// Hand-outs that are not known to be settled at most; no more than bits in a word.
pub(super) const CELLS: usize = if cfg!(memq_loom) { 4 } else { 64 };

/// Messages that are dealt at once at most, so that those before may still be out.
pub(super) const MOST: usize = CELLS / 2;

/// When a member comes that may claim ahead, and for how long it may take from that.
#[derive(Clone, Copy, Debug)]
pub(crate) struct When {
    pub(super) now: Timestamp,
    pub(super) window: Duration,
}

/// Where nothing may be taken; so far away that nobody comes near by taking.
const VOID: u64 = 1 << 62;

#[derive(Debug)]
pub(crate) struct Hand {
    /// The next message to be taken.
    next: AtomicU64,
    /// The serials of hand-outs that are neither acknowledged nor taken back.
    cells: [AtomicU64; CELLS],
}

/// A place for one hand-out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Cell(u8);

impl Cell {
    pub(super) const FIRST: Self = Self(0);

    /// So many after this one, in the round.
    #[inline]
    pub(super) fn after(self, count: usize) -> Self {
        Self(((usize::from(self.0) + count) % CELLS) as u8)
    }

    /// Its bit in a word, and those of so many from it on.
    #[inline]
    pub(super) fn bits(self, count: usize) -> u64 {
        let bits = if count >= 64 { u64::MAX } else { (1 << count) - 1 };
        let at = u32::from(self.0);
        if CELLS == 64 {
            bits.rotate_left(at)
        } else {
            (bits << at | bits << at >> CELLS) & ((1 << CELLS) - 1)
        }
    }
}

impl Hand {
    pub(super) fn new() -> Self {
        Self { next: AtomicU64::new(VOID), cells: std::array::from_fn(|_| AtomicU64::new(0)) }
    }

    /// Its member takes the next message, if that is before `end`.
    #[inline]
    pub(super) fn take(&self, end: u64) -> Option<u64> {
        Some(self.next.fetch_add(1, Ordering::AcqRel)).filter(|next| *next < end)
    }

    /// Acknowledges a hand-out, or those that have one cell, of which it is the first, if that was not
    /// done and it was not taken back.
    #[inline]
    pub(super) fn acknowledge(&self, cell: Cell, serial: u64) -> bool {
        let cell = &self.cells[usize::from(cell.0)];
        cell.compare_exchange(serial, 0, Ordering::SeqCst, Ordering::Relaxed).is_ok()
    }

    // Under the lock.

    /// Gives a member that has taken all messages from `next` on, and their hand-outs cells.
    pub(super) fn deal(&self, next: u64, first: Cell, serial: u64, count: usize) {
        for at in 0..count {
            let cell = &self.cells[usize::from(first.after(at).0)];
            cell.store(serial + at as u64, Ordering::Relaxed);
        }
        self.next.store(next, Ordering::Release);
    }

    /// Gives hand-outs a cell for all of them, of which the first has this serial.
    #[inline]
    pub(super) fn deal_whole(&self, cell: Cell, serial: u64) {
        self.cells[usize::from(cell.0)].store(serial, Ordering::Relaxed);
    }

    /// Lets the member take no more. Returns the first message it has not taken, if there is one
    /// before `end`.
    pub(super) fn void(&self) -> u64 {
        self.next.swap(VOID, Ordering::AcqRel)
    }

    /// Whether a hand-out was acknowledged.
    #[inline]
    pub(super) fn is_acknowledged(&self, cell: Cell) -> bool {
        self.cells[usize::from(cell.0)].load(Ordering::SeqCst) == 0
    }

    /// Takes a hand-out back, so that it is settled under the lock alone. Returns whether it was
    /// acknowledged before.
    pub(super) fn withdraw(&self, cell: Cell) -> bool {
        self.cells[usize::from(cell.0)].swap(0, Ordering::AcqRel) == 0
    }
}
