//! What a topic and its dead-letter topics are meant to do, as simply as it can be said.

use std::collections::{BTreeMap, VecDeque};

use memq::{LagReason, Overflow, Retain};

use super::group::{Fate, Got, Group, Member, Pick, Refusal, State, Ticket};
use super::steps::{Dead, How, Options, Place, Rules};

/// What a message counts beside its bytes, and what a key costs.
const PRICE: u64 = 64 + 8;
const KEYED: u64 = 96;

#[derive(Clone, Debug)]
pub struct Message {
    pub id: u64,
    pub key: Option<u8>,
    pub partition: u16,
    pub at: u64,
}

impl Message {
    pub fn size(&self) -> u64 {
        PRICE + self.key.map_or(0, |key| KEYED + key.to_string().len() as u64)
    }
}

/// Everything that was ever published, of which `head..` is kept.
pub struct Log {
    messages: Vec<Message>,
    pub head: u64,
    pub partitions: u16,
    /// Why each message before `head` went.
    gone: Vec<LagReason>,
}

impl Log {
    pub fn at(&self, offset: u64) -> &Message {
        &self.messages[offset as usize]
    }

    pub fn tail(&self) -> u64 {
        self.messages.len() as u64
    }

    pub fn kept(&self) -> &[Message] {
        &self.messages[self.head as usize..]
    }

    pub fn published(&self, partition: u16) -> u64 {
        self.messages.iter().filter(|message| message.partition == partition).count() as u64
    }

    pub fn removed(&self, wanted: LagReason) -> u64 {
        self.gone.iter().filter(|reason| **reason == wanted).count() as u64
    }

    fn remove(&mut self, reason: LagReason) {
        self.gone.push(reason);
        self.head += 1;
    }

