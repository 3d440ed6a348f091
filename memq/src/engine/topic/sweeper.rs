//! A topic's hold on the tasks that free what is too old, without traffic.

use std::sync::Arc;

use super::Topic;
use crate::engine::after::After;
use crate::engine::state::{Chore, Chores, Next, State};
use crate::engine::sweep;
use crate::engine::sync::{MutexGuard, Ordering};

impl<P> Topic<P> {
    /// Leaves that to whoever comes.
    pub(super) fn stop_sweepers(&self) {
        let mut sweepers = self.hot.0.sweepers.lock();
        self.over.store(true, Ordering::Relaxed);
        for handle in sweepers.iter_mut().filter_map(Option::take) {
            handle.abort();
        }
    }
}

impl<P: Send + Sync + 'static> Topic<P> {
    /// The topic has ended, and with it its ids.
    pub(super) fn stop_forgetting(&self) {
        let [_, forgetting] = &mut *self.hot.0.sweepers.lock();
        if let Some(handle) = forgetting.take() {
            handle.abort();
        }
    }

    /// Does some of what is due, and says when to come again; if that is never, the sweeper must end.
    pub(in crate::engine) fn sweep(&self, chore: Chore) -> Next {
        let now = self.now();
        self.locked(|state, after| state.sweep(chore, now, after))
    }

    /// A sweeper ended although there was more to do.
    pub(in crate::engine) fn sweeper_gone(&self, chore: Chore) {
        self.locked(|state, after| state.sweeper_gone(chore, after));
    }

    /// As `locked`, and starts a sweeper for what there is to do and none runs for.
    #[inline]
    pub(super) fn and_sweep<R>(
        self: &Arc<Self>,
        work: impl FnOnce(&mut State<P>, &mut After<P>) -> R,
    ) -> R {
        self.with_and_sweep(self.enter(), work)
    }

    /// As `and_sweep`, with the lock taken already.
    #[inline]
    pub(super) fn with_and_sweep<R>(
        self: &Arc<Self>,
        state: MutexGuard<'_, State<P>>,
        work: impl FnOnce(&mut State<P>, &mut After<P>) -> R,
    ) -> R {
        let mut after = After::new();
        let mut wanted = Chores::default();
        let result = self.with(state, &mut after, |state, after| {
            let result = work(state, after);
            wanted = state.wants_sweepers();
            result
        });
        if !wanted.is_none() {
            wanted.each().for_each(|chore| self.start_sweeper(chore));
        }
        after.run();
        result
    }

    fn start_sweeper(self: &Arc<Self>, chore: Chore) {
        let started = {
            // Under their lock, so that of two started one after the other the later one is kept.
            let mut sweepers = self.hot.0.sweepers.lock();
            let [expiring, forgetting] = &mut *sweepers;
            let sweeper = match chore {
                Chore::Expire => expiring,
                Chore::Forget => forgetting,
            };
            let over = self.over.load(Ordering::Relaxed);
            *sweeper = if over { None } else { sweep::start(self, chore) };
            sweeper.is_some()
        };
        if !started {
            // Outside a runtime nothing waits for time to pass; whoever comes next sees to it.
            self.sweeper_gone(chore);
        }
    }
}
