//! What members claim ahead: messages that follow each other, claimed under one lock and taken one by
//! one without it, and acknowledged without it too.
//!
//! Nobody can tell. A loan is made only where nobody waits and there is work for everybody, and is
//! called in by whatever would see it: whoever finds nothing, is full or comes when the window is over,
//! whatever a deadline, retention, a settlement that is no acknowledgement or a change of members does,
//! and statistics. What was not taken is as it was then, never handed out; what was is in flight as
//! any other.

use std::sync::Arc;

use super::lease::{Lease, LeaseState};
use super::leases::places;
use super::whole::Whole;
use super::{Group, Row, Ticket};
use crate::engine::hand::{Cell, Hand, MOST, When};
use crate::engine::wake::Wake;
use crate::position::Timestamp;

/// What one member may acknowledge without the lock.
#[derive(Debug)]
pub(super) struct Lent {
    pub(super) hand: Arc<Hand>,
    /// What it claimed ahead, in the order of their offsets. Only of the last one something may not have
    /// been taken.
    loans: Vec<Loan>,
    /// What it was handed together, and acknowledges as a whole.
    pub(super) wholes: Vec<Whole>,
    /// Cells of hand-outs that are not known to be settled.
    pub(super) busy: u64,
    /// Where the next one's is.
    pub(super) cell: Cell,
    /// After the last message of the last loan.
    end: u64,
    /// When it came last, and how many messages it might claim then.
    came: Timestamp,
    most: usize,
}

/// Messages that follow each other, and their serials and cells, too.
#[derive(Debug)]
struct Loan {
    offset: u64,
    serial: u64,
    cell: Cell,
    /// A bit for each that is not known to be settled, the first one's the lowest.
    left: u64,
    /// Those that were acknowledged and have leases yet.
    heard: u64,
}

impl Lent {
    pub(super) fn new(hand: Arc<Hand>) -> Self {
        let (cell, came) = (Cell::FIRST, Timestamp::default());
        let (loans, wholes) = (Vec::new(), Vec::new());
        Self { hand, loans, wholes, busy: 0, cell, end: 0, came, most: 1 }
    }

    /// Whether something of it is not known to be settled.
    pub(super) fn is_out(&self) -> bool {
        !(self.loans.is_empty() && self.wholes.is_empty())
    }

    /// Whether it claimed ahead, and has hand-outs of that which are not known to be settled.
    pub(super) fn is_ahead(&self) -> bool {
        !self.loans.is_empty()
    }

    /// Notes what was acknowledged.
    #[inline]
    fn hear(&mut self) {
        for loan in &mut self.loans {
            loan.settle(&mut self.busy, |cell| self.hand.is_acknowledged(cell));
        }
        for whole in &mut self.wholes {
            whole.settle(&mut self.busy, |cell| self.hand.is_acknowledged(cell));
        }
    }

    /// Takes back what was neither acknowledged nor taken, and hand-outs that were. The first message
    /// that was not taken, if there is one before `end`.
    fn void(&mut self) -> u64 {
        let next = self.hand.void();
        for loan in &mut self.loans {
            loan.settle(&mut self.busy, |cell| self.hand.withdraw(cell));
        }
        for whole in &mut self.wholes {
            whole.settle(&mut self.busy, |cell| self.hand.withdraw(cell));
        }
        self.busy = 0;
        next
    }
}

impl Loan {
    #[inline]
    fn settle(&mut self, busy: &mut u64, is_acknowledged: impl Fn(Cell) -> bool) {
        for place in places(self.left) {
            let cell = self.cell.after(place);
            if is_acknowledged(cell) {
                self.heard |= 1 << place;
                *busy &= !cell.bits(1);
            }
        }
        self.left &= !self.heard;
    }

