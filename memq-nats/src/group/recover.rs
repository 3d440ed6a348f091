//! Finds out what became of a group, when a pull ended without a word.

use std::sync::Arc;
use std::time::Duration;

use memq::Cause;
use memq::spi::{Fault, OpenFault};
use tokio::time::Instant;

use super::answer::Unread;
use super::lane;
use super::parts::{self, ensure};
use super::register::Register;
use super::shared::{End, Shared};
use crate::settings::Settings;
use crate::topic::Unseen;

/// What became of it.
enum Found {
    Same(Register),
    Gone(End),
    Away(Cause),
}

/// Looks until the server answers, and makes what is missing; `false` where it is over. Not where another lane has
/// looked since a pull ended, or so long before. An outage that lasts longer than the settings say is told
/// once.
pub(super) async fn recover(shared: &Arc<Shared>, ended: Instant, fresh: Duration) -> bool {
    let mut looked = shared.looking.lock().await;
    if *looked + fresh >= ended {
        return !shared.locked().is_over();
    }
    let (began, mut told, mut attempt) = (Instant::now(), false, 1);
    loop {
        if shared.locked().is_over() {
            return false;
        }
        let looks = Instant::now();
        let cause = match look(shared).await {
            Found::Same(register) => {
                *looked = looks;
                shared.moved(register);
                grow(shared);
                return true;
            }
            Found::Gone(end) => {
                shared.finish(end);
                return false;
            }
            Found::Away(cause) => cause,
        };
        let limit = shared.core.link.settings.give_up_after;
        if !told && limit.is_some_and(|limit| began.elapsed() >= limit) {
            told = true;
            let mut state = shared.locked();
            state.outage = Some(cause);
            let waker = state.waker.take();
            drop(state);
            shared.bell.tell(waker);
        }
        let mut turn = shared.turn.subscribe();
        let over = async { drop(turn.wait_for(|()| shared.locked().is_over()).await) };
        // As soon as it is over nobody waits for the server.
        let _ = tokio::time::timeout(Settings::AWAY.delay(attempt), over).await;
        attempt += 1;
    }
}

async fn look(shared: &Shared) -> Found {
    loop {
        if let Some(found) = look_once(shared).await {
            return found;
        }
    }
}

/// `None` where it was moved meanwhile.
async fn look_once(shared: &Shared) -> Option<Found> {
    match shared.core.look().await {
        Ok(_) => {}
        Err(Unseen::Deleted) => return Some(Found::Gone(End::Deleted)),
        Err(Unseen::Away(cause)) => return Some(Found::Away(cause)),
    }
    let register = match Register::read(&shared.core, &shared.group).await {
        Ok(Some(register)) if register.id == shared.id => register,
        Ok(_) | Err(Unread::Foreign(_)) => return Some(Found::Gone(End::GroupDeleted)),
        Err(Unread::Fault(Fault::Unavailable(cause))) => return Some(Found::Away(cause)),
        Err(Unread::Fault(_)) => return Some(Found::Gone(End::Deleted)),
    };
    match ensure(&shared.core, &shared.group, &register, false).await {
        Ok(true) => Some(Found::Same(register)),
        Ok(false) => None,
        Err(OpenFault::Fault(Fault::Deleted)) => Some(Found::Gone(End::Deleted)),
        Err(fault) => Some(Found::Away(Box::new(fault))),
    }
}

/// Asks all consumers of the group, also those of partitions that were said since.
pub(super) fn grow(shared: &Arc<Shared>) {
    let all = parts::of(&shared.rules, shared.core.options().partitions);
    let known = shared.locked().wants.grow(all.len());
    for part in all.iter().skip(known) {
        // They end by themselves, and give back what they have.
        shared.core.link.tasks.detach(lane::run(shared.clone(), *part));
    }
}
