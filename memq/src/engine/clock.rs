//! The one place where the clock is read.

// Not those of the models: what the clock shows is not theirs to decide.
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime};

use tokio::time::Instant;

use crate::position::Timestamp;

/// Wall-clock time that is counted by tokio's clock from one reading on. So it never goes backwards.
#[derive(Debug)]
pub(crate) struct Clock {
    /// Where tokio's clock stood…
    origin: Instant,
    /// …when the wall clock said this.
    wall: Timestamp,
    /// Whether that stood.
    paused: bool,
    /// A clock that is cheaper to read, where there is one…
    coarse: Option<coarse::Clock>,
    /// …what it showed when `about_now` was last read exactly, and what that was.
    tick: AtomicU64,
    began: AtomicU64,
}

impl Timestamp {
    /// What the system's clock shows now.
    ///
    /// Messages are not dated by it but by their broker's clock, which does not follow when the system's is
    /// set, and counts in ticks besides (see [`Timestamp`]); dates from elsewhere are of the clocks there.
    /// So a message that was published before this may have a later date, and the other way round. To read
    /// what was published from a moment on, [`Publisher::publish`](crate::Publisher::publish) gives an
    /// offset, which is exact.
    ///
    /// ```
    /// use memq::{Start, Timestamp};
    /// use std::time::Duration;
    ///
    /// let hour_ago = Start::Time(Timestamp::now() - Duration::from_secs(3_600));
    /// # drop(hour_ago);
    /// ```
    #[must_use]
    #[expect(clippy::disallowed_methods, reason = "the one place")]
    pub fn now() -> Self {
        SystemTime::now().into()
    }
}

impl Clock {
    #[expect(clippy::disallowed_methods, reason = "the one place")]
    pub(crate) fn new() -> Self {
        let (origin, wall) = (Instant::now(), Timestamp::now());
        let paused = cfg!(memq_loom) || is_paused();
        let coarse = if paused { None } else { coarse::Clock::new() };
        let (tick, began) = (AtomicU64::new(0), AtomicU64::new(0));
        Self { origin, wall, paused, coarse, tick, began }
    }

    #[expect(clippy::disallowed_methods, reason = "the one place")]
    pub(crate) fn now(&self) -> Timestamp {
        if cfg!(memq_loom) {
            // It stands still there: models do the same each time.
            return self.wall;
        }
        self.wall + Instant::now().saturating_duration_since(self.origin)
    }

    /// Now, or when that was asked for first in this tick of the coarse clock, which costs a fifth.
    #[inline]
    pub(crate) fn about_now(&self) -> Timestamp {
        let Some(coarse) = &self.coarse else { return self.now() };
        let tick = coarse.read();
        if self.tick.load(Ordering::Acquire) == tick {
            return Timestamp::from_nanos(self.began.load(Ordering::Relaxed));
        }
        let now = self.now();
        // Of two that come at once each has its own; who comes late puts back none that is older.
        self.began.fetch_max(now.as_nanos(), Ordering::Relaxed);
        self.tick.store(tick, Ordering::Release);
        now
    }

    /// How far `about_now` may lie behind. A tick is 10 ms or less, but comes late where the system
    /// has no time for it.
    pub(crate) fn slack(&self) -> Duration {
        if self.coarse.is_some() { Duration::from_millis(50) } else { Duration::ZERO }
    }

    /// For how long a member takes from what it claimed ahead. No time at all where the clock stood when
    /// it was made, so that what happens at one time does.
    pub(crate) fn window(&self) -> Duration {
        if self.paused { Duration::ZERO } else { Duration::from_millis(1) }
    }

    /// When tokio's clock will show this time; far in the future where it cannot say.
    pub(crate) fn instant(&self, at: Timestamp) -> Instant {
        let wait = at.since(self.wall);
        self.origin.checked_add(wait).unwrap_or_else(|| self.origin + FAR)
    }
}

/// Thirty years, which every platform's clock can add.
pub(crate) const FAR: Duration = Duration::from_secs(30 * 365 * 86_400);

/// Whether tokio's clock stands while the real one goes on.
#[expect(clippy::disallowed_methods, reason = "the one place")]
fn is_paused() -> bool {
    let (origin, real) = (Instant::now(), std::time::Instant::now());
    while real.elapsed().is_zero() {
        std::hint::spin_loop();
    }
    Instant::now() == origin
}

/// The clock of Linux that is set on every tick of the kernel, and costs a few loads.
#[cfg(target_os = "linux")]
mod coarse {
    use rustix::time::{ClockId, clock_gettime};

    #[derive(Debug)]
    pub(super) struct Clock(());

    impl Clock {
        pub(super) fn new() -> Option<Self> {
            Some(Self(()))
        }

        /// Nanoseconds from some time on; the same until the next tick.
        #[inline]
        pub(super) fn read(&self) -> u64 {
            let time = clock_gettime(ClockId::MonotonicCoarse);
            (time.tv_sec as u64).wrapping_mul(1_000_000_000).wrapping_add(time.tv_nsec as u64)
        }
    }
}

/// Elsewhere the exact clock is read.
#[cfg(not(target_os = "linux"))]
mod coarse {
    #[derive(Debug)]
    pub(super) enum Clock {}

    impl Clock {
        pub(super) fn new() -> Option<Self> {
            None
        }

        pub(super) fn read(&self) -> u64 {
            match *self {}
        }
    }
}

#[cfg(all(test, target_os = "linux", not(memq_loom)))]
mod tests {
    use super::*;

    #[test]
    fn who_comes_late_puts_back_no_older_date() {
        let clock = Clock::new();
        let newer = (clock.now() + Duration::from_secs(1)).as_nanos();
        // As another leaves it that came between a look at the clock and the note of it.
        clock.began.store(newer, Ordering::Relaxed);
        assert!(clock.about_now().as_nanos() < newer);
        assert_eq!(clock.began.load(Ordering::Relaxed), newer);
    }
}
