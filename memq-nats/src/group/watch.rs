//! What a member has to look after by itself.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use super::figures;
use super::shared::{End, PROGRESS, Shared};
use crate::topic::Phase;

/// How often it is looked whether everything in a closed topic is settled.
const CLOSING: Duration = Duration::from_millis(100);

/// Keeps what was not handed out, sees ends, and asks for statistics, until the member is gone.
pub(super) async fn run(shared: Arc<Shared>) {
    let mut turn = shared.turn.subscribe();
    let mut phase = shared.core.watch();
    let mut down = shared.core.link.down();
    let mut closing = Instant::now();
    loop {
        turn.borrow_and_update();
        let reached = *phase.borrow_and_update();
        let (keep, stale) = {
            let mut state = shared.locked();
            if state.is_left() {
                return;
            }
            let oldest = state.ready.iter().map(|message| message.since).min();
            let keep = oldest.map(|since| since + shared.rules.ack_deadline / 3);
            let stale = std::mem::take(&mut state.stale);
            (keep, stale)
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
            () = tokio::time::sleep_until(keep.unwrap_or(closing)), if keep.is_some() => {
                keep_ready(&shared);
            }
        }
    }
}

/// Keeps the deadlines of what was not handed out from passing.
fn keep_ready(shared: &Shared) {
    let now = Instant::now();
    for message in &mut shared.locked().ready {
        shared.tell(&message.reply, PROGRESS);
        message.since = now;
    }
}
