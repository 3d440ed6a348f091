//! Times that are as good as for ever, as servers and clocks can say them.

use std::time::Duration;

use tokio::time::Instant;

/// Thirty years: servers count it in nanoseconds, and every platform's clock can add it.
const LONGEST: Duration = Duration::from_secs(30 * 365 * 86_400);

/// As many nanoseconds; what is longer than [`LONGEST`] is that.
pub(crate) fn nanos(time: Duration) -> u64 {
    let time = clamped(time);
    time.as_secs() * 1_000_000_000 + u64::from(time.subsec_nanos())
}

/// So long from now on.
pub(crate) fn after(time: Duration) -> Instant {
    Instant::now() + clamped(time)
}

/// What is longer than [`LONGEST`] is that.
pub(crate) fn clamped(time: Duration) -> Duration {
    time.min(LONGEST)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_longer_than_anybody_waits_is_thirty_years() {
        assert_eq!(nanos(Duration::from_millis(3)), 3_000_000);
        assert_eq!(nanos(Duration::MAX), nanos(LONGEST));
        assert!(i64::try_from(nanos(Duration::MAX)).is_ok(), "servers count so");
        assert!(after(Duration::MAX) > Instant::now());
    }
}
