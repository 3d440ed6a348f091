//! The one place where the clock is read.

use std::time::{Duration, SystemTime};

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
    /// A clock that is cheaper to read, where there is one.
    coarse: Option<coarse::Clock>,
}

impl Clock {
    #[expect(clippy::disallowed_methods, reason = "the one place")]
    pub(crate) fn new() -> Self {
        let (origin, wall) = (Instant::now(), SystemTime::now().into());
        let coarse = if is_paused() { None } else { coarse::Clock::new() };
        Self { origin, wall, coarse }
    }

    #[expect(clippy::disallowed_methods, reason = "the one place")]
    pub(crate) fn now(&self) -> Timestamp {
        self.wall + Instant::now().saturating_duration_since(self.origin)
    }

    /// About now, for a fifth of the price: at most [`tick`](Self::tick) ago.
    #[inline]
    pub(crate) fn about_now(&self) -> Timestamp {
        match &self.coarse {
            Some(coarse) => self.wall + coarse.elapsed(),
            None => self.now(),
        }
    }

    /// How far `about_now` may lie behind.
    pub(crate) fn tick(&self) -> Duration {
        self.coarse.as_ref().map_or(Duration::ZERO, coarse::Clock::tick)
    }

    /// When tokio's clock will show this time; far in the future where it cannot say.
    pub(crate) fn instant(&self, at: Timestamp) -> Instant {
        let wait = at.since(self.wall);
        self.origin.checked_add(wait).unwrap_or_else(|| self.origin + FAR)
    }
}

/// Thirty years, which every platform's clock can add.
const FAR: Duration = Duration::from_secs(30 * 365 * 86_400);

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
    use std::time::Duration;

    use rustix::time::{ClockId, Timespec, clock_getres, clock_gettime};

    #[derive(Debug)]
    pub(super) struct Clock {
        /// Where the clock that it follows stood at first, in nanoseconds.
        origin: u64,
        tick: Duration,
    }

    impl Clock {
        pub(super) fn new() -> Option<Self> {
            let origin = nanos(clock_gettime(ClockId::Monotonic));
            let tick = Duration::from_nanos(nanos(clock_getres(ClockId::MonotonicCoarse)));
            Some(Self { origin, tick })
        }

        #[inline]
        pub(super) fn elapsed(&self) -> Duration {
            let now = nanos(clock_gettime(ClockId::MonotonicCoarse));
            Duration::from_nanos(now.saturating_sub(self.origin))
        }

        pub(super) fn tick(&self) -> Duration {
            self.tick
        }
    }

    #[inline]
    fn nanos(time: Timespec) -> u64 {
        (time.tv_sec as u64).wrapping_mul(1_000_000_000).wrapping_add(time.tv_nsec as u64)
    }
}

/// Elsewhere the exact clock is read.
#[cfg(not(target_os = "linux"))]
mod coarse {
    use std::time::Duration;

    #[derive(Debug)]
    pub(super) enum Clock {}

    impl Clock {
        pub(super) fn new() -> Option<Self> {
            None
        }

        pub(super) fn elapsed(&self) -> Duration {
            match *self {}
        }

        pub(super) fn tick(&self) -> Duration {
            match *self {}
        }
    }
}
