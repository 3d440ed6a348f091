//! A topic's hold on the task that expires its messages without traffic.

use std::sync::Arc;

use super::Topic;
use crate::engine::after::After;
use crate::engine::state::State;
use crate::engine::sweep;
use crate::engine::sync::{MutexGuard, Ordering};
use crate::position::Timestamp;

impl<P> Topic<P> {
    /// Leaves expiry to whoever comes.
    pub(super) fn stop_sweeper(&self) {
        let mut sweeper = self.hot.0.sweeper.lock();
        self.over.store(true, Ordering::Relaxed);
        if let Some(handle) = sweeper.take() {
            handle.abort();
        }
    }
}

impl<P: Send + Sync + 'static> Topic<P> {
    /// Expires what is due, and says when to come again; with `None` the sweeper must end.
    pub(in crate::engine) fn sweep(&self) -> Option<Timestamp> {
        let now = self.now();
        self.locked(|state, after| state.sweep(now, after))
    }

    /// A sweeper ended although there was more to do.
    pub(in crate::engine) fn sweeper_gone(&self) {
        self.locked(State::sweeper_gone);
    }

    /// As `locked`, and starts a sweeper where there is something to expire and none runs.
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
        let mut wanted = false;
        let result = self.with(state, &mut after, |state, after| {
            let result = work(state, after);
            wanted = state.wants_sweeper();
            result
        });
        if wanted {
            self.start_sweeper();
        }
        after.run();
        result
    }

    fn start_sweeper(self: &Arc<Self>) {
        let started = {
            // Under its lock, so that of two started one after the other the later one is kept.
            let mut sweeper = self.hot.0.sweeper.lock();
            let over = self.over.load(Ordering::Relaxed);
            *sweeper = if over { None } else { sweep::start(self) };
            sweeper.is_some()
        };
        if !started {
            // Outside a runtime nothing waits for time to pass; whoever comes next expires.
            self.sweeper_gone();
        }
    }
}
