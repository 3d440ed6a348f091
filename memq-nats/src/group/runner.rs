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
use tokio::task::{Unconstrained, unconstrained};

use super::bell::{Bell, Woken};
use crate::task::Tasks;

/// After this time at the latest the task looks what arrived while nobody waited.
const LOOKS: Duration = Duration::from_millis(500);

/// How often who polls it answers a ring that comes meanwhile.
const ROUNDS: usize = 3;

pub(super) struct Runner {
    /// `None` once it has ended.
    lane: Mutex<Option<Unconstrained<Boxed<()>>>>,
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
    /// Runs a lane that is woken by this bell.
    pub(super) fn new(lane: Boxed<()>, bell: Arc<Bell>, tasks: Arc<Tasks>) -> Arc<Self> {
        // It ends with what was asked for. Who has polled much else before is not to wait for that.
        let lane = Mutex::new(Some(unconstrained(lane)));
        let waker = Waker::from(bell.clone());
        waker.wake_by_ref();
        Arc::new(Self { lane, bell, waker, tasks })
    }

    /// The task. What arrives while nobody waits is taken in after this time at the latest.
    pub(super) fn keep(self: Arc<Self>, most: Duration) -> impl Future<Output = ()> {
        let keeper = Keeper(self);
        // With it in hand, also where the task never begins.
        async move {
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
    }

    fn locked(&self) -> MutexGuard<'_, Option<Unconstrained<Boxed<()>>>> {
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
        let woken = self.polled();
        // They may poll the member at once, and so the lane.
        self.bell.call(woken);
    }

    /// Polls the lane, and says whom to wake.
    fn polled(&self) -> Woken {
        let mut running = self.locked();
        let Some(lane) = &mut *running else { return Woken::default() };
        if !self.bell.answer() {
            return Woken::default();
        }
        let mut rounds = 1;
        loop {
            if Pin::new(&mut *lane).poll(&mut Context::from_waker(&self.waker)).is_ready() {
                // The task has been rung, and sees it.
                *running = None;
                return self.bell.ended();
            }
            if let Some(woken) = self.bell.leave(rounds < ROUNDS) {
                return woken;
            }
            rounds += 1;
        }
    }
}

impl Drop for Keeper {
    fn drop(&mut self) {
        let mut running = self.0.locked();
        let lane = running.take();
        let woken = self.0.bell.ended();
        drop(running);
        self.0.bell.call(woken);
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

    #[tokio::test]
    async fn who_waits_at_a_lane_that_ended_is_not_polled_for_ever() {
        let (bell, polls) = (Arc::<Bell>::default(), Arc::new(AtomicUsize::new(0)));
        let counted = polls.clone();
        let lane = Box::pin(poll_fn(move |cx| {
            counted.fetch_add(1, Ordering::Relaxed);
            // Something comes as it ends.
            cx.waker().wake_by_ref();
            Poll::Ready(())
        }));
        let runner = Runner::new(lane, bell, Tasks::new(Handle::current()));
        runner.go_on();
        assert!(runner.waits(Waker::noop()));
        runner.waker.wake_by_ref();
        runner.go_on();
        assert!(runner.waits(Waker::noop()));
        assert_eq!(polls.load(Ordering::Relaxed), 1);
    }

    #[tokio::test]
    async fn the_lane_ends_with_a_task_that_never_began() {
        let Counting { polls, runner, .. } = counting(9);
        drop(runner.clone().keep(LONG));
        assert_eq!(Arc::strong_count(&polls), 1);
    }

    /// Goes on with the lane where it is woken.
    struct There(Mutex<Option<Arc<Runner>>>);

    impl std::task::Wake for There {
        fn wake(self: Arc<Self>) {
            let runner = self.0.lock().unwrap().take();
            runner.unwrap().go_on();
        }
    }

    #[test]
    fn who_goes_on_where_it_is_woken_does_not_wait_for_itself() {
        let (done, ended) = std::sync::mpsc::channel();
        std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
            let bell = Arc::<Bell>::default();
            let rests = bell.clone();
            let lane = Box::pin(async move {
                // Once it is for the task.
                tokio::task::yield_now().await;
                let _rest = rests.rest();
                poll_fn(|cx| {
                    // More comes whenever it is looked.
                    cx.waker().wake_by_ref();
                    Poll::Pending
                })
                .await
            });
            let runner = Runner::new(lane, bell, Tasks::new(runtime.handle().clone()));
            runner.bell.answer();
            assert!(runner.bell.leave(false).is_some());
            let there = Arc::new(There(Mutex::new(Some(runner.clone()))));
            assert!(runner.waits(&Waker::from(there.clone())));
            runner.waker.wake_by_ref();
            runner.poll();
            done.send(there.0.lock().unwrap().is_none()).unwrap();
        });
        // And it was woken.
        assert_eq!(ended.recv_timeout(LONG), Ok(true));
    }
}
