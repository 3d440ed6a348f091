//! Messages that have taken as long as they may.

use memq::spi::{PublishFault, Receipt};
use tokio::time::{Instant, sleep_until};

use super::Shared;
use super::admitted::Flight;

/// Tells whose time is up, whatever the task does meanwhile. Never ends.
///
/// # Cancel safety
///
/// Dropped, nobody is told any more.
pub(super) async fn watch(shared: &Shared) {
    loop {
        let change = shared.hurry.notified();
        let soonest = shared.state().soonest;
        match soonest {
            None => change.await,
            Some(at) => tokio::select! {
                () = change => {}
                () = sleep_until(at) => expire(shared),
            },
        }
    }
}

/// What was not sent is given up. Of what was, it is not known whether it is stored: that is told, and it goes
/// on, so that what comes after it stays after it.
fn expire(shared: &Shared) {
    let now = Instant::now();
    let late = |flight: &Flight| flight.until.is_some_and(|until| until <= now);
    let (mut expired, mut unknown) = (Vec::new(), Vec::new());
    {
        let mut state = shared.state();
        expired.extend(state.take(|window| window.expire(late)));
        for flight in state.window.open_mut().filter(|flight| late(flight)) {
            flight.until = None;
            unknown.push(std::mem::replace(&mut flight.promise, Receipt::pair().0));
        }
        state.soonest = state.window.open().filter_map(|flight| flight.until).min();
    }
    for flight in expired {
        flight.promise.keep(Err(PublishFault::Timeout));
    }
    for promise in unknown {
        promise.keep(Err(PublishFault::Unknown("there was no answer in its time".into())));
    }
    shared.room.notify_waiters();
    shared.done.notify_waiters();
    shared.work.notify_one();
}
