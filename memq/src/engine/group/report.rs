//! A group in numbers.

use super::lease::LeaseState;
use super::{Group, members};
use crate::engine::stats::{GroupStats, MemberStats, Unsettled};
use crate::position::{Offset, Partition, Timestamp};

impl Group {
    pub(super) fn place_of(&self, offset: u64) -> Unsettled {
        match self.leases.get(offset).as_deref().map(|lease| &lease.state) {
            None | Some(LeaseState::Fresh) => Unsettled::New,
            Some(LeaseState::Behind) => Unsettled::BehindKey,
            Some(LeaseState::InFlight { member, .. }) => Unsettled::InFlight {
                member: self.members.get(*member).map_or(u64::MAX, |member| member.id),
            },
            Some(LeaseState::Delayed { .. }) => Unsettled::Delayed,
            Some(LeaseState::Returned) => Unsettled::Returned,
            Some(LeaseState::Dead(_) | LeaseState::Burying { .. }) => Unsettled::Dead,
        }
    }

    /// At one moment, of a log from `head` to `tail`; `published` says when a message was stored.
    pub(in crate::engine) fn stats(
        &self,
        head: u64,
        tail: u64,
        now: Timestamp,
        published: impl Fn(u64) -> Option<Timestamp>,
    ) -> GroupStats {
        let oldest = self.low_water_from(head);
        let members = self.members.in_order();
        let keys = members.iter().map(|(key, _)| key + 1).max().unwrap_or(0);
        let mut held = vec![Vec::new(); keys];
        for (key, member) in &members {
            held[*key].reserve_exact(member.in_flight);
        }
        let (mut delayed, mut behind_key, mut dead) = (0, 0, 0);
        for (offset, lease) in self.leases.iter() {
            match lease.state {
                LeaseState::InFlight { member, .. } => {
                    // A member that is gone holds nothing.
                    if let Some(held) = held.get_mut(member) {
                        held.push(Offset(offset));
                    }
                }
                LeaseState::Delayed { .. } => delayed += 1,
                LeaseState::Behind => behind_key += 1,
                LeaseState::Dead(_) | LeaseState::Burying { .. } => dead += 1,
                LeaseState::Fresh | LeaseState::Returned => {}
            }
        }
        let member = |(key, member): (usize, &members::Member)| MemberStats {
            id: member.id,
            partitions: self
                .members
                .partitions(member.share, self.partitions)
                .filter(|_| !member.retired)
                .map(Partition)
                .collect(),
            held: std::mem::take(&mut held[key]),
            max_in_flight: member.most,
            waiting: member.waits(),
        };
        GroupStats {
            name: self.name.to_string(),
            committed: Offset(self.low_water()),
            oldest: Offset(oldest),
            position: Offset(self.position),
            since_start: tail - self.start,
            lag: (tail - self.position) + self.leases.len() as u64,
            in_flight: self.in_flight as u64,
            delayed,
            behind_key,
            dead,
            dead_letter_topic: self.rules.dead_letter.as_deref().map(str::to_string),
            any_order: !self.rules.by_key,
            max_in_flight: Some(self.rules.max_in_flight).filter(|most| *most != usize::MAX),
            delivered: self.counters.delivered,
            redelivered: self.counters.redelivered,
            expired: self.counters.expired,
            settled: self.counters.settled,
            dead_lettered: self.counters.dead_lettered,
            skipped: self.counters.skipped,
            oldest_unsettled: (oldest < tail)
                .then(|| published(oldest))
                .flatten()
                .map(|at| now.since(at)),
            oldest_state: (oldest < tail).then(|| self.place_of(oldest)),
            members: members.into_iter().map(member).collect(),
        }
    }
}
