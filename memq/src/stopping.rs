//! A future that runs somewhere, and those who ask it to end and wait for that.

use std::future::Future as _;
use std::pin::Pin;
use std::task::{Context, Waker};
use std::time::Duration;

use futures_util::task::AtomicWaker;
use tokio::sync::watch;
use tokio::time::{Instant, Sleep};

/// How long it may take to notice that its deadline has passed.
const GRACE: Duration = Duration::from_millis(100);

/// What such a future does, in numbers.
pub(crate) trait Progress {
    fn has_ended(&self) -> bool;

    /// It was asked to end before it was ever polled: there is nothing to finish, and never will be.
    fn never_ran(&mut self);
}

/// What it shares with them: what it did so far, and when it is to end.
pub(crate) struct Shared<P> {
    state: watch::Sender<State<P>>,
    /// Wakes the future when it is to end.
    waker: AtomicWaker,
}

struct State<P> {
    progress: P,
    /// Whether the future was polled.
    begun: bool,
    /// When it stops, whatever is left.
    deadline: Option<Instant>,
}

impl<P: Progress> Shared<P> {
    pub(crate) fn new(progress: P) -> Self {
        let state = State { progress, begun: false, deadline: None };
        Self { state: watch::Sender::new(state), waker: AtomicWaker::new() }
    }

    /// The future is polled; before it looks whether it is to end, so that it misses nothing.
    pub(crate) fn register(&self, waker: &Waker) {
        self.waker.register(waker);
    }

    /// The future is polled. Returns whether it is still to run.
    pub(crate) fn begin(&self) -> bool {
        let mut runs = false;
        self.state.send_if_modified(|state| {
            runs = !state.progress.has_ended();
            state.begun = true;
            false
        });
        runs
    }

    /// When to stop; `None` while nobody asks for that.
    pub(crate) fn deadline(&self) -> Option<Instant> {
        self.state.borrow().deadline
    }

    pub(crate) fn look<R>(&self, look: impl FnOnce(&P) -> R) -> R {
        look(&self.state.borrow().progress)
    }

    /// Changes the numbers, and tells nobody.
    pub(crate) fn change(&self, change: impl FnOnce(&mut P)) {
        self.state.send_if_modified(|state| {
            change(&mut state.progress);
            false
        });
    }

    /// The future ends, as this says, if it has not before.
    pub(crate) fn end(&self, say: impl FnOnce(&mut P)) {
        self.state.send_if_modified(|state| {
            let first = !state.progress.has_ended();
            if first {
                say(&mut state.progress);
            }
            first
        });
    }

    /// Asks the future to end, and waits until it has, or a little longer than it may take. Where it
    /// was asked before, the earlier deadline holds.
    pub(crate) async fn stop(&self, within: Duration) {
        let mut state = self.state.subscribe();
        if state.borrow().progress.has_ended() {
            return;
        }
        // The runtime says when that is, so that the clock is not read here.
        let at = tokio::time::sleep(within).deadline();
        self.state.send_if_modified(|state| {
            state.deadline = Some(state.deadline.map_or(at, |earlier| earlier.min(at)));
            let idle = !state.begun && !state.progress.has_ended();
            if idle {
                state.progress.never_ran();
            }
            idle
        });
        self.waker.wake();
        let over = at.checked_add(GRACE).unwrap_or(at);
        drop(
            tokio::time::timeout_at(over, state.wait_for(|state| state.progress.has_ended())).await,
        );
    }
}

/// When a future stops that was asked to end.
#[derive(Default)]
pub(crate) struct Deadline(Option<Pin<Box<Sleep>>>);

impl Deadline {
    /// Whether it has passed; it is at this time now.
    pub(crate) fn has_passed(&mut self, at: Instant, cx: &mut Context<'_>) -> bool {
        if self.0.as_ref().is_none_or(|sleep| sleep.deadline() != at) {
            self.0 = Some(Box::pin(tokio::time::sleep_until(at)));
        }
        self.0.as_mut().is_some_and(|sleep| sleep.as_mut().poll(cx).is_ready())
    }
}
