//! What has expired in a stream, as far as that is known.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::Duration;

use async_nats::jetstream::stream::{DiscardPolicy, Info};
use memq::Timestamp;
use tokio::time::Instant;

use super::incarnation;
use crate::names::timestamp;

/// How long what was heard of a clock counts, at least: clocks do not run alike, and are set.
const FRESH: Duration = Duration::from_secs(300);

/// What is known of the expiry of each stream, for all who have it open over one connection: what one
/// hears helps the others.
#[derive(Debug, Default)]
pub(crate) struct Expiries(Mutex<HashMap<(String, u128), Weak<Expiry>>>);

impl Expiries {
    pub(super) fn of(&self, info: &Info) -> Arc<Expiry> {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let key = (info.config.name.clone(), incarnation(info).0);
        if let Some(known) = all.get(&key).and_then(Weak::upgrade) {
            return known;
        }
        // Those that nobody has open are forgotten before the map would grow for them.
        if all.len() == all.capacity() {
            all.retain(|_, expiry| expiry.strong_count() > 0);
        }
        let new = Arc::new(Expiry::new());
        all.insert(key, Arc::downgrade(&new));
        new
    }
}

/// What is known of the expiry of one stream.
#[derive(Debug)]
pub(super) struct Expiry {
    /// How long messages are kept, in nanoseconds; 0 where nothing expires.
    ttl: AtomicU64,
    /// What was stored at this time or before is gone, in nanoseconds.
    gone: AtomicU64,
    clock: ServerClock,
}

impl Expiry {
    fn new() -> Self {
        let (ttl, gone) = (AtomicU64::new(0), AtomicU64::new(0));
        Self { ttl, gone, clock: ServerClock::new() }
    }

    /// The server said this of the stream.
    pub(super) fn hear(&self, info: &Info) {
        let ttl = u64::try_from(info.config.max_age.as_nanos()).unwrap_or(u64::MAX);
        self.ttl.store(ttl, Ordering::Relaxed);
        if ttl > 0 && !is_limited(info) {
            let gone = match info.state.messages {
                0 => timestamp(info.state.last_timestamp).as_nanos(),
                _ => timestamp(info.state.first_timestamp).as_nanos().saturating_sub(1),
            };
            self.gone.fetch_max(gone, Ordering::Relaxed);
        }
    }

    /// The server has shown this time by now.
    pub(super) fn hear_time(&self, at: Timestamp) {
        if self.ttl.load(Ordering::Relaxed) > 0 {
            self.clock.hear(at);
        }
    }

    /// What was stored at this time or before has expired.
    pub(super) fn expired(&self) -> Option<Timestamp> {
        match self.ttl.load(Ordering::Relaxed) {
            0 => None,
            ttl => {
                let by_time = self.clock.now().map(|now| now - Duration::from_nanos(ttl));
                by_time.max(Some(Timestamp::from_nanos(self.gone.load(Ordering::Relaxed))))
            }
        }
    }
}

/// Whether something else than time may have removed messages: then those that were fetched before may
/// still be handed out.
fn is_limited(info: &Info) -> bool {
    let (config, state) = (&info.config, &info.state);
    let below = |most: i64, has: u64| most <= 0 || i64::try_from(has).is_ok_and(|has| has < most);
    // Limits remove the oldest, so that what is older than something that expired has expired too.
    let full = !below(config.max_messages, state.messages)
        || !below(config.max_bytes, state.bytes.saturating_mul(2));
    config.discard == DiscardPolicy::New || full
}

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

    fn stream(first: u64, last: u64, config: &str) -> Info {
        let date = |at| timestamp_text(at);
        let text = format!(
            r#"{{"config":{{"name":"s","retention":"limits","storage":"file","num_replicas":1,
            "max_age":10000000000,{config}}},"created":"2026-01-01T00:00:00Z","state":{{
            "messages":{},"bytes":{},"first_seq":{first},"first_ts":"{}","last_seq":{last},
            "last_ts":"{}","consumer_count":0}}}}"#,
            last + 1 - first,
            10 * (last + 1 - first),
            date(first),
            date(last),
        );
        serde_json::from_str(&text).unwrap()
    }

    /// Each message is stored a second after the one before it.
    fn timestamp_text(at: u64) -> String {
        format!("1970-01-01T00:00:{at:02}Z")
    }

    #[test]
    fn what_the_server_does_not_keep_any_more_has_expired() {
        let heard = |first, last, config| {
            let expiry = Expiry::new();
            expiry.hear(&stream(first, last, config));
            expiry.expired().map(Timestamp::as_nanos)
        };
        let old = r#""discard":"old","max_msgs":5,"max_bytes":-1"#;
        assert_eq!(heard(8, 10, old), Some(7_999_999_999));
        assert_eq!(heard(11, 10, old), Some(10_000_000_000));
        // Here it may have been the limits, or somebody who made room.
        assert_eq!(heard(6, 10, old), Some(0));
        assert_eq!(heard(8, 10, r#""discard":"old","max_bytes":50"#), Some(0));
        assert_eq!(heard(8, 10, r#""discard":"new","max_msgs":5"#), Some(0));
        let mut forever = stream(8, 10, old);
        forever.config.max_age = Duration::ZERO;
        let expiry = Expiry::new();
        expiry.hear(&forever);
        assert_eq!(expiry.expired(), None);
    }

    #[test]
    fn who_has_a_stream_open_shares_what_is_known_of_it() {
        let all = Expiries::default();
        let info = stream(8, 10, r#""discard":"old""#);
        let one = all.of(&info);
        assert!(Arc::ptr_eq(&one, &all.of(&info)));
        drop(one);
        for number in 0..100 {
            let mut other = info.clone();
            other.config.name = number.to_string();
            all.of(&other);
        }
        assert!(all.0.lock().unwrap().len() < 20);
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
