//! What a member is handed.

use super::lease::{Flight, Lease, LeaseState};
use super::{Group, Pick, Ticket};
use crate::engine::wake::Wake;
use crate::position::Timestamp;

impl Group {
    /// What there is for this member now.
    #[inline]
    pub(in crate::engine) fn pick(
        &mut self,
        member: usize,
        now: Timestamp,
        wake: &mut Wake,
    ) -> Pick {
        if let Some((skipped, reason)) = self.missed.take() {
            return Pick::Lagged { skipped, reason };
        }
        if let Some(offset) = self.burials.first().copied() {
            if let Some(burial) = self.begin_burial(offset, now, wake) {
                return Pick::Bury(burial);
            }
        }
        let Some(found) = self.members.get(member) else { return Pick::Full };
        if found.retired
            || found.in_flight >= found.most
            || self.in_flight >= self.rules.max_in_flight
        {
            return Pick::Full;
        }
        let share = self.members.share(found.share);
        match share.returned.first().or(share.fresh.first()).copied() {
            Some(offset) => match self.hand_out(offset, member, now, wake) {
                Some(ticket) => Pick::Deliver(ticket),
                None => Pick::More,
            },
            None => Pick::More,
        }
    }

    /// Takes the message at `position` in, for a member that has room for it. Where it is this
    /// member's, and its turn, it is handed out at once.
    #[inline]
    pub(in crate::engine) fn admit(
        &mut self,
        partition: u16,
        key: u64,
        member: usize,
        now: Timestamp,
    ) -> Option<Ticket> {
        let offset = self.position;
        self.position += 1;
        let key = if self.rules.by_key { key } else { 0 };
        let share = self.members.share_of(partition);
        let is_turn = self.keys.enter(partition, key, offset);
        let taker = self.members.get_mut(member).filter(|taker| is_turn && taker.share == share);
        if let Some(taker) = taker {
            if self.rules.auto_ack {
                // Nobody is behind it yet.
                self.keys.leave(partition, key, offset);
            } else {
                let until = self.deadlines.in_order(now + self.rules.ack_deadline);
                taker.hold(offset, 1);
                self.in_flight += 1;
                let flight = Flight { serial: self.serials + 1, until, member, partition };
                if key == 0 {
                    self.leases.fly(offset, flight);
                } else {
                    self.leases.insert(offset, Lease { key, ..flight.into() });
                }
                self.deadlines.hand_out(until, offset, flight.serial, 1, &self.leases);
            }
            return Some(self.ticket(offset, 1));
        }
        let state = if is_turn {
            self.members.share(share).fresh.insert(offset);
            LeaseState::Fresh
        } else {
            self.idle += 1;
            LeaseState::Behind
        };
        self.leases.insert(offset, Lease::new(partition, key, state));
        None
    }

    /// Whether messages of this key take turns; 0 is none.
    #[inline]
    pub(in crate::engine) fn counts(&self, key: u64) -> bool {
        self.rules.by_key && key != 0
    }

    /// Whether there is nothing for a member but what comes next for all.
    #[inline]
    pub(in crate::engine) fn is_only_to_go_on(&self, member: usize) -> bool {
        self.missed.is_none() && self.burials.is_empty() && self.members.has_nothing_ready(member)
    }

    /// Takes messages in from `position` on and hands them out to this member, as long as nothing else
    /// is to be done with them: they are its, and have no key, and it may hold them. Returns how many,
    /// with the first one's ticket; the others follow it in offset and serial. `look` says the partition
    /// and the key of a message, and how many from it on have the same, of so many.
    #[inline]
    pub(in crate::engine) fn admit_run(
        &mut self,
        most: usize,
        member: usize,
        now: Timestamp,
        mut look: impl FnMut(u64, usize) -> Option<(u16, u64, usize)>,
    ) -> (Ticket, usize) {
        let first =
            Ticket { offset: self.position, attempt: 1, serial: self.serials + 1, cell: None };
        let Some(taker) = self.members.get(member) else { return (first, 0) };
        let free = taker.most.saturating_sub(taker.in_flight);
        let free = free.min(self.rules.max_in_flight.saturating_sub(self.in_flight));
        let most = if self.rules.auto_ack { most } else { most.min(free) };
        let (share, by_key, auto_ack) = (taker.share, self.rules.by_key, self.rules.auto_ack);
        let until = self.deadlines.in_order(now + self.rules.ack_deadline);
        let mut count = 0;
        while count < most {
            let offset = first.offset + count as u64;
            let Some((partition, key, alike)) = look(offset, most - count) else { break };
            if (by_key && key != 0) || self.members.share_of(partition) != share {
                break;
            }
            if !auto_ack {
                let serial = first.serial + count as u64;
                let flight = Flight { serial, until, member, partition };
                self.leases.fly_on(offset, flight, alike);
                self.deadlines.hand_out(until, offset, serial, alike as u64, &self.leases);
            }
            count += alike;
        }
        let counted = count as u64;
        self.position += counted;
        self.serials += counted;
        self.counters.delivered += counted;
        if auto_ack {
            self.counters.settled += counted;
        } else {
            self.in_flight += count;
            if let Some(taker) = self.members.get_mut(member) {
                taker.hold(first.offset, count);
            }
        }
        (first, count)
    }

    /// A new hand-out of a message, counted.
    #[inline]
    fn ticket(&mut self, offset: u64, attempt: u32) -> Ticket {
        self.serials += 1;
        self.counters.delivered += 1;
        self.counters.redelivered += u64::from(attempt > 1);
        self.counters.settled += u64::from(self.rules.auto_ack);
        Ticket { offset, attempt, serial: self.serials, cell: None }
    }

    fn hand_out(
        &mut self,
        offset: u64,
        member: usize,
        now: Timestamp,
        wake: &mut Wake,
    ) -> Option<Ticket> {
        let attempt = self.leases.get(offset)?.attempt.saturating_add(1);
        let ticket = self.ticket(offset, attempt);
        if self.rules.auto_ack {
            self.remove(offset, wake);
            return Some(ticket);
        }
        let until = self.deadlines.in_order(now + self.rules.ack_deadline);
        self.change(offset, LeaseState::InFlight { member, until }, wake);
        let lease = self.leases.get_mut(offset)?;
        (lease.attempt, lease.serial) = (attempt, ticket.serial);
        self.deadlines.hand_out(until, offset, ticket.serial, 1, &self.leases);
        Some(ticket)
    }
}
