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

/// Wakes who goes on with a lane. Its lock is the innermost; nobody is woken under it, nor while the lane is
/// polled: who is woken may poll the member there and then.
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
    /// Whether there is no lane any more.
    ended: bool,
    /// Wakes the member that waits.
    member: Option<Waker>,
    /// Those that are told of something once nobody is at the lane.
    told: Vec<Waker>,
    /// Whether the task is to look, at its leisure.
    looks: bool,
}

/// Whom to wake, with no lock held.
#[must_use]
#[derive(Default)]
pub(super) struct Woken {
    member: Option<Waker>,
    told: Vec<Waker>,
    task: bool,
}

/// While it lives the lane only waits.
pub(super) struct Rest<'b>(&'b Bell);

impl State {
    /// Hands the ring on to who is to go on.
    fn pass_on(&mut self) -> Woken {
        if self.over || !self.rests {
            return Woken { task: true, ..Woken::default() };
        }
        let task = !replace(&mut self.looks, true);
        Woken { member: self.member.take(), task, ..Woken::default() }
    }
}

impl Bell {
    fn locked(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn call(&self, woken: Woken) {
        if woken.task {
            self.task.notify_one();
        }
        woken.told.into_iter().chain(woken.member).for_each(Waker::wake);
    }

    /// There is something for who waits: now, or once nobody is at the lane.
    pub(super) fn tell(&self, waiting: Option<Waker>) {
        let Some(waker) = waiting else { return };
        let mut state = self.locked();
        if state.polled {
            state.told.push(waker);
            return;
        }
        drop(state);
        waker.wake();
    }

    fn ring(&self) {
        let mut state = self.locked();
        if state.ended || replace(&mut state.rung, true) || state.polled {
            return;
        }
        let woken = state.pass_on();
        drop(state);
        self.call(woken);
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

    /// Whom to wake by what came meanwhile; `None` where that is to be answered here. Else nobody is at the
    /// lane any more.
    pub(super) fn leave(&self, answers: bool) -> Option<Woken> {
        let mut state = self.locked();
        if state.rung && answers {
            state.rung = false;
            return None;
        }
        state.polled = false;
        let woken = if state.rung { state.pass_on() } else { Woken::default() };
        Some(Woken { told: take(&mut state.told), ..woken })
    }

    /// There is no lane any more, and so nothing to go on with, and nobody who waits for that.
    pub(super) fn ended(&self) -> Woken {
        let mut state = self.locked();
        (state.ended, state.rung, state.polled) = (true, false, false);
        Woken { member: state.member.take(), told: take(&mut state.told), task: false }
    }

    /// The member waits, and is woken by this. `false` where the lane can go on already, and nobody is at it.
    pub(super) fn waits(&self, waker: &Waker) -> bool {
        let waker = Some(waker.clone());
        let mut state = self.locked();
        let rung = state.rung && !state.polled;
        let keeps = !rung && !state.ended;
        let before = if keeps { replace(&mut state.member, waker) } else { waker };
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
