//! Messages that a member was handed together, and that are acknowledged together without the lock.
//!
//! They are in flight as any others. What is not known of them is whether they are acknowledged, and so
//! they are called in by whatever asks for that, as what is [claimed ahead](super::ahead) is. Another
//! batch asks only for what its own member acknowledged, which is nothing to the others while nobody
//! waits.

use super::{Group, Row};
use crate::engine::hand::Cell;
use crate::engine::wake::Wake;

/// How many of a member are not known to be settled at most: each is looked at whenever it comes. Those
/// that are settled one by one are never known to be.
const FEW: usize = if cfg!(memq_loom) { 2 } else { 8 };

/// Hand-outs that follow each other, and the cell that says whether all of them are acknowledged.
#[derive(Debug)]
pub(super) struct Whole {
    row: Row,
    cell: Cell,
    heard: bool,
}

impl Whole {
    /// Those that were acknowledged and have leases yet.
    pub(super) fn heard(&self) -> Option<Row> {
        self.heard.then_some(self.row)
    }

    #[inline]
    pub(super) fn settle(&mut self, busy: &mut u64, is_acknowledged: impl Fn(Cell) -> bool) {
        if is_acknowledged(self.cell) {
            self.heard = true;
            *busy &= !self.cell.bits(1);
        }
    }
}

impl Group {
    /// A member comes for so many messages together: what it acknowledged is heard of, and what anybody
    /// claimed ahead is called in, so that they come in order. So is all where else the group might hold
    /// too much for them.
    #[inline]
    pub(in crate::engine) fn turn_in_for(&mut self, key: usize, most: usize, wake: &mut Wake) {
        if self.lenders.is_empty() {
            return;
        }
        let is_ahead = |key: &usize| self.members.get(*key).is_some_and(|by| by.lent.is_ahead());
        if self.rules.max_in_flight.saturating_sub(self.in_flight) < most
            || self.lenders.iter().any(is_ahead)
        {
            self.take_back(wake);
        } else {
            self.hear_of(key, wake);
        }
    }

    /// A member was handed these, and may acknowledge them as a whole without the lock, by this cell. Not where
    /// somebody waits, who is to be told at once.
    #[inline]
    pub(in crate::engine) fn lend_whole(
        &mut self,
        key: usize,
        row: Row,
        wake: &mut Wake,
    ) -> Option<Cell> {
        if self.rules.auto_ack || !self.members.all_busy() {
            return None;
        }
        self.call_in_wholes(key, FEW - 1, wake);
        let lent = &mut self.members.get_mut(key)?.lent;
        let cell = lent.cell;
        if lent.busy & cell.bits(1) != 0 {
            return None;
        }
        if !lent.is_out() {
            self.lenders.push(key);
        }
        lent.hand.deal_whole(cell, row.serial);
        lent.busy |= cell.bits(1);
        lent.cell = cell.after(1);
        lent.wholes.push(Whole { row, cell, heard: false });
        Some(cell)
    }

    /// Settles them under the lock alone from now on, but the newest, of which this many stay at most.
    #[inline]
    pub(super) fn call_in_wholes(&mut self, key: usize, stay: usize, wake: &mut Wake) {
        let Some(member) = self.members.get_mut(key) else { return };
        let lent = &mut member.lent;
        let count = lent.wholes.len().saturating_sub(stay);
        if count == 0 {
            return;
        }
        let mut old: Vec<_> = lent.wholes.drain(..count).collect();
        for whole in &mut old {
            whole.heard = lent.hand.withdraw(whole.cell);
            lent.busy &= !whole.cell.bits(1);
        }
        if !lent.is_out() {
            self.lenders.retain(|lender| *lender != key);
        }
        self.acknowledge_all(old.iter().filter_map(Whole::heard), wake);
    }
}
