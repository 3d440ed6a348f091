//! Who is woken when a lane can go on.
//!
//! A lane that only waits for the server, or to be asked, *rests*: then it is for the member to go on, where
//! it waits. Nobody else is woken for what arrives meanwhile; it is taken in when the member comes, or at the
//! task's next look. The task looks too where the member was woken, since what waited may be gone. A
//! lane that does not rest, or whose member takes no more, is for the task at once.

use std::mem::{replace, take};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Wake, Waker};

use tokio::sync::Notify;

/// Wakes who goes on with a lane. Its lock is the innermost; nobody is woken under it.
#[derive(Debug, Default)]
pub(super) struct Bell {
    state: Mutex<State>,
    task: Notify,
}

#[derive(Debug, Default)]
struct State {
    /// Whether the lane can go on.
    rung: bool,
    /// Whether somebody is at it, who looks again afterwards.
    polled: bool,
    /// Whether it only waits.
    rests: bool,
    /// Whether the member takes no more.
    over: bool,
    /// Wakes the member that waits.
    member: Option<Waker>,
    /// Whether the task is to look, at its leisure.
    looks: bool,
}

/// Whom to wake.
#[derive(Default)]
struct Woken {
    member: Option<Waker>,
    task: bool,
}

/// While it lives the lane only waits.
pub(super) struct Rest<'b>(&'b Bell);

impl State {
    /// Hands the ring on to who is to go on.
    fn pass_on(&mut self) -> Woken {
        if self.over || !self.rests {
            return Woken { member: None, task: true };
        }
        let task = !replace(&mut self.looks, true);
        Woken { member: self.member.take(), task }
    }
}

impl Bell {
    fn locked(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn wake(&self, woken: Woken) {
        if woken.task {
            self.task.notify_one();
        }
        woken.member.into_iter().for_each(Waker::wake);
    }

    fn ring(&self) {
        let mut state = self.locked();
        if replace(&mut state.rung, true) || state.polled {
            return;
        }
        let woken = state.pass_on();
        drop(state);
        self.wake(woken);
    }

    /// The lane only waits from now on.
    pub(super) fn rest(&self) -> Rest<'_> {
        self.locked().rests = true;
        Rest(self)
    }

    /// The member takes no more, so that the task goes on at once.
    pub(super) fn end(&self) {
        self.locked().over = true;
        self.task.notify_one();
    }

    /// The member is there, and does not wait. Whether the lane can go on.
    pub(super) fn comes(&self) -> bool {
        let mut state = self.locked();
        let (waker, rung) = (state.member.take(), state.rung);
        drop(state);
        drop(waker);
        rung
    }

    /// Somebody is at the lane, and answers the ring; `false` where there is none.
    pub(super) fn answer(&self) -> bool {
        let mut state = self.locked();
        state.polled = take(&mut state.rung);
        state.polled
    }

    /// Whether there was another ring meanwhile. Where there was none, or it is not to be answered here,
    /// nobody is at the lane any more.
    pub(super) fn leave(&self, answers: bool) -> bool {
        let mut state = self.locked();
        if state.rung && answers {
            state.rung = false;
            return true;
        }
        state.polled = false;
        let woken = if state.rung { state.pass_on() } else { Woken::default() };
        drop(state);
        self.wake(woken);
        false
    }

    /// The member waits, and is woken by this. `false` where the lane can go on already.
    pub(super) fn waits(&self, waker: &Waker) -> bool {
        let waker = Some(waker.clone());
        let mut state = self.locked();
        let rung = state.rung;
        let before = if rung { waker } else { replace(&mut state.member, waker) };
        drop(state);
        drop(before);
        !rung
    }

    /// Waits until the task is to do something: at its leisure where that is `true`.
    ///
    /// # Cancel safety
    ///
    /// Dropped, nothing is lost.
    pub(super) async fn rings(&self) -> bool {
        self.task.notified().await;
        let state = self.locked();
        !state.over && state.rests
    }

    /// The task looks now; it is woken at the next ring again.
    pub(super) fn looks(&self) {
        self.locked().looks = false;
    }
}

impl Drop for Rest<'_> {
    fn drop(&mut self) {
        self.0.locked().rests = false;
    }
}

impl Wake for Bell {
    fn wake(self: Arc<Self>) {
        self.ring();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        self.ring();
    }
}

#[cfg(test)]
mod tests;
