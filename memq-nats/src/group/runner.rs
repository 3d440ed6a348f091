//! Runs the lane that most messages come by where its member is polled: so no task is woken between who
//! waits, the server, and who waits.
//!
//! The lane is one future behind a lock, and whoever holds that polls it: the member when it is polled, or
//! a task. [`Bell`] says whose turn it is. The lock is held for one poll, in which nothing blocks, and is
//! taken before that of the member's state.

use std::fmt;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Waker};
use std::time::Duration;

use memq::spi::Boxed;

use super::bell::Bell;
use crate::task::Tasks;

/// After this time at the latest the task looks what arrived while nobody waited.
const LOOKS: Duration = Duration::from_millis(500);

/// How often who polls it answers a ring that comes meanwhile.
const ROUNDS: usize = 3;

pub(super) struct Runner {
    /// `None` once it has ended.
    lane: Mutex<Option<Boxed<()>>>,
    bell: Arc<Bell>,
    waker: Waker,
    /// Where its timers are.
    tasks: Arc<Tasks>,
}

/// Ends the lane with the runtime of its timers.
struct Keeper(Arc<Runner>);

impl fmt::Debug for Runner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Runner").field("bell", &self.bell).finish_non_exhaustive()
    }
}

impl Runner {
    /// Runs a lane that is woken by this bell, in a topic with this ack deadline.
    pub(super) fn new(lane: Boxed<()>, bell: Arc<Bell>, tasks: Arc<Tasks>) -> Arc<Self> {
        let (lane, waker) = (Mutex::new(Some(lane)), Waker::from(bell.clone()));
        waker.wake_by_ref();
        Arc::new(Self { lane, bell, waker, tasks })
    }

    /// The task. What arrives while nobody waits is taken in after this time at the latest.
    pub(super) async fn keep(self: Arc<Self>, most: Duration) {
        let keeper = Keeper(self);
        let (runner, bell) = (&keeper.0, &keeper.0.bell);
        while runner.locked().is_some() {
            if bell.rings().await {
                // An error is the end of the time.
                let _ = tokio::time::timeout(most.min(LOOKS), bell.rings()).await;
            }
            bell.looks();
            runner.poll();
        }
    }

    fn locked(&self) -> MutexGuard<'_, Option<Boxed<()>>> {
        self.lane.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The member is polled. Whether something may have come, so that it is to go on.
    pub(super) fn comes(&self) -> bool {
        self.bell.comes()
    }

    /// The member goes on with the lane, as far as that can go on now.
    pub(super) fn go_on(&self) {
        let _entered = self.tasks.enter();
        self.poll();
    }

    /// The member waits; `false` where it is to be polled again.
    pub(super) fn waits(&self, waker: &Waker) -> bool {
        self.bell.waits(waker)
    }

    fn poll(&self) {
        let mut running = self.locked();
        let Some(lane) = &mut *running else { return };
        if !self.bell.answer() {
            return;
        }
        let mut rounds = 1;
        let ended = loop {
            if Pin::new(&mut *lane).poll(&mut Context::from_waker(&self.waker)).is_ready() {
                break true;
            }
            if !self.bell.leave(rounds < ROUNDS) {
                break false;
            }
            rounds += 1;
        };
        if ended {
            *running = None;
            self.bell.end();
        }
    }
}

impl Drop for Keeper {
    fn drop(&mut self) {
        let lane = self.0.locked().take();
        drop(lane);
    }
}