    /// The hand-outs with these bits.
    #[inline]
    fn of(&self, bits: u64) -> impl Iterator<Item = Row> + use<> {
        let (offset, serial) = (self.offset, self.serial);
        let begins = places(bits & !(bits << 1));
        begins.map(move |place| {
            let (at, count) = (place as u64, (bits >> place).trailing_ones() as usize);
            Row { offset: offset + at, serial: serial + at, count, cell: None }
        })
    }
}

impl Group {
    /// A member comes under the lock: what it has not taken goes back, and what others have not taken for
    /// longer than the window does. Returns how many messages it may claim at once now, to take them one by
    /// one: more each time it comes again within the window, as long as much is left for the others.
    #[inline]
    pub(in crate::engine) fn turn_in(
        &mut self,
        key: usize,
        when: When,
        tail: u64,
        wake: &mut Wake,
    ) -> usize {
        if !self.lenders.is_empty() {
            self.call_late(key, when, wake);
        }
        let members = self.members.keys().len().max(1);
        let all = tail.saturating_sub(self.position) as usize / (2 * members);
        let all_busy = self.members.all_busy() && !self.rules.auto_ack;
        let Some(member) = self.members.get_mut(key) else { return 1 };
        let lent = &mut member.lent;
        let is_quick = when.now.since(lent.came) <= when.window;
        lent.most = if is_quick { (2 * lent.most).min(MOST) } else { 1 };
        lent.came = when.now;
        let most = lent.most.min(all);
        if !all_busy || most <= 1 {
            return 1;
        }
        if lent.busy & lent.cell.bits(most) != 0 {
            // Of batches that are settled one by one, say.
            self.call_in_wholes(key, 0, wake);
        }
        let is_free = |lent: &Lent| lent.busy & lent.cell.bits(most) == 0;
        if self.members.get(key).is_some_and(|member| is_free(&member.lent)) { most } else { 1 }
    }

    #[inline(never)]
    fn call_late(&mut self, key: usize, when: When, wake: &mut Wake) {
        self.hear_of(key, wake);
        for at in (0..self.lenders.len()).rev() {
            let other = self.lenders[at];
            let is_late = |lent: &Lent| other == key || when.now.since(lent.came) > when.window;
            if self.members.get(other).is_some_and(|other| is_late(&other.lent)) {
                self.return_rest(other, wake);
            }
        }
    }

    /// A member has claimed these messages, from the one of this ticket on, and taken the first.
    pub(in crate::engine) fn lend(&mut self, key: usize, ticket: &mut Ticket, count: usize) {
        let Some(member) = self.members.get_mut(key) else { return };
        let lent = &mut member.lent;
        let (offset, serial, cell) = (ticket.offset, ticket.serial, lent.cell);
        lent.hand.deal(offset + 1, cell, serial, count);
        if !lent.is_out() {
            self.lenders.push(key);
        }
        lent.loans.push(Loan { offset, serial, cell, left: u64::MAX >> (64 - count), heard: 0 });
        lent.busy |= cell.bits(count);
        lent.cell = cell.after(count);
        lent.end = offset + count as u64;
        ticket.cell = Some(cell);
    }

    /// Learns what was acknowledged.
    #[inline]
    pub(in crate::engine) fn hear(&mut self, wake: &mut Wake) {
        for at in (0..self.lenders.len()).rev() {
            self.hear_of(self.lenders[at], wake);
        }
    }

    pub(super) fn hear_of(&mut self, key: usize, wake: &mut Wake) {
        let Some(member) = self.members.get_mut(key) else { return };
        member.lent.hear();
        self.settle_heard(key, wake);
    }