    /// Why messages from here on went, that not everybody had passed; if there are any.
    pub fn reasons_since(&self, offset: u64) -> Vec<LagReason> {
        let mut reasons = self.gone[offset as usize..].to_vec();
        if reasons.iter().any(|reason| *reason != LagReason::Consumed) {
            reasons.retain(|reason| *reason != LagReason::Consumed);
        }
        reasons
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unpublished {
    Full,
    Closed,
    Partition,
    NoDedup,
}

#[derive(Clone, Debug)]
pub struct Reader {
    pub position: u64,
    pub skipped: u64,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Letter {
    pub group: usize,
    pub offset: u64,
    pub attempts: u32,
    pub reason: String,
    pub redriven: bool,
}

/// A dead-letter topic.
#[derive(Default)]
pub struct Graves {
    pub letters: Vec<Letter>,
    pub head: usize,
    /// Whether somebody has redriven, who counts as a reader of it.
    redriven: bool,
}

pub struct Model {
    pub options: Options,
    pub log: Log,
    pub now: u64,
    pub closed: bool,
    pub rejected: u64,
    pub repeated: u64,
    /// Whether a publisher waits for room, whom nobody overtakes unless there is room for both.
    pub queued: bool,
    pub groups: Vec<Group>,
    pub readers: Vec<Reader>,
    /// What ended a batch of a member, by group and member.
    pub pending: BTreeMap<(u64, u64), VecDeque<Got>>,
    /// Of each group's own, and the shared one.
    pub graves: [Graves; 4],
    turn: u16,
    ids: Vec<(u8, u64, u64)>,
    group_ids: u64,
}

impl Model {
    pub fn new(options: Options) -> Self {
        let partitions = options.partitions;
        Self {
            options,
            log: Log { messages: Vec::new(), head: 0, partitions, gone: Vec::new() },
            now: 0,
            closed: false,
            pending: BTreeMap::new(),
            rejected: 0,
            repeated: 0,
            queued: false,
            groups: Vec::new(),
            readers: Vec::new(),
            graves: Default::default(),
            turn: 0,
            ids: Vec::new(),
            group_ids: 0,
        }
    }

    pub fn group(&mut self, id: u64) -> Option<&mut Group> {
        self.groups.iter_mut().find(|group| group.id == id)
    }

    /// Where the dead of a group are.
    pub fn grave(name: usize, rules: &Rules) -> Option<usize> {
        match rules.dead {
            Dead::Own => Some(name),
            Dead::Shared => Some(3),
            Dead::Never => None,
        }
    }

    /// Everything before it was passed by all who read; without anybody that is nothing.
    fn floor(&self) -> u64 {
        let groups = self.groups.iter().map(|group| group.unsettled(self.log.head));
        let readers = self.readers.iter().map(|reader| reader.position);
        groups.chain(readers).min().unwrap_or(0)
    }

    /// Time and readers remove messages without traffic.
    pub fn settle(&mut self) {
        loop {
            while self.options.retain == Retain::UntilConsumed
                && self.log.head < self.floor().min(self.log.tail())
            {
                self.log.remove(LagReason::Consumed);
            }
            let oldest = self.log.kept().first();
            let due = oldest.zip(self.options.ttl).map(|(oldest, ttl)| oldest.at + ttl);
            if due.is_none_or(|due| due > self.now) {
                break;
            }
            self.log.remove(LagReason::Expired);
        }
    }

    // Publishing.

    /// Whether a publish would not have to wait.
    pub fn has_room(&self) -> bool {
        self.has_room_for(1)
    }

    fn has_room_for(&self, messages: u64) -> bool {
        let passed = self.floor().max(self.log.head);
        let left = self.log.tail().saturating_sub(passed);
        self.closed
            || self.options.overflow == Overflow::DropOldest
            || left + messages <= self.options.max as u64
    }

    pub fn publish(
        &mut self,
        id: u64,
        key: Option<u8>,
        partition: Option<u16>,
        dedup: Option<u8>,
    ) -> Result<u64, Unpublished> {
        if dedup.is_some() && self.options.dedup.is_none() {
            return Err(Unpublished::NoDedup);
        }
        if partition.is_some_and(|partition| partition >= self.log.partitions) {
            return Err(Unpublished::Partition);
        }
        if self.closed {
            return Err(Unpublished::Closed);
        }
        if let (Some(dedup), Some(window)) = (dedup, self.options.dedup) {
            self.ids.retain(|(_, _, at)| at + window > self.now);
            if let Some((_, offset, _)) = self.ids.iter().find(|(known, ..)| *known == dedup) {
                self.repeated += 1;
                return Ok(*offset);
            }
        }
        self.settle();
        if !self.has_room_for(1 + u64::from(self.queued)) {
            return Err(Unpublished::Full);
        }
        let offset = self.store(id, key, partition);
        self.ids.extend(dedup.map(|dedup| (dedup, offset, self.now)));
        Ok(offset)
    }

    fn store(&mut self, id: u64, key: Option<u8>, partition: Option<u16>) -> u64 {
        while self.options.overflow != Overflow::DropOldest
            && self.log.kept().len() >= self.options.max
        {
            self.log.remove(LagReason::Consumed);
        }
        let partition = partition.unwrap_or_else(|| match key {
            Some(key) => memq::Key::from(key).partition(self.log.partitions).0,
            None => {
                let turn = self.turn;
                self.turn = (turn + 1) % self.log.partitions;
                turn
            }
        });
        self.log.messages.push(Message { id, key, partition, at: self.now });
        while self.log.kept().len() > self.options.max {
            self.log.remove(LagReason::MaxMessages);
        }
        self.log.tail() - 1
    }

    // Groups.

    pub fn resolve(&mut self, place: Place) -> Result<u64, u64> {
        self.settle();
        let tail = self.log.tail();
        match place {
            Place::Earliest | Place::Committed => Ok(self.log.head),
            Place::Latest => Ok(tail),
            // Of those kept, so many at the end.
            Place::Last(count) => Ok(tail - count.min(self.log.kept().len() as u64)),
            Place::Part(part) => {
                let offset = (tail * part).div_ceil(100);
                if offset > tail { Err(offset) } else { Ok(offset) }
            }
        }
    }

    /// The group of this name; `None` where it would start beyond the end.
    pub fn join(&mut self, name: usize, most: usize, place: Place) -> Option<(u64, u64)> {
        if !self.groups.iter().any(|group| group.name == name) {
            let start = self.resolve(place).ok()?;
            let rules = self.options.groups[name];
            self.groups.push(Group::new(self.group_ids, name, rules, start));
            self.group_ids += 1;
        }
        let group = self.groups.iter_mut().find(|group| group.name == name).unwrap();
        let member = group.joined;
        group.joined += 1;
        group.members.push(Member { id: member, most });
        Some((group.id, member))
    }

    pub fn leave(&mut self, id: u64, member: u64) {
        let untold = self.pending.remove(&(id, member)).unwrap_or_default();
        if let Some(group) = self.groups.iter_mut().find(|group| group.id == id) {
            untold.into_iter().for_each(|got| group.leave_untold(got));
        }
        self.settle();
        let Some(group) = self.groups.iter_mut().find(|group| group.id == id) else { return };
        group.tell(&self.log);
        group.leave(member);
        group.tick(self.now);
    }

    /// A group learns what time and retention have done.
    pub fn tick(&mut self, id: u64) {
        self.settle();
        let Some(group) = self.groups.iter_mut().find(|group| group.id == id) else { return };
        group.tell(&self.log);
        group.tick(self.now);
    }

    /// Messages of a group that are not settled, and those that are still to come.
    pub fn ahead(&self, id: u64) -> usize {
        let group = self.groups.iter().find(|group| group.id == id);
        group.map_or(0, |group| group.leases.len() + (self.log.tail() - group.position) as usize)
    }

    /// What a member gets; `real` is what it got, where that is a message.
    pub fn receive(&mut self, id: u64, member: u64, real: Option<u64>) -> Got {
        // What ended a batch is the consumer's, whatever became of the group.
        if let Some(pending) = self.pending.get_mut(&(id, member)).and_then(VecDeque::pop_front) {
            return pending;
        }
        self.claim(id, member, real)
    }

    pub fn claim(&mut self, id: u64, member: u64, real: Option<u64>) -> Got {
        let lends = self.options.overflow != Overflow::DropOldest
            && self.options.retain == Retain::WithinLimits
            && self.options.partitions == 1
            && !self.closed;
        loop {
            self.tick(id);
            let Some(group) = self.groups.iter_mut().find(|group| group.id == id) else {
                return Got::GroupDeleted;
            };
            let ahead = real.filter(|_| lends);
            match group.pick(member, self.now, &self.log, ahead) {
                Pick::Bury(offset) => drop(self.bury(id, offset)),
                Pick::Got(Got::Nothing) if self.closed && group.is_done(self.log.tail()) => {
                    return Got::Closed;
                }
                Pick::Got(got) => return got,
            }
        }
    }

    /// Whether a receive would return at once.
    pub fn has_something(&self, id: u64, member: u64) -> bool {
        let Some(group) = self.groups.iter().find(|group| group.id == id) else { return true };
        let mut group = group.clone();
        let done = self.closed && group.is_done(self.log.tail());
        done || !matches!(group.pick(member, self.now, &self.log, None), Pick::Got(Got::Nothing))
    }

    /// Moves a dead message to its dead-letter topic, if that has room.
    fn bury(&mut self, id: u64, offset: u64) -> Result<(), Refusal> {
        let retry = self.now + 1_000;
        let max = self.options.dead_max;
        let group = self.groups.iter_mut().find(|group| group.id == id).unwrap();
        let lease = group.lease(offset).unwrap().clone();
        let State::Dead { reason, .. } = lease.state else { panic!("{lease:?} is not dead") };
        let graves = &mut self.graves[Self::grave(group.name, &group.rules).unwrap()];
        if let Some(max) = max {
            while graves.redriven
                && graves.letters.len() - graves.head >= max
                && graves.letters[graves.head].redriven
            {
                graves.head += 1;
            }
            if graves.letters.len() - graves.head >= max {
                group.not_buried(offset, retry);
                return Err(Refusal::DeadLetter);
            }
        }
        let (group_name, attempts) = (group.name, lease.attempt);
        graves.letters.push(Letter {
            group: group_name,
            offset,
            attempts,
            reason,
            redriven: false,
        });
        group.end(offset, Fate::Buried);
        Ok(())
    }

    pub fn give_back(&mut self, id: u64, ticket: Ticket, how: How) -> Result<(), Refusal> {
        self.settle();
        let now = self.now;
        let Some(group) = self.groups.iter_mut().find(|group| group.id == id) else {
            return Err(Refusal::GroupDeleted);
        };
        group.tell(&self.log);
        group.valid(ticket)?;
        let (offset, rules) = (ticket.offset, group.rules);
        let later = |delay: u64| (delay > 0).then(|| now + delay);
        match how {
            How::Ack => group.end(offset, Fate::Settled),
            How::Drop => group.come_back(offset, None, "its delivery was dropped"),
            How::Nack => group.come_back(offset, later(rules.backoff), "nacked"),
            How::NackAfter(delay) => group.come_back(offset, later(delay), "nacked"),
            How::Reject if rules.dead == Dead::Never => {
                group.come_back(offset, later(rules.backoff), "rejected");
                return Err(Refusal::NoDeadLetterTopic);
            }
            How::Reject => {
                group.lease(offset).unwrap().state =
                    State::Dead { reason: "unwanted".into(), retry: None };
            }
            How::Extend | How::ExtendBy(_) => unreachable!(),
        }
        let state = group.lease(offset).map(|lease| lease.state.clone());
        match state {
            Some(State::Dead { retry: None, .. }) => self.bury(id, offset),
            _ => Ok(()),
        }
    }

    /// Where a group is moved to.
    pub fn seek(&mut self, id: u64, place: Place) -> Result<u64, u64> {
        if let (Place::Committed, true) = (place, self.groups.iter().any(|group| group.id == id)) {
            self.tick(id);
            let group = self.group(id).unwrap();
            group.recall();
            return Ok(group.committed());
        }
        let position = self.resolve(place)?;
        if let Some(group) = self.groups.iter_mut().find(|group| group.id == id) {
            group.seek(position);
            group.tell(&self.log);
        }
        Ok(position)
    }

    /// Publishes a group's dead letters again, those with such offsets. Returns how many, how many
    /// were left, and whether it was stopped by a full topic.
    pub fn redrive(&mut self, name: usize, even: bool) -> (u64, u64, Option<Unpublished>) {
        let rules = self.options.groups[name];
        let grave = Self::grave(name, &rules).unwrap();
        self.graves[grave].redriven = true;
        let (mut done, mut left) = (0, 0);
        for at in self.graves[grave].head..self.graves[grave].letters.len() {
            let letter = &self.graves[grave].letters[at];
            if letter.redriven {
                continue;
            }
            if letter.group != name || (letter.offset % 2 == 0) != even {
                left += 1;
                continue;
            }
            let Message { id, key, partition, .. } = *self.log.at(letter.offset);
            match self.publish(id, key, Some(partition), None) {
                Ok(_) => self.graves[grave].letters[at].redriven = true,
                Err(refusal) => return (done, left, Some(refusal)),
            }
            done += 1;
        }
        (done, left, None)
    }
}
