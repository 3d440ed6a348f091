//! A topic's hold on the tasks that free what is too old, without traffic.
//!
//! Their lock protects what there is to be aborted, and nothing is done under it: to start a task in a runtime
//! that has ended drops it at once, and that takes the other lock and runs wakers.

use std::sync::Arc;

use tokio::task::AbortHandle;

use super::Topic;
use crate::engine::after::After;
use crate::engine::queue::Place;
use crate::engine::state::{Chore, Chores, Next, State};
use crate::engine::sweep;
use crate::engine::sync::{MutexGuard, Ordering};

/// The last tasks that were started, to be aborted.
#[derive(Debug, Default)]
pub(super) struct Sweepers {
    /// How many were about to be.
    started: u64,
    expiring: Kept,
    forgetting: Kept,
}

/// Which one of all it is: of two that were started one after the other the later one is kept.
type Kept = Option<(u64, AbortHandle)>;

impl Sweepers {
    fn of(&mut self, chore: Chore) -> &mut Kept {
        match chore {
            Chore::Expire => &mut self.expiring,
            Chore::Forget => &mut self.forgetting,
        }
    }
}

impl<P> Topic<P> {
    /// Leaves that to whoever comes.
    pub(super) fn stop_sweepers(&self) {
        let gone = {
            let mut sweepers = self.hot.0.sweepers.lock();
            self.over.store(true, Ordering::Relaxed);
            [sweepers.expiring.take(), sweepers.forgetting.take()]
        };
        gone.into_iter().flatten().for_each(|(_, handle)| handle.abort());
    }
}

impl<P: Send + Sync + 'static> Topic<P> {
    /// The topic has ended, and with it its ids.
    pub(super) fn stop_forgetting(&self) {
        let gone = self.hot.0.sweepers.lock().forgetting.take();
        if let Some((_, handle)) = gone {
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

    /// As `locked`, by somebody who may have a place among the publishers that wait, and starts a sweeper
    /// for what there is to do and none runs for.
    #[inline]
    pub(super) fn and_sweep<R>(
        self: &Arc<Self>,
        place: &mut Place,
        work: impl FnOnce(&mut State<P>, &mut Place, &mut After<P>) -> R,
    ) -> R {
        self.with_and_sweep(self.enter(), place, work)
    }

    /// As `and_sweep`, with the lock taken already.
    #[inline]
    pub(super) fn with_and_sweep<R>(
        self: &Arc<Self>,
        state: MutexGuard<'_, State<P>>,
        place: &mut Place,
        work: impl FnOnce(&mut State<P>, &mut Place, &mut After<P>) -> R,
    ) -> R {
        let mut after = After::new();
        let mut wanted = Chores::default();
        let result = self.with(state, &mut after, |state, after| {
            let result = work(state, place, after);
            wanted = state.wants_sweepers();
            result
        });
        if !wanted.is_none() {
            wanted.each().for_each(|chore| self.start_sweeper(chore, place));
        }
        after.run();
        result
    }

    fn start_sweeper(self: &Arc<Self>, chore: Chore, place: &Place) {
        let number = {
            let mut sweepers = self.hot.0.sweepers.lock();
            sweepers.started += 1;
            sweepers.started
        };
        let over = self.over.load(Ordering::Relaxed);
        let Some(handle) = (if over { None } else { sweep::start(self, chore) }) else {
            // Outside a runtime nothing waits for time to pass; whoever comes next sees to it.
            self.locked(|state, after| state.no_sweeper(chore, place, after));
            return;
        };
        let mut sweepers = self.hot.0.sweepers.lock();
        if self.over.load(Ordering::Relaxed) {
            drop(sweepers);
            handle.abort();
            return;
        }
        let kept = sweepers.of(chore);
        if kept.as_ref().is_none_or(|(other, _)| *other < number) {
            *kept = Some((number, handle));
        }
    }
}