    /// Acknowledges what was heard of, and forgets that of which nothing is left.
    fn settle_heard(&mut self, key: usize, wake: &mut Wake) {
        let Some(member) = self.members.get_mut(key) else { return };
        let (mut loans, mut wholes) =
            (std::mem::take(&mut member.lent.loans), std::mem::take(&mut member.lent.wholes));
        for loan in &mut loans {
            let heard = std::mem::take(&mut loan.heard);
            self.acknowledge_all(loan.of(heard), wake);
        }
        loans.retain(|loan| loan.left != 0);
        self.acknowledge_all(wholes.iter().filter_map(Whole::heard), wake);
        wholes.retain(|whole| whole.heard().is_none());
        if let Some(member) = self.members.get_mut(key) {
            (member.lent.loans, member.lent.wholes) = (loans, wholes);
            if !member.lent.is_out() {
                self.lenders.retain(|lender| *lender != key);
            }
        }
    }

    /// A member takes no more of what it claimed ahead; what it has taken stays as it is.
    fn return_rest(&mut self, key: usize, wake: &mut Wake) {
        let Some(member) = self.members.get_mut(key) else { return };
        let lent = &mut member.lent;
        let (next, end) = (lent.hand.void(), lent.end);
        let Some(last) = lent.loans.last_mut().filter(|_| next < end) else { return };
        for place in places(last.left) {
            if last.offset + place as u64 >= next {
                let cell = last.cell.after(place);
                // Nobody has it, to acknowledge it.
                lent.hand.withdraw(cell);
                lent.busy &= !cell.bits(1);
                last.left &= !(1 << place);
            }
        }
        self.settle_heard(key, wake);
        self.were_not_taken((next..end).rev(), wake);
    }

    /// Settles this hand-out under the lock alone from now on.
    pub(super) fn withdraw(&mut self, ticket: Ticket, wake: &mut Wake) {
        let offset = ticket.offset;
        let key = match self.leases.get(offset).as_deref() {
            Some(Lease { state: LeaseState::InFlight { member, .. }, .. }) => *member,
            _ => return,
        };
        let Some(member) = self.members.get_mut(key) else { return };
        let lent = &mut member.lent;
        let is_its = |loan: &&mut Loan| {
            let place = offset.wrapping_sub(loan.offset);
            place < 64 && loan.left & (1 << place) != 0
        };
        if let Some(loan) = lent.loans.iter_mut().find(is_its) {
            let place = (offset - loan.offset) as usize;
            let cell = loan.cell.after(place);
            loan.left &= !(1 << place);
            lent.busy &= !cell.bits(1);
            if lent.hand.withdraw(cell) {
                loan.heard |= 1 << place;
            }
            self.settle_heard(key, wake);
        }
    }

    /// Calls in all loans. Returns whether there were any.
    #[inline]
    pub(in crate::engine) fn take_back(&mut self, wake: &mut Wake) -> bool {
        let any = !self.lenders.is_empty();
        if any {
            self.take_all_back(wake);
        }
        any
    }

    #[cold]
    fn take_all_back(&mut self, wake: &mut Wake) {
        let mut left = Vec::new();
        for key in std::mem::take(&mut self.lenders) {
            let Some(member) = self.members.get_mut(key) else { continue };
            let (next, end) = (member.lent.void(), member.lent.end);
            let wholes = std::mem::take(&mut member.lent.wholes);
            for loan in std::mem::take(&mut member.lent.loans) {
                self.acknowledge_all(loan.of(loan.heard), wake);
            }
            self.acknowledge_all(wholes.iter().filter_map(Whole::heard), wake);
            left.extend(next..end);
        }
        left.sort_unstable();
        self.were_not_taken(left.into_iter().rev(), wake);
    }

    /// It is as if these, the last one first, had not been claimed.
    fn were_not_taken(&mut self, offsets: impl Iterator<Item = u64>, wake: &mut Wake) {
        for offset in offsets {
            self.counters.delivered -= 1;
            if offset + 1 == self.position {
                self.remove(offset, wake);
                self.position = offset;
            } else if let Some(lease) = self.leases.get_mut(offset) {
                (lease.attempt, lease.serial) = (0, 0);
                self.change(offset, LeaseState::Fresh, wake);
            }
        }
    }
}
