//! Message ids that were seen lately, and the offset each was stored at. A plain data structure.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use crate::position::Timestamp;

/// Ids that are remembered at most; beyond that the oldest are forgotten before their time.
pub(crate) const MAX_IDS: usize = 1 << 20;

/// The ids of one topic.
#[derive(Debug, Default)]
pub(super) struct Dedup {
    offsets: HashMap<Arc<str>, u64>,
    /// In the order in which they came.
    order: VecDeque<(Timestamp, Arc<str>)>,
    /// Publishes that repeated an id.
    repeated: u64,
    /// Ids that were forgotten before their time.
    forgotten: u64,
}

impl Dedup {
    /// Where the message of this id was stored, if that is less than `window` ago.
    pub(super) fn find(&mut self, id: &str, window: Duration, now: Timestamp) -> Option<u64> {
        while self.order.front().is_some_and(|(at, _)| *at + window <= now) {
            self.forget_oldest();
        }
        let offset = self.offsets.get(id).copied();
        self.repeated += u64::from(offset.is_some());
        offset
    }

    /// Remembers an id that is not known.
    pub(super) fn add(&mut self, id: Arc<str>, offset: u64, now: Timestamp) {
        if self.order.len() >= MAX_IDS {
            self.forget_oldest();
            self.forgotten += 1;
        }
        self.offsets.insert(id.clone(), offset);
        self.order.push_back((now, id));
    }

    pub(super) fn repeated(&self) -> u64 {
        self.repeated
    }

    pub(super) fn forgotten(&self) -> u64 {
        self.forgotten
    }

    fn forget_oldest(&mut self) {
        if let Some((_, id)) = self.order.pop_front() {
            self.offsets.remove(&id);
        }
    }
}
