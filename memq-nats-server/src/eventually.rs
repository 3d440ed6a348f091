//! Waiting for what another process does, of which nothing tells.

use std::thread;
use std::time::{Duration, Instant};

use crate::PATIENCE;

/// Between two looks.
const POLL: Duration = Duration::from_millis(20);

/// Looks until there is something, and gives that. Blocks its thread.
///
/// # Panics
///
/// Where there is nothing for a minute, with `what` did not happen: far longer than anything here takes, so
/// that no test fails because a machine is slow.
///
/// ```
/// let mut looks = 0..3;
/// memq_nats_server::eventually("the third look", || looks.next().filter(|look| *look == 2));
/// ```
#[track_caller]
pub fn eventually<T>(what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    let started = Instant::now();
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(started.elapsed() < PATIENCE, "within {PATIENCE:?} there was not: {what}");
        thread::sleep(POLL);
    }
}
