//! How long a message waits before it is tried again. Plain data; no clock is read here.

use std::time::Duration;

/// A pause that grows with each attempt: doubled from `first` up to `most`, and then shortened at
/// random by up to half, so that what failed together does not come back together.
///
/// ```
/// use memq::Backoff;
/// use std::time::Duration;
///
/// let backoff = Backoff::exponential(Duration::from_millis(100), Duration::from_secs(30));
/// let third = backoff.delay(3);
/// assert!(third > Duration::from_millis(200) && third <= Duration::from_millis(400));
///
/// assert_eq!(Backoff::fixed(Duration::from_secs(5)).delay(9), Duration::from_secs(5));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Backoff {
    first: Duration,
    most: Duration,
    jitter: bool,
}

impl Backoff {
    /// No pause: what failed comes back at once.
    pub const NONE: Self = Self::fixed(Duration::ZERO);

    /// Doubles from `first` to `most`, with jitter. Where `most` is less than `first`, it is always
    /// `most`.
    #[must_use]
    pub const fn exponential(first: Duration, most: Duration) -> Self {
        Self { first, most, jitter: true }
    }

    /// Always the same, without jitter.
    #[must_use]
    pub const fn fixed(pause: Duration) -> Self {
        Self { first: pause, most: pause, jitter: false }
    }

    /// The same, to the letter each time.
    #[must_use]
    pub const fn without_jitter(mut self) -> Self {
        self.jitter = false;
        self
    }

    /// The pause after this attempt, of which the first is 1.
    #[must_use]
    pub fn delay(&self, attempt: u32) -> Duration {
        let doublings = attempt.saturating_sub(1).min(31);
        let pause = self.first.saturating_mul(1 << doublings).min(self.most);
        if self.jitter { pause.mul_f64(1.0 - fastrand::f64() / 2.0) } else { pause }
    }
}

/// From 100 ms to 30 s, with jitter.
impl Default for Backoff {
    fn default() -> Self {
        Self::exponential(Duration::from_millis(100), Duration::from_secs(30))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pause_doubles_up_to_the_most_and_never_overflows() {
        let backoff = Backoff::exponential(Duration::from_millis(100), Duration::from_secs(30));
        let exact = backoff.without_jitter();
        let pauses = [0, 1, 2, 3, 9, 10, u32::MAX].map(|attempt| exact.delay(attempt).as_millis());
        assert_eq!(pauses, [100, 100, 200, 400, 25_600, 30_000, 30_000]);
        let longest = Backoff::exponential(Duration::MAX, Duration::MAX);
        assert!(longest.without_jitter().delay(u32::MAX) == Duration::MAX);
        let _ = longest.delay(u32::MAX);
    }

    #[test]
    fn jitter_shortens_by_half_at_most() {
        let backoff = Backoff::exponential(Duration::from_secs(1), Duration::from_secs(1));
        for _ in 0..1_000 {
            let pause = backoff.delay(1);
            assert!(pause > Duration::from_millis(499) && pause <= Duration::from_secs(1));
        }
    }
}
