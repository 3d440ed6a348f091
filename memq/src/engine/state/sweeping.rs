//! What goes by time alone, and who sees to it where nobody comes by.

use std::time::Duration;

use super::State;
use crate::engine::after::After;
use crate::engine::dedup::{BLOCK, FEW};
use crate::engine::queue::Place;
use crate::position::Timestamp;

/// A sweeper comes at most this many times in one `ttl`, or window of ids, however many are due.
const SWEEPS: u32 = 16;

/// What a sweeper does. Each is done by one of its own, which sleeps until the oldest is due: what comes
/// later is due later.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::engine) enum Chore {
    /// Expires messages.
    Expire,
    /// Forgets the ids of messages.
    Forget,
}

/// Some of these.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(in crate::engine) struct Chores {
    expire: bool,
    forget: bool,
}

impl Chores {
    #[inline]
    pub(in crate::engine) fn is_none(self) -> bool {
        self == Self::default()
    }

    pub(in crate::engine) fn each(mut self) -> impl Iterator<Item = Chore> {
        [Chore::Expire, Chore::Forget].into_iter().filter(move |chore| *self.of(*chore))
    }

    fn of(&mut self, chore: Chore) -> &mut bool {
        match chore {
            Chore::Expire => &mut self.expire,
            Chore::Forget => &mut self.forget,
        }
    }
}

/// When a sweeper comes again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::engine) enum Next {
    /// Once it has let others come.
    Soon,
    At(Timestamp),
    Never,
}

impl<P> State<P> {
    /// Does some of what is due, and says when to come again.
    pub(in crate::engine) fn sweep(
        &mut self,
        chore: Chore,
        now: Timestamp,
        after: &mut After<P>,
    ) -> Next {
        let due = match chore {
            Chore::Expire => {
                self.expire(now, after);
                self.tell_groups(now, after);
                self.log.next_expiry()
            }
            Chore::Forget => {
                self.forget_ids(BLOCK, now, after);
                self.dedup.due(self.window())
            }
        };
        *self.sweeping.of(chore) = due.is_some();
        let pause = match chore {
            Chore::Expire => self.said.ttl.unwrap_or_default() / SWEEPS,
            Chore::Forget => self.window() / SWEEPS,
        };
        match due {
            Some(due) if due <= now => Next::Soon,
            Some(due) => Next::At(due.max(now + pause)),
            None => Next::Never,
        }
    }

    /// What somebody should start sweepers for, who is then the one to do it.
    #[inline]
    pub(in crate::engine) fn wants_sweepers(&mut self) -> Chores {
        let Chores { expire, forget } = self.sweeping;
        let wants = Chores {
            expire: !expire && self.log.next_expiry().is_some(),
            forget: !forget && !self.dedup.is_empty(),
        };
        self.sweeping = Chores { expire: expire | wants.expire, forget: forget | wants.forget };
        wants
    }

    /// A sweeper ended although there was more to do. A publisher that waits starts another.
    pub(in crate::engine) fn sweeper_gone(&mut self, chore: Chore, after: &mut After<P>) {
        *self.sweeping.of(chore) = false;
        self.wake_publisher(after);
    }

    /// There is no runtime to start one in. Who waits for room in one is to try, but not who just tried, and
    /// would be woken for ever.
    pub(in crate::engine) fn no_sweeper(
        &mut self,
        chore: Chore,
        place: &Place,
        after: &mut After<P>,
    ) {
        *self.sweeping.of(chore) = false;
        if !(place.is_taken() && self.room.is_first(place)) {
            self.wake_publisher(after);
        }
    }

    /// Forgets a few of the ids that are older than their window.
    #[inline]
    pub(super) fn forget_few(&mut self, now: Timestamp, after: &mut After<P>) {
        if !self.dedup.is_empty() {
            self.forget_ids(FEW, now, after);
        }
    }

    fn forget_ids(&mut self, most: usize, now: Timestamp, after: &mut After<P>) {
        if after.ids.is_none() {
            after.ids = self.dedup.forget(most, self.window(), now);
        }
    }

    /// For how long ids are remembered.
    fn window(&self) -> Duration {
        self.said.dedup.unwrap_or_default()
    }
}

#[cfg(all(test, not(memq_loom)))]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::engine::offer::Entry;
    use crate::engine::queue::Place;
    use crate::options::Request;

    const WINDOW: Duration = Duration::from_secs(60);
    const LATER: Timestamp = Timestamp::from_nanos(60_000_000_000);

    /// A topic that was published to, with as many ids.
    fn state(ids: usize) -> State<()> {
        let mut state = State::new();
        let request = Request { dedup: Some(WINDOW), max_messages: Some(1), ..Request::default() };
        state.settle(&request, &mut After::new());
        for id in 0..ids {
            let id: Arc<str> = id.to_string().into();
            let (now, place) = (Timestamp::default(), &mut Place::default());
            let stored = state.append(&mut offer(), Some(&id), now, place, &mut After::new());
            assert!(stored.is_ok());
        }
        state
    }

    fn offer() -> Option<Entry<()>> {
        Some(Entry::new((), None, 1))
    }

    #[test]
    fn whatever_is_stored_forgets_a_few_ids_after_their_window() {
        type Store = fn(&mut State<()>, &mut After<()>);
        let ways: [Store; 4] = [
            |state, after| {
                let place = &mut Place::default();
                assert!(state.append(&mut offer(), None, LATER, place, after).is_ok());
            },
            |state, after| {
                let (id, place) = ("new".into(), &mut Place::default());
                assert!(state.append(&mut offer(), Some(&id), LATER, place, after).is_ok());
            },
            |state, after| {
                let stored = state.append_all(&mut offer(), LATER, &mut Place::default(), after);
                assert!(stored.1.is_ok());
            },
            |state, after| {
                state.reserved += 1;
                assert!(state.append_reserved(&mut offer(), LATER, after).is_ok());
            },
        ];
        for store in ways {
            let mut state = state(4 * BLOCK);
            let mut freed = 0;
            for _ in 0..4 * BLOCK / FEW {
                let mut after = After::new();
                store(&mut state, &mut after);
                freed += usize::from(after.ids.is_some());
                after.run();
            }
            assert_eq!(freed, 4);
            let left = state.dedup.due(WINDOW);
            assert!(left.is_none_or(|due| due == LATER + WINDOW), "{left:?}");
        }
    }

    #[test]
    fn a_sweeper_forgets_a_block_at_a_time_and_comes_again_soon_until_none_is_due() {
        let mut state = state(2 * BLOCK + 1);
        assert!(state.wants_sweepers().forget && state.wants_sweepers().is_none());
        let early = Timestamp::from_nanos(59_999_999_999);
        let mut sweep = |now| {
            let mut after = After::new();
            let next = state.sweep(Chore::Forget, now, &mut after);
            (next, after.ids.is_some())
        };
        // Not at once when it is due: others may be then.
        assert_eq!(sweep(early), (Next::At(early + WINDOW / SWEEPS), false));
        assert_eq!(sweep(LATER), (Next::Soon, true));
        assert_eq!(sweep(LATER), (Next::Soon, true));
        assert_eq!(sweep(LATER), (Next::Never, true));
        assert!(state.wants_sweepers().is_none());
    }

    #[test]
    fn a_topic_that_ends_gives_its_ids_back() {
        for phase in [super::super::Phase::Closed, super::super::Phase::Deleted] {
            let (mut state, mut after) = (state(BLOCK), After::new());
            state.end(phase, &mut after);
            assert!(after.ids.is_some() && state.dedup.is_empty());
        }
    }
}
