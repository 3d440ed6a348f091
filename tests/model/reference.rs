//! What a topic is meant to do, as simply as it can be said.

use std::collections::VecDeque;

use memq::{LagReason, Overflow, Timestamp};

use super::steps::Options;

/// What a message counts beside its bytes.
pub const PRICE: usize = 64;

#[derive(Clone, Debug)]
pub struct Kept {
    pub offset: u64,
    pub id: u64,
    pub size: usize,
    pub at: Timestamp,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phase {
    Open,
    Closed,
    Deleted,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    Full,
    TooLarge,
    Closed,
    Deleted,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Got {
    Message { offset: u64, id: u64, at: Timestamp },
    Lagged { skipped: u64, reason: LagReason },
    Nothing,
    Closed,
    Deleted,
}

#[derive(Clone, Debug)]
pub struct Reader {
    pub id: u64,
    pub start: u64,
    pub position: u64,
    pub delivered: u64,
    pub filtered: u64,
    pub skipped: u64,
    /// Passes over messages whose id has this remainder by 3.
    pub filter: Option<u8>,
    /// The error that ended a batch.
    pub pending: Option<Got>,
}

pub struct Model {
    pub options: Options,
    pub kept: VecDeque<Kept>,
    /// The next offset, and how many were published.
    pub next: u64,
    pub max_messages: u64,
    pub max_bytes: u64,
    pub expired: u64,
    pub consumed: u64,
    pub rejected: u64,
    pub reserved: usize,
    /// The size of the message of a publisher that waits for room, if one does.
    pub queued: Option<usize>,
    pub now: Timestamp,
    pub phase: Phase,
    pub readers: Vec<Reader>,
    pub joined: u64,
    reason: LagReason,
}

impl Model {
    pub fn new(options: Options, now: Timestamp) -> Self {
        Self {
            options,
            kept: VecDeque::new(),
            next: 0,
            max_messages: 0,
            max_bytes: 0,
            expired: 0,
            consumed: 0,
            rejected: 0,
            reserved: 0,
            queued: None,
            now,
            phase: Phase::Open,
            readers: Vec::new(),
            joined: 0,
            reason: LagReason::MaxMessages,
        }
    }

    pub fn head(&self) -> u64 {
        self.next - self.kept.len() as u64
    }

    pub fn bytes(&self) -> usize {
        self.kept.iter().map(|kept| kept.size).sum()
    }

    fn remove(&mut self, reason: LagReason) {
        self.kept.pop_front();
        self.reason = reason;
    }

    /// Expiry needs no traffic.
    pub fn expire(&mut self) {
        let Some(ttl) = self.options.ttl else { return };
        while self.kept.front().is_some_and(|oldest| oldest.at + ttl <= self.now) {
            self.remove(LagReason::Expired);
            self.expired += 1;
        }
    }

    /// Why a message of this size is refused whatever room there is.
    fn refusal(&self, size: usize) -> Option<Refusal> {
        match self.phase {
            Phase::Closed => Some(Refusal::Closed),
            Phase::Deleted => Some(Refusal::Deleted),
            Phase::Open if size > self.options.max_bytes => Some(Refusal::TooLarge),
            Phase::Open => None,
        }
    }

    /// Room is made only from what every reader has passed; without a reader, from nothing. For one more
    /// message, and for these bytes.
    fn make_room(&mut self, bytes: usize) -> bool {
        if self.options.overflow == Overflow::DropOldest {
            return true;
        }
        let passed = self.readers.iter().map(|reader| reader.position).min().unwrap_or(0);
        loop {
            let messages = self.kept.len() + self.reserved + 1 > self.options.max;
            let too_large = self.bytes() + bytes > self.options.max_bytes;
            if !messages && !too_large {
                return true;
            }
            if self.kept.is_empty() || self.head() >= passed {
                return false;
            }
            self.remove(LagReason::Consumed);
            self.consumed += 1;
        }
    }

    /// Whether nobody waits who comes first, or there is room for both.
    fn has_room(&mut self, size: usize) -> bool {
        let Some(waits) = self.queued else { return self.make_room(size) };
        let passed = self.readers.iter().map(|reader| reader.position).min().unwrap_or(0);
        let left = self.kept.iter().filter(|kept| kept.offset >= passed).count();
        left + self.reserved + 2 <= self.options.max
            && waits + size <= self.options.max_bytes
            && self.make_room(waits + size)
    }

    /// Whether a publish of this length would no longer wait; changes nothing.
    pub fn would_publish(&self, length: usize) -> bool {
        let size = length + PRICE;
        if self.refusal(size).is_some() || self.options.overflow == Overflow::DropOldest {
            return true;
        }
        let passed = self.readers.iter().map(|reader| reader.position).min().unwrap_or(0);
        let left = || self.kept.iter().filter(|kept| kept.offset >= passed);
        let bytes: usize = left().map(|kept| kept.size).sum();
        left().count() + self.reserved < self.options.max && bytes + size <= self.options.max_bytes
    }

    fn store(&mut self, id: u64, size: usize) -> u64 {
        let offset = self.next;
        self.kept.push_back(Kept { offset, id, size, at: self.now });
        self.next += 1;
        if self.options.overflow == Overflow::DropOldest {
            while self.kept.len() > self.options.max {
                self.remove(LagReason::MaxMessages);
                self.max_messages += 1;
            }
            while self.bytes() > self.options.max_bytes {
                self.remove(LagReason::MaxBytes);
                self.max_bytes += 1;
            }
        }
        offset
    }

    pub fn publish(&mut self, id: u64, length: usize) -> Result<u64, Refusal> {
        let size = length + PRICE;
        match self.refusal(size) {
            Some(refusal) => Err(refusal),
            None if self.has_room(size) => Ok(self.store(id, size)),
            None => Err(Refusal::Full),
        }
    }

    pub fn reserve(&mut self) -> Result<(), Refusal> {
        match self.refusal(0) {
            Some(refusal) => Err(refusal),
            None if self.queued.is_none() && self.make_room(1) => {
                self.reserved += 1;
                Ok(())
            }
            None => Err(Refusal::Full),
        }
    }

    pub fn send(&mut self, id: u64, length: usize) -> Result<u64, Refusal> {
        self.reserved -= 1;
        match self.refusal(length + PRICE) {
            Some(refusal) => Err(refusal),
            None => Ok(self.store(id, length + PRICE)),
        }
    }

    /// The first offset stored at or after this time.
    pub fn first_at(&self, at: Timestamp) -> u64 {
        self.kept.iter().find(|kept| kept.at >= at).map_or(self.next, |kept| kept.offset)
    }

    /// The first offset of this many kept at the end.
    pub fn first_of_last(&self, count: u64) -> u64 {
        let last = self.kept.iter().rev().take(count as usize);
        last.map(|kept| kept.offset).min().unwrap_or(self.next)
    }

    pub fn join(&mut self, position: u64, filter: Option<u8>) {
        self.readers.push(Reader {
            id: self.joined,
            start: position,
            position,
            delivered: 0,
            filtered: 0,
            skipped: 0,
            filter,
            pending: None,
        });
        self.joined += 1;
    }

    pub fn seek(&mut self, reader: usize, position: u64) {
        let old = &self.readers[reader];
        self.readers[reader] = Reader {
            start: position,
            position,
            delivered: 0,
            filtered: 0,
            skipped: 0,
            pending: None,
            ..*old
        };
    }

    /// Whether a receive would return at once.
    pub fn has_something(&self, reader: usize) -> bool {
        let reader = &self.readers[reader];
        self.phase != Phase::Open || reader.pending.is_some() || reader.position < self.next
    }

    pub fn receive(&mut self, reader: usize) -> Got {
        let (head, reason, phase) = (self.head(), self.reason, self.phase);
        let reader = &mut self.readers[reader];
        if let Some(pending) = reader.pending.take() {
            return pending;
        }
        if phase == Phase::Deleted {
            return Got::Deleted;
        }
        if reader.position < head {
            let skipped = head - reader.position;
            reader.skipped += skipped;
            reader.position = head;
            return Got::Lagged { skipped, reason };
        }
        while let Some(kept) = self.kept.get((reader.position - head) as usize) {
            reader.position += 1;
            if reader.filter.is_some_and(|remainder| kept.id % 3 == u64::from(remainder)) {
                reader.filtered += 1;
                continue;
            }
            reader.delivered += 1;
            return Got::Message { offset: kept.offset, id: kept.id, at: kept.at };
        }
        if phase == Phase::Closed { Got::Closed } else { Got::Nothing }
    }

    pub fn receive_batch(&mut self, reader: usize, max: usize) -> Vec<Got> {
        let mut batch = Vec::new();
        while batch.len() < max {
            match self.receive(reader) {
                message @ Got::Message { .. } => batch.push(message),
                Got::Nothing => break,
                error if batch.is_empty() => return vec![error],
                error => {
                    self.readers[reader].pending = Some(error);
                    break;
                }
            }
        }
        batch
    }
}
