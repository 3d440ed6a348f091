//! Readers that are about to lose messages, in a topic whose publishers do not wait.

use std::sync::Arc;

use super::State;
use crate::engine::stats::Gauge;
use crate::options::Overflow;

/// How often a publisher asks whether a reader presses, and how many readers are looked at then.
const EVERY: u64 = 1024;
const FEW: usize = 16;

/// A reader presses that loses messages once so many more come, or half as many as the topic keeps.
const SOON: u64 = 8 * EVERY;

/// Publishers pause once for so many messages, and so many times more.
const PER_PAUSE: u64 = 16_384;
const AT_ONCE: u64 = 64;

impl<P> State<P> {
    /// Whether there is a reader that has lost nothing of what is kept, and soon does.
    pub(in crate::engine) fn presses(&self) -> bool {
        self.pressing().next().is_some()
    }

    /// Whether a publisher is to pause for a reader that presses. One that has not read as many
    /// messages as the topic keeps, since it came or lost some, is not paused for: it may be slow.
    pub(in crate::engine) fn pauses(&mut self) -> bool {
        let most = self.log.limits().max_messages as u64;
        self.pressing().any(|reader| reader.is_whole(most)) && self.take_pause()
    }

    fn take_pause(&mut self) -> bool {
        let tail = self.log.tail();
        let paused = self.paused.max(tail) + PER_PAUSE;
        let is_left = paused <= tail + AT_ONCE * PER_PAUSE;
        if is_left {
            self.paused = paused;
        }
        is_left
    }

    /// Those readers, of a few, from another one on each time, which is after about `EVERY` messages:
    /// their positions are in caches of other cores.
    fn pressing(&self) -> impl Iterator<Item = &Arc<Gauge>> {
        let (most, head) = (self.log.limits().max_messages as u64, self.log.head());
        let free = most.saturating_sub(self.log.tail() - head);
        let soon = if self.overflow() == Overflow::DropOldest { (most / 2).min(SOON) } else { 0 };
        let first = (self.log.tail() / EVERY) as usize % self.readers.len().max(1);
        let (before, after) = self.readers.split_at(first);
        after.iter().chain(before).take(FEW).filter(move |reader| {
            let ahead = reader.position().checked_sub(head);
            ahead.is_some_and(|ahead| ahead + free < soon)
        })
    }
}

#[cfg(all(test, not(memq_loom)))]
mod tests {
    use super::*;
    use crate::engine::after::After;
    use crate::engine::offer::Entry;
    use crate::engine::queue::Place;
    use crate::options::{Request, Start};
    use crate::position::Timestamp;

    struct Bench {
        state: State<()>,
        reader: Arc<Gauge>,
        after: After<()>,
    }

    impl Bench {
        /// A topic that keeps so many messages, and its reader.
        fn new(most: usize) -> Self {
            let (mut state, mut after) = (State::new(), After::new());
            state.settle(&Request { max_messages: Some(most), ..Request::default() }, &mut after);
            let reader = state.join(Start::Earliest, Timestamp::default(), &mut after);
            let reader = reader.expect("a topic that is there");
            Self { state, reader, after }
        }

        fn publish(&mut self, count: u64) {
            for _ in 0..count {
                let mut offer = Some(Entry::new((), None, 1));
                let (now, place) = (Timestamp::default(), &mut Place::default());
                assert!(self.state.append(&mut offer, None, now, place, &mut self.after).is_ok());
            }
        }

        /// The reader is told of what it lost, if it did, and then has read all.
        fn read(&mut self) {
            self.state.find(&self.reader, Timestamp::default(), &mut self.after);
            self.reader.passed(self.state.log.tail());
        }

        /// How often a publisher pauses now, one that would for ever.
        fn pauses(&mut self) -> usize {
            std::iter::repeat_with(|| self.state.pauses()).take_while(|pauses| *pauses).count()
        }
    }

    #[test]
    fn publishers_pause_for_who_kept_up_and_once_for_so_many_messages() {
        let (most, at_once) = (PER_PAUSE, AT_ONCE as usize);
        let mut bench = Bench::new(most as usize);
        bench.publish(most - 1);
        assert!(bench.state.presses());
        assert_eq!(bench.pauses(), 0, "it has not read what is kept once");
        bench.read();
        bench.publish(1);
        bench.read();
        bench.publish(most - SOON);
        assert_eq!(bench.pauses(), 0, "it does not press");
        bench.publish(1);
        assert_eq!(bench.pauses(), at_once);
        bench.read();
        bench.publish(SOON - 2);
        bench.read();
        bench.publish(most - SOON + 1);
        assert!(bench.state.presses());
        assert_eq!(bench.pauses(), 0, "one message before it is time");
        bench.publish(1);
        assert_eq!(bench.pauses(), 1);
    }

    #[test]
    fn publishers_do_not_pause_for_who_lost_messages_until_it_has_kept_up() {
        let most = 4 * SOON;
        let mut bench = Bench::new(most as usize);
        bench.publish(most);
        for _ in 0..100 {
            bench.publish(1);
            // It is told of what it lost, and reads all but one.
            bench.read();
            bench.reader.passed(bench.state.log.tail() - 1);
            bench.publish(most - 1);
            assert!(bench.state.presses());
            assert_eq!(bench.pauses(), 0);
        }
        bench.read();
        bench.publish(most);
        assert_eq!(bench.pauses(), AT_ONCE as usize);
        // Nor for who was moved since.
        bench.publish(AT_ONCE * PER_PAUSE);
        bench.read();
        bench.publish(most);
        bench.read();
        bench.publish(most);
        bench.reader.restart(bench.state.log.head());
        assert!(bench.state.presses());
        assert_eq!(bench.pauses(), 0);
    }

    #[test]
    fn a_reader_presses_from_when_half_of_what_is_kept_is_left_to_when_it_lost_some() {
        let mut bench = Bench::new(100);
        let mut presses = |count, passed| {
            bench.publish(count);
            bench.reader.passed(passed);
            bench.state.presses()
        };
        assert!(!presses(50, 0), "as many more as it is behind");
        assert!(presses(1, 0));
        assert!(!presses(0, 1));
        assert!(presses(50, 1));
        assert!(!presses(1, 1), "it has lost one");
        assert!(!presses(0, 102), "it has read all");
    }

    #[test]
    fn each_of_many_readers_presses_in_its_turn() {
        let mut bench = Bench::new(4096);
        let mut readers = vec![bench.reader.clone()];
        for _ in 1..20 {
            let now = Timestamp::default();
            readers.push(bench.state.join(Start::Earliest, now, &mut bench.after).unwrap());
        }
        let (mut pressed, mut end) = (0, 0);
        for _ in 0..20 {
            bench.publish(1024);
            end += 1024;
            // All have read all but one, which loses the next one.
            readers.iter().for_each(|reader| reader.passed(end));
            readers[17].passed(bench.state.log.head());
            pressed += usize::from(bench.state.presses());
        }
        // At first the topic is not half full, and at the end four are looked past, from the last but
        // one on.
        assert_eq!(pressed, 20 - 2 - 3);
    }
}
