//! Where a message is and when it was stored. Plain newtypes; no clock is read here.

mod text;

use std::fmt;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

pub use self::text::TimestampError;

/// The place of a message in its topic: 0 for the first, then one more for each.
///
/// Offsets are dense, in the order of storage, and never reused, also when retention has removed
/// the message.
///
/// ```
/// use memq::Offset;
///
/// assert!(Offset(7) < Offset(8));
/// assert_eq!(Offset(7).next(), Offset(8));
/// assert_eq!(Offset(7).to_string(), "7");
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Offset(pub u64);

impl Offset {
    /// The offset after this one; at `u64::MAX` it stays there.
    #[must_use]
    pub const fn next(self) -> Self {
        Self(self.0.saturating_add(1))
    }
}

impl fmt::Display for Offset {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl From<u64> for Offset {
    fn from(offset: u64) -> Self {
        Self(offset)
    }
}

/// One of a topic's partitions, numbered from 0.
///
/// ```
/// use memq::Partition;
///
/// assert!(Partition(0) < Partition(1));
/// assert_eq!(Partition::from(7), Partition(7));
/// assert_eq!(Partition(7).to_string(), "7");
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Partition(pub u16);

impl fmt::Display for Partition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl From<u16> for Partition {
    fn from(partition: u16) -> Self {
        Self(partition)
    }
}

/// When a message was stored: nanoseconds since 1970-01-01 UTC.
///
/// A broker reads the system's clock once, when it is made, and from then on counts with the
/// monotonic clock. So dates never go backwards along a topic, and do not follow later corrections of
/// the system's clock.
///
/// In topics with `ttl` or `dedup`, where time decides something, every message is dated exactly, by
/// tokio's clock. In the others, on Linux, that is so for the first message of a broker in each tick of
/// the system's coarse clock, which is 4 ms or less on most systems; those that follow within the tick
/// have its date too. So dates of a busy topic are a few milliseconds early, and messages of two topics
/// are not ordered by their dates.
///
/// A paused tokio clock moves dates where it was paused before the broker was made. Where it is paused
/// later, that holds for topics with `ttl` or `dedup`; in others a start by time may miss messages: in tests
/// pause it first, as `start_paused = true` does.
///
/// With feature `serde` it is its text in formats for people, such as JSON, since few readers of JSON have
/// numbers beyond 2^53 exactly; in others it is its nanoseconds.
///
/// ```
/// use memq::Timestamp;
/// use std::time::{Duration, UNIX_EPOCH};
///
/// let noon = Timestamp::from(UNIX_EPOCH + Duration::from_secs(43_200));
/// assert_eq!(noon.as_nanos(), 43_200_000_000_000);
/// assert_eq!(noon - Duration::from_secs(43_200), Timestamp::from_nanos(0));
/// assert_eq!(noon.to_string(), "1970-01-01T12:00:00.000000000Z");
/// assert_eq!("1970-01-01T12:00:00Z".parse(), Ok(noon));
///
/// # #[cfg(feature = "json")] {
/// let json = serde_json::to_string(&noon).unwrap();
/// assert_eq!(json, r#""1970-01-01T12:00:00.000000000Z""#);
/// assert_eq!(serde_json::from_str::<Timestamp>(&json).unwrap(), noon);
/// # }
/// ```
#[derive(Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timestamp(u64);

impl Timestamp {
    /// A timestamp that many nanoseconds after 1970-01-01 UTC.
    #[must_use]
    pub const fn from_nanos(nanos: u64) -> Self {
        Self(nanos)
    }

    /// Nanoseconds since 1970-01-01 UTC.
    #[must_use]
    pub const fn as_nanos(self) -> u64 {
        self.0
    }

    /// From `earlier` to this; zero where `earlier` is later.
    #[must_use]
    pub const fn since(self, earlier: Self) -> Duration {
        Duration::from_nanos(self.0.saturating_sub(earlier.0))
    }
}

/// RFC 3339, in UTC.
impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        humantime::format_rfc3339_nanos((*self).into()).fmt(f)
    }
}

/// As `Display`.
impl fmt::Debug for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// Stops at the end of the range, in the year 2554.
impl std::ops::Add<Duration> for Timestamp {
    type Output = Self;

    fn add(self, by: Duration) -> Self {
        Self(self.0.saturating_add(nanos(by)))
    }
}

/// Stops at 1970.
impl std::ops::Sub<Duration> for Timestamp {
    type Output = Self;

    fn sub(self, by: Duration) -> Self {
        Self(self.0.saturating_sub(nanos(by)))
    }
}

/// Times before 1970 become 1970.
impl From<SystemTime> for Timestamp {
    fn from(time: SystemTime) -> Self {
        Self(nanos(time.duration_since(UNIX_EPOCH).unwrap_or_default()))
    }
}

impl From<Timestamp> for SystemTime {
    fn from(timestamp: Timestamp) -> Self {
        UNIX_EPOCH + Duration::from_nanos(timestamp.0)
    }
}

/// Nanoseconds as one word, which holds 584 years.
pub(crate) fn nanos(duration: Duration) -> u64 {
    duration
        .as_secs()
        .saturating_mul(1_000_000_000)
        .saturating_add(u64::from(duration.subsec_nanos()))
}
