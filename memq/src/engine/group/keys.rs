//! Messages of one key, one after the other: whose turn it is. A plain data structure.

use std::collections::{HashMap, VecDeque};

/// A key within a partition, by its hash. Two keys of one hash take turns as if they were one,
/// which costs concurrency and nothing else.
type KeyOf = (u16, u64);

/// Keys, and messages behind one of them, for which there may be room that is not used.
const ROOM: usize = 64;

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
                queue.shrink();
            }
            return None;
        }
        match queue.behind.pop_front() {
            Some(next) => {
                queue.head = next;
                queue.shrink();
                Some(next)
            }
            None => {
                self.queues.remove(&(partition, key));
                self.shrink();
                None
            }
        }
    }

    /// Gives back room that is not used. What moves then is little, and so many have left since there
    /// was that room.
    fn shrink(&mut self) {
        if self.queues.capacity() > ROOM.max(4 * self.queues.len()) {
            self.queues.shrink_to(2 * self.queues.len());
        }
    }

    /// Forgets everything.
    pub(super) fn clear(&mut self) {
        *self = Self::default();
    }
}

impl Queue {
    /// As [`Keys::shrink`].
    fn shrink(&mut self) {
        if self.behind.capacity() > ROOM.max(4 * self.behind.len()) {
            self.behind.shrink_to(2 * self.behind.len());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn room_is_given_back_when_keys_have_left() {
        let mut keys = Keys::default();
        for offset in 0..10_000 {
            assert!(keys.enter(0, offset + 1, offset));
        }
        assert!(keys.queues.capacity() >= 10_000);
        let (mut moved, mut room) = (0, keys.queues.capacity());
        for offset in 0..10_000 {
            assert_eq!(keys.leave(0, offset + 1, offset), None);
            let left = keys.queues.len();
            assert!(keys.queues.capacity() <= ROOM.max(4 * left));
            // As often as it is halved, and not with each that leaves.
            moved += usize::from(keys.queues.capacity() + 1 < room);
            room = keys.queues.capacity();
        }
        assert!(moved <= 10, "moved {moved} times");
        keys.enter(0, 1, 0);
        keys.clear();
        assert_eq!(keys.queues.capacity(), 0);
    }

    #[test]
    fn room_is_given_back_when_messages_behind_a_key_have_left() {
        let mut keys = Keys::default();
        for offset in 0..10_000 {
            assert_eq!(keys.enter(0, 7, offset), offset == 0);
        }
        let room = |keys: &Keys| keys.queues[&(0, 7)].behind.capacity();
        assert!(room(&keys) >= 9_999);
        for offset in 0..9_999 {
            assert_eq!(keys.leave(0, 7, offset), Some(offset + 1));
            assert!(room(&keys) <= ROOM.max(4 * (9_998 - offset as usize)));
        }
    }
}
