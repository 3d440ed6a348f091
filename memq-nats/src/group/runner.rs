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
            // The task has been rung, and sees it.
            *running = None;
        }
    }
}

impl Drop for Keeper {
    fn drop(&mut self) {
        let lane = self.0.locked().take();
        drop(lane);
    }
}

#[cfg(test)]
mod tests {
    use std::future::poll_fn;
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::task::Poll;

    use tokio::runtime::Handle;
    use tokio::task::AbortHandle;

    use super::*;

    const LONG: Duration = Duration::from_secs(9);

    /// A lane that counts how often it is polled, and ends at that count.
    struct Counting {
        polls: Arc<AtomicUsize>,
        bell: Arc<Bell>,
        runner: Arc<Runner>,
    }

    impl Counting {
        /// Starts the task.
        fn keep(&self, most: Duration) -> AbortHandle {
            self.runner.tasks.run(self.runner.clone().keep(most))
        }
    }

    fn counting(end: usize) -> Counting {
        let (polls, bell) = (Arc::new(AtomicUsize::new(0)), Arc::<Bell>::default());
        let (counted, rests) = (polls.clone(), bell.clone());
        let lane = Box::pin(async move {
            let _rest = rests.rest();
            poll_fn(|_| match counted.fetch_add(1, Ordering::Relaxed) + 1 < end {
                true => Poll::Pending,
                false => Poll::Ready(()),
            })
            .await;
        });
        let runner = Runner::new(lane, bell.clone(), Tasks::new(Handle::current()));
        Counting { polls, bell, runner }
    }

    /// What others do that are woken.
    async fn others() {
        for _ in 0..8 {
            tokio::task::yield_now().await;
        }
    }

    #[tokio::test(start_paused = true)]
    async fn what_nobody_waits_for_is_looked_at_in_time() {
        for (most, last) in [(Duration::from_millis(80), 80), (LONG, 500)] {
            let counting = counting(9);
            counting.keep(most);
            let Counting { polls, runner, .. } = counting;
            others().await;
            runner.waker.wake_by_ref();
            others().await;
            tokio::time::advance(Duration::from_millis(last - 1)).await;
            others().await;
            assert_eq!(polls.load(Ordering::Relaxed), 1);
            tokio::time::advance(Duration::from_millis(2)).await;
            others().await;
            assert_eq!(polls.load(Ordering::Relaxed), 2);
        }
    }

    #[tokio::test]
    async fn the_task_ends_with_a_lane_that_ended_at_the_member() {
        let counting = counting(2);
        let keeping = counting.keep(LONG);
        let Counting { polls, runner, .. } = counting;
        others().await;
        assert_eq!(polls.load(Ordering::Relaxed), 1);
        runner.waker.wake_by_ref();
        runner.go_on();
        assert_eq!(polls.load(Ordering::Relaxed), 2);
        others().await;
        assert!(keeping.is_finished());
    }

    #[tokio::test]
    async fn the_lane_ends_with_the_task_that_keeps_it() {
        let counting = counting(9);
        let keeping = counting.keep(LONG);
        let Counting { polls, runner, .. } = counting;
        others().await;
        keeping.abort();
        others().await;
        // Nobody else has it.
        assert_eq!(Arc::strong_count(&polls), 1);
        runner.waker.wake_by_ref();
        runner.go_on();
        assert_eq!(polls.load(Ordering::Relaxed), 1);
    }

    #[tokio::test(start_paused = true)]
    async fn once_it_is_over_the_task_goes_on_at_once() {
        let counting = counting(9);
        counting.keep(LONG);
        let Counting { polls, bell, runner } = counting;
        others().await;
        runner.waker.wake_by_ref();
        others().await;
        assert_eq!(polls.load(Ordering::Relaxed), 1);
        bell.end();
        others().await;
        assert_eq!(polls.load(Ordering::Relaxed), 2);
    }
}
