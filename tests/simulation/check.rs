//! What must hold after every step, and at the end.

use std::time::Duration;

use memq::{DeadLetter, GroupStats, LagReason, Offset, Partition, Start};

use super::group::{Fate, Group, Lease, State};
use super::reference::{Log, Model};
use super::run::{Run, id, millis};
use super::steps::{GROUPS, Step};

impl Run<'_> {
    pub async fn check_numbers(&mut self) {
        let stats = self.topic.broker.stats("log").await.unwrap();
        let now = self.model.now;
        let ids: Vec<u64> = self.model.groups.iter().map(|group| group.id).collect();
        ids.into_iter().for_each(|group| self.model.tick(group));
        let model = &self.model;
        let log = &model.log;
        assert_eq!(stats.published, stats.depth + stats.dropped.total() + stats.consumed);
        assert_eq!((stats.next.0, stats.published), (log.tail(), log.tail()));
        assert_eq!(stats.dropped.max_messages, log.removed(LagReason::MaxMessages));
        assert_eq!(stats.dropped.expired, log.removed(LagReason::Expired));
        assert_eq!(stats.consumed, log.removed(LagReason::Consumed));
        assert_eq!(stats.depth, log.kept().len() as u64);
        assert_eq!(stats.bytes, log.kept().iter().map(|kept| kept.size()).sum::<u64>());
        assert_eq!(stats.earliest, (log.head < log.tail()).then_some(Offset(log.head)));
        assert_eq!((stats.rejected, stats.deduplicated), (model.rejected, model.repeated));
        assert_eq!(stats.partitions.len(), usize::from(log.partitions));
        for (number, real) in stats.partitions.iter().enumerate() {
            let kept = || log.kept().iter().filter(|kept| usize::from(kept.partition) == number);
            assert_eq!(real.partition, Partition(number as u16));
            assert_eq!(real.published, log.published(number as u16));
            assert_eq!(real.depth, kept().count() as u64);
            assert_eq!(real.bytes, kept().map(|kept| kept.size()).sum::<u64>());
        }
        assert_eq!(stats.subscribers.len(), model.readers.len());
        for (real, model) in stats.subscribers.iter().zip(&model.readers) {
            assert_eq!((real.position.0, real.skipped), (model.position, model.skipped));
        }
        assert_eq!(stats.groups.len(), model.groups.len());
        for (real, group) in stats.groups.iter().zip(&model.groups) {
            check_group(real, group, model, now);
        }
        for mate in &self.mates {
            let known = model.groups.iter().position(|group| group.id == mate.group);
            if let Some(consumer) = mate.consumer() {
                assert_eq!(consumer.stats().as_ref(), known.map(|at| &stats.groups[at]));
            }
            let Some(at) = known else { continue };
            let real = stats.groups[at].members.iter().find(|real| real.id == mate.member).unwrap();
            assert!(!real.waiting || mate.is_parked(), "{real:?} does not wait");
            assert!(real.waiting || !mate.is_asleep(), "{real:?} waits");
        }
    }

    /// Of those that wait and would no longer wait, somebody was woken who takes it and wakes the
    /// next.
    pub fn check_wakes(&self) {
        for asleep in self.mates.iter().filter(|mate| mate.is_asleep()) {
            if !self.model.has_something(asleep.group, asleep.member) {
                continue;
            }
            let group = self.model.groups.iter().find(|group| group.id == asleep.group).unwrap();
            let helps = |partition: u16| {
                let partitions = self.model.log.partitions;
                let serves = |member| group.serves(member, partition, partitions);
                self.mates.iter().any(|other| {
                    other.group == group.id
                        && other.is_called()
                        && (group.is_urgent() || serves(other.member) && serves(asleep.member))
                })
            };
            assert!(
                (0..self.model.log.partitions).any(helps),
                "member {} of {} sleeps on",
                asleep.member,
                GROUPS[group.name]
            );
        }
        if let Some(late) = &self.late {
            let woken = late.bell.rings() > late.rings;
            assert!(woken || !self.model.has_room(), "a publisher sleeps on");
        }
    }

    /// What was due had woken somebody, if there is anybody who surely comes.
    pub fn check_timers(&self) {
        for group in &self.model.groups {
            let due = group.due().is_some_and(|at| at < self.model.now);
            let waiting = || self.mates.iter().filter(|m| m.group == group.id && m.is_waiting());
            if due && waiting().next().is_some() {
                let called = waiting().any(|mate| mate.is_called());
                assert!(called, "nobody of {} comes when time has passed", GROUPS[group.name]);
            }
        }
    }

    /// Everything that is left is done; then each message must have ended once.
    pub async fn drain(&mut self) {
        self.step(Step::Cancel).await;
        while !self.mates.is_empty() {
            self.step(Step::Leave(0)).await;
        }
        for group in 0..GROUPS.len() {
            if self.model.groups.iter().any(|model| model.name == group) {
                let place = super::steps::Place::Earliest;
                self.step(Step::Join { group, most: 1_000, place }).await;
            }
        }
        if !self.model.closed {
            self.step(Step::Close).await;
        }
        for _ in 0..200 {
            for mate in 0..self.mates.len() {
                self.step(Step::RecvBatch(mate, 1_000)).await;
            }
            self.acknowledge_all().await;
            self.step(Step::Advance(1_000)).await;
            self.step(Step::Run(0)).await;
            let log = &self.model.log;
            let left = |group: &Group| group.leases.iter().any(|it| !is_stuck(it, group, log));
            let end = self.model.log.tail();
            if self.model.groups.iter().all(|group| group.position == end && !left(group)) {
                break;
            }
        }
        let end = self.model.log.tail();
        for group in &self.model.groups {
            assert_eq!(group.position, end);
            for offset in group.start..end {
                let left = group.leases.iter().find(|lease| lease.offset == offset);
                let ended = group.fates.contains_key(&offset);
                let open = left.is_some_and(|lease| is_stuck(lease, group, &self.model.log));
                assert!(ended != open, "{offset} of {}: {left:?}", GROUPS[group.name]);
            }
        }
        self.check_graves().await;
    }

    /// Each dead letter is there once, with what it was and why it died.
    async fn check_graves(&self) {
        let broker = &self.topic.broker;
        let own = GROUPS.map(|group| format!("log.{group}.dead"));
        let names = own.iter().map(String::as_str).chain(["graves"]);
        for (name, graves) in names.zip(&self.model.graves) {
            let from = Start::Offset(Offset(graves.head as u64));
            let kept = &graves.letters[graves.head..];
            if kept.is_empty() {
                continue;
            }
            let mut real = broker.topic(name).subscriber().from(from).await.unwrap();
            for letter in kept {
                let record = real.try_recv().unwrap().expect("a dead letter");
                let why = DeadLetter::of(record.headers()).unwrap();
                let message = self.model.log.at(letter.offset);
                assert_eq!((why.topic.as_str(), why.group.as_str()), ("log", GROUPS[letter.group]));
                assert_eq!((why.offset.0, why.attempts), (letter.offset, letter.attempts));
                assert_eq!((&why.reason, why.partition.0), (&letter.reason, message.partition));
                assert_eq!((id(&record), record.key()), (message.id, message.key.map(Into::into)));
            }
            assert!(real.try_recv().unwrap().is_none());
        }
    }
}

