//! A group in numbers.

use std::collections::HashMap;

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
        let count = |wanted: fn(&LeaseState) -> bool| {
            self.leases.iter().filter(|(_, lease)| wanted(&lease.state)).count() as u64
        };
        let oldest = self.low_water_from(head);
        let mut held: HashMap<usize, Vec<Offset>> = HashMap::new();
        for (offset, lease) in self.leases.iter() {
            if let LeaseState::InFlight { member, .. } = lease.state {
                held.entry(member).or_default().push(Offset(offset));
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
            held: held.remove(&key).unwrap_or_default(),
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
            delayed: count(|state| matches!(state, LeaseState::Delayed { .. })),
            behind_key: count(|state| matches!(state, LeaseState::Behind)),
            dead: count(|state| matches!(state, LeaseState::Dead(_) | LeaseState::Burying { .. })),
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
            members: self.members.in_order().into_iter().map(member).collect(),
        }
    }
}
