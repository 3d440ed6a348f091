//! What a member has to look after by itself.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use super::figures;
use super::shared::{End, PROGRESS, Shared};
use crate::topic::Phase;

/// How often it is looked whether everything in a closed topic is settled.
const CLOSING: Duration = Duration::from_millis(100);

/// Ends the member, also where the task ends with its runtime, or never begins.
pub(super) struct Ending(pub(super) Arc<Shared>);

impl Drop for Ending {
    fn drop(&mut self) {
        self.0.finish(End::Closed);
    }
}

/// Keeps what was not handed out, sees ends, and asks for statistics, until the member is gone.
pub(super) async fn run(ending: Ending) {
    let shared = ending.0.clone();
    let mut turn = shared.turn.subscribe();
    let mut phase = shared.core.watch();
    let mut down = shared.core.link.down();
    let mut closing = Instant::now();
    // What arrived is at most two of these old before it is kept.
    let pause = shared.rules.ack_deadline / 6;
    let mut keeps: Option<Instant> = None;
    loop {
        turn.borrow_and_update();
        let reached = *phase.borrow_and_update();
        let stale = {
            let mut state = shared.locked();
            if state.is_left() {
                return;
            }
            if state.watched && keeps.is_none() {
                keeps = Some(Instant::now() + pause);
            }
            std::mem::take(&mut state.stale)
        };
        if reached == Phase::Deleted {
            shared.finish(End::Deleted);
            return;
        }
        let open = reached == Phase::Open || shared.locked().end.is_some();
        if stale || !open && Instant::now() >= closing {
            let settled = figures::refresh(&shared).await;
            closing = Instant::now() + CLOSING;
            if !open && settled == Some(true) {
                shared.finish(End::Closed);
            }
            continue;
        }
        tokio::select! {
            changed = turn.changed() => {
                if changed.is_err() {
                    return;
                }
            }
            _ = phase.changed() => {}
            () = async { drop(down.wait_for(|down| *down).await) } => {
                shared.finish(End::Closed);
                return;
            }
            () = tokio::time::sleep_until(closing), if !open => {}
            () = tokio::time::sleep_until(keeps.unwrap_or(closing)), if keeps.is_some() => {
                keep_ready(&shared, pause);
                keeps = None;
            }
        }
    }
}

/// Keeps the deadlines of what was not handed out from passing. What nobody waits for goes back: it came after
/// somebody gave up, and may never be taken.
fn keep_ready(shared: &Shared, pause: Duration) {
    let now = Instant::now();
    let mut state = shared.locked();
    if state.wants.is_given_up() {
        shared.give_back(&mut state);
    }
    // While there is some it is looked again.
    state.watched = !state.ready.is_empty();
    for message in state.ready.iter_mut().filter(|message| now - message.since >= pause) {
        shared.tell(&message.reply, PROGRESS);
        message.since = now;
    }
}
