//! Waiting for what another process does, of which nothing tells: the one place that looks again and again.

use std::io;
use std::thread;
use std::time::{Duration, Instant};

use crate::PATIENCE;

/// Between two looks.
const POLL: Duration = Duration::from_millis(5);

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
    match soon(|| Ok(look())) {
        Ok(Some(found)) => found,
        _ => panic!("within {PATIENCE:?} there was not: {what}"),
    }
}

/// The same; `None` where there is nothing for a minute.
///
/// # Errors
///
/// That of a look, at once.
pub(crate) fn soon<T>(mut look: impl FnMut() -> io::Result<Option<T>>) -> io::Result<Option<T>> {
    let started = Instant::now();
    loop {
        if let Some(found) = look()? {
            return Ok(Some(found));
        }
        if started.elapsed() > PATIENCE {
            return Ok(None);
        }
        thread::sleep(POLL);
    }
}