/// Whether it is dead and its dead-letter topic full, or behind one of its key that is.
fn is_stuck(lease: &Lease, group: &Group, log: &Log) -> bool {
    matches!(lease.state, State::Dead { .. }) || !group.is_turn(lease.offset, log)
}

fn check_group(real: &GroupStats, group: &Group, model: &Model, now: u64) {
    let log = &model.log;
    let count = |wanted: fn(&State) -> bool| {
        group.leases.iter().filter(|lease| wanted(&lease.state)).count() as u64
    };
    let new = group.leases.iter().filter(|lease| lease.state == State::New);
    let behind = new.filter(|lease| !group.is_turn(lease.offset, log)).count() as u64;
    let oldest = group.unsettled(log.head);
    let ended = real.settled + real.dead_lettered + real.skipped;
    assert_eq!(real.since_start, ended + real.lag);
    assert_eq!(real.name, GROUPS[group.name]);
    assert_eq!((real.committed.0, real.position.0), (group.committed(), group.position));
    assert_eq!(real.since_start, log.tail() - group.start);
    assert_eq!(real.lag, log.tail() - group.position + group.leases.len() as u64);
    assert_eq!(real.in_flight, count(|state| matches!(state, State::InFlight { .. })));
    assert_eq!(real.delayed, count(|state| matches!(state, State::Delayed(_))));
    assert_eq!(real.dead, count(|state| matches!(state, State::Dead { .. })));
    assert_eq!((real.behind_key, real.any_order), (behind, group.rules.any_order));
    let hand_outs = (real.delivered, real.redelivered, real.expired);
    let counters = &group.counters;
    assert_eq!(hand_outs, (counters.delivered, counters.redelivered, counters.expired));
    assert_eq!(real.settled, group.fate(Fate::Settled));
    assert_eq!(real.dead_lettered, group.fate(Fate::Buried));
    assert_eq!(real.skipped, group.fate(Fate::Skipped));
    let age: Option<Duration> = (oldest < log.tail()).then(|| millis(now - log.at(oldest).at));
    assert_eq!(real.oldest_unsettled, age);
    assert_eq!(real.members.len(), group.members.len());
    for (real, member) in real.members.iter().zip(&group.members) {
        assert_eq!((real.id, real.max_in_flight), (member.id, member.most));
        let held: Vec<u64> = real.held.iter().map(|offset| offset.0).collect();
        assert_eq!(held, group.held(Some(member.id)));
        let serves = |partition: &u16| group.serves(member.id, *partition, log.partitions);
        let partitions: Vec<_> = (0..log.partitions).filter(serves).map(Partition).collect();
        assert_eq!(real.partitions, partitions);
    }
}
