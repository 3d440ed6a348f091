//! What the servers' clock shows, as far as that is known: by it messages are dated, and expire.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use memq::Timestamp;
use tokio::time::Instant;

/// How long what was heard counts, at least: clocks do not run alike, and are set.
const FRESH: Duration = Duration::from_secs(300);

/// A clock that shows what the servers' does, or less: whatever a server has dated lies in its past.
#[derive(Debug)]
pub(super) struct ServerClock {
    origin: Instant,
    heard: Mutex<Heard>,
}

/// By how many nanoseconds the servers are ahead of the origin, at least.
#[derive(Debug)]
struct Heard {
    since: Instant,
    ahead: Option<u64>,
    before: Option<u64>,
}

impl ServerClock {
    pub(super) fn new() -> Self {
        let origin = Instant::now();
        let heard = Heard { since: origin, ahead: None, before: None };
        Self { origin, heard: Mutex::new(heard) }
    }

    /// A server has shown this time by now.
    pub(super) fn hear(&self, at: Timestamp) {
        self.hear_at(Instant::now(), at);
    }

    fn hear_at(&self, now: Instant, at: Timestamp) {
        let ahead = at.as_nanos().saturating_sub(self.nanos(now));
        let mut heard = self.heard.lock().unwrap_or_else(PoisonError::into_inner);
        heard.age(now);
        heard.ahead = heard.ahead.max(Some(ahead));
    }

    /// What a server shows now, at least; `None` where none was heard lately.
    pub(super) fn now(&self) -> Option<Timestamp> {
        self.now_at(Instant::now())
    }

    fn now_at(&self, now: Instant) -> Option<Timestamp> {
        let mut heard = self.heard.lock().unwrap_or_else(PoisonError::into_inner);
        heard.age(now);
        let ahead = heard.ahead.max(heard.before)?;
        Some(Timestamp::from_nanos(ahead.saturating_add(self.nanos(now))))
    }

    fn nanos(&self, now: Instant) -> u64 {
        let since = now.saturating_duration_since(self.origin);
        u64::try_from(since.as_nanos()).unwrap_or(u64::MAX)
    }
}

impl Heard {
    fn age(&mut self, now: Instant) {
        let age = now.saturating_duration_since(self.since);
        if age >= FRESH {
            let ahead = self.ahead.take();
            self.before = ahead.filter(|_| age < 2 * FRESH);
            self.since = now;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    fn at(seconds: u64) -> Timestamp {
        Timestamp::from_nanos(seconds * 1_000_000_000)
    }

    #[test]
    fn it_shows_no_more_than_the_servers_do() {
        let clock = ServerClock::new();
        let began = clock.origin;
        assert_eq!(clock.now_at(began), None);
        clock.hear_at(began, at(1_000));
        // What is old says less than what is known, and what is newer more.
        clock.hear_at(began + SECOND, at(700));
        assert_eq!(clock.now_at(began + 2 * SECOND), Some(at(1_002)));
        clock.hear_at(began + 3 * SECOND, at(1_004));
        assert_eq!(clock.now_at(began + 3 * SECOND), Some(at(1_004)));
    }

    #[test]
    fn what_was_heard_long_ago_does_not_count() {
        let clock = ServerClock::new();
        let began = clock.origin;
        clock.hear_at(began, at(1_000));
        assert_eq!(clock.now_at(began + FRESH), Some(at(1_300)));
        // As where it was set back.
        clock.hear_at(began + FRESH, at(900));
        assert_eq!(clock.now_at(began + FRESH), Some(at(1_300)));
        assert_eq!(clock.now_at(began + 2 * FRESH), Some(at(1_200)));
        assert_eq!(clock.now_at(began + 4 * FRESH), None);
    }
}
