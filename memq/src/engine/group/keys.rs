//! Messages of one key, one after the other: whose turn it is. A plain data structure.

use std::collections::{HashMap, VecDeque};

/// A key within a partition, by its hash. Two keys of one hash take turns as if they were one,
/// which costs concurrency and nothing else.
type KeyOf = (u16, u64);

/// Unsettled messages by key, in the order of their offsets.
#[derive(Debug, Default)]
pub(super) struct Keys {
    queues: HashMap<KeyOf, Queue>,
}

#[derive(Debug)]
struct Queue {
    /// Whose turn it is.
    head: u64,
    /// Most keys have nobody behind the head, and then this allocates nothing.
    behind: VecDeque<u64>,
}

impl Keys {
    /// Adds a message at the end. Returns whether it is its turn.
    #[inline]
    pub(super) fn enter(&mut self, partition: u16, key: u64, offset: u64) -> bool {
        key == 0 || self.queue(partition, key, offset)
    }

    fn queue(&mut self, partition: u16, key: u64, offset: u64) -> bool {
        let mut new = false;
        let queue = self.queues.entry((partition, key)).or_insert_with(|| {
            new = true;
            Queue { head: offset, behind: VecDeque::new() }
        });
        if !new {
            queue.behind.push_back(offset);
        }
        new
    }

    /// Removes a message. Returns the one whose turn it is now, if that has changed.
    #[inline]
    pub(super) fn leave(&mut self, partition: u16, key: u64, offset: u64) -> Option<u64> {
        if key == 0 { None } else { self.unqueue(partition, key, offset) }
    }

    fn unqueue(&mut self, partition: u16, key: u64, offset: u64) -> Option<u64> {
        let queue = self.queues.get_mut(&(partition, key))?;
        if queue.head != offset {
            if let Ok(at) = queue.behind.binary_search(&offset) {
                queue.behind.remove(at);
            }
            return None;
        }
        match queue.behind.pop_front() {
            Some(next) => {
                queue.head = next;
                Some(next)
            }
            None => {
                self.queues.remove(&(partition, key));
                None
            }
        }
    }

    /// Forgets everything.
    pub(super) fn clear(&mut self) {
        self.queues.clear();
    }
}
