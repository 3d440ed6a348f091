//! The one place where the clock is read.

use std::time::SystemTime;

use tokio::time::Instant;

use crate::position::Timestamp;

/// Wall-clock time that is counted by tokio's clock from one reading on.
///
/// So it never goes backwards, and a paused clock pauses it.
#[derive(Debug)]
pub(crate) struct Clock {
    /// Where tokio's clock stood…
    origin: Instant,
    /// …when the wall clock said this.
    wall: Timestamp,
}

impl Clock {
    #[expect(clippy::disallowed_methods, reason = "the one place")]
    pub(crate) fn new() -> Self {
        Self { origin: Instant::now(), wall: SystemTime::now().into() }
    }

    #[expect(clippy::disallowed_methods, reason = "the one place")]
    pub(crate) fn now(&self) -> Timestamp {
        self.wall + Instant::now().saturating_duration_since(self.origin)
    }

    /// When tokio's clock will show this time; far in the future where it cannot say.
    pub(crate) fn instant(&self, at: Timestamp) -> Instant {
        let wait = at.since(self.wall);
        self.origin.checked_add(wait).unwrap_or_else(|| self.origin + FAR)
    }
}

/// Thirty years, which every platform's clock can add.
const FAR: std::time::Duration = std::time::Duration::from_secs(30 * 365 * 86_400);
