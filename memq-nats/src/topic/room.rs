//! Room in a full topic that does not drop its oldest messages: what everybody has passed goes.

use std::time::Duration;

use async_nats::datetime::parse_rfc3339;
use async_nats::jetstream::consumer::{AckPolicy, Info as Reading};
use async_nats::jetstream::stream::Info;
use memq::Timestamp;
use serde::{Deserialize, Serialize};
use tokio::sync::Mutex;
use tokio::time::Instant;

use super::{Core, Unseen};
use crate::fault::{Trouble, code};
use crate::names::timestamp;

/// How long an answer is taken for the present one, however many publishers ask.
const FRESH: Duration = Duration::from_millis(20);

/// When room was last looked for.
#[derive(Debug, Default)]
pub(super) struct Room(Mutex<Option<Instant>>);

#[derive(Serialize)]
struct PageRequest {
    offset: usize,
}

#[derive(Deserialize)]
struct Page {
    total: usize,
    /// Those that are deleted meanwhile may be `null`.
    #[serde(default)]
    consumers: Option<Vec<Option<Reading>>>,
}

/// What is to be removed: everything before this sequence.
#[derive(Serialize)]
struct Purge {
    seq: u64,
}

/// Asks for the first message of these subjects, from this sequence on.
#[derive(Serialize)]
struct Next<'n> {
    seq: u64,
    next_by_subj: &'n str,
}

/// Asks for the message with this sequence.
#[derive(Serialize)]
struct Exactly {
    seq: u64,
}

#[derive(Deserialize)]
struct Found {
    message: Place,
}

#[derive(Deserialize)]
struct Place {
    seq: u64,
    /// RFC 3339.
    time: String,
}

#[derive(Deserialize)]
struct Purged {
    purged: u64,
}

impl Core {
    /// All consumers of the stream.
    ///
    /// # Cancel safety
    ///
    /// Dropped, nothing was learned.
    pub(crate) async fn readings(&self) -> Result<Vec<Reading>, Trouble> {
        let list = format!("CONSUMER.LIST.{}", self.stream);
        let (mut readings, mut seen) = (Vec::new(), 0);
        loop {
            let request = PageRequest { offset: seen };
            let page: Page = self.link.ask_once(&list, &request).await?;
            let more = page.consumers.unwrap_or_default();
            seen += more.len();
            let over = more.is_empty() || seen >= page.total;
            let more = more.into_iter().flatten();
            readings.extend(more.inspect(|reading| {
                last_seen(reading).into_iter().for_each(|at| self.hear_time(at));
            }));
            if over {
                return Ok(readings);
            }
        }
    }

    /// Whether a consumer that says that it waits for nothing waits for a message before this sequence: it
    /// counts messages a little after they are stored.
    ///
    /// # Cancel safety
    ///
    /// Dropped, nothing was learned.
    pub(crate) async fn follows(&self, reading: &Reading, before: u64) -> Result<bool, Trouble> {
        let seq = reading.delivered.stream_sequence + 1;
        if seq >= before {
            return Ok(false);
        }
        let filter = Some(&*reading.config.filter_subject).filter(|filter| !filter.is_empty());
        self.has(seq, before, filter.unwrap_or(">")).await
    }

    /// Whether it has a message of these subjects from this sequence on and before the other.
    ///
    /// # Cancel safety
    ///
    /// Dropped, nothing was learned.
    pub(crate) async fn has(&self, seq: u64, before: u64, of: &str) -> Result<bool, Trouble> {
        let next = Next { seq, next_by_subj: of };
        match self.link.ask_once::<Found>(&self.request("MSG.GET"), &next).await {
            Ok(found) => Ok(found.message.seq < before),
            Err(trouble) if trouble.is(code::NO_MESSAGE) => Ok(false),
            Err(trouble) => Err(trouble),
        }
    }

    /// When the message with this sequence was stored, if it is there.
    ///
    /// # Cancel safety
    ///
    /// Dropped, nothing was learned.
    pub(crate) async fn stored_at(&self, seq: u64) -> Result<Option<Timestamp>, Trouble> {
        match self.link.ask_once::<Found>(&self.request("MSG.GET"), &Exactly { seq }).await {
            Ok(found) => Ok(parse_rfc3339(&found.message.time).ok().map(timestamp)),
            Err(trouble) if trouble.is(code::NO_MESSAGE) => Ok(None),
            Err(trouble) => Err(trouble),
        }
    }

    /// Frees some of what every subscriber and every group has passed; `false` where there is nothing
    /// of that kind, or somebody has just looked.
    ///
    /// Removing goes forward only, and twice is once, so that several processes may do it.
    ///
    /// # Cancel safety
    ///
    /// Dropped, room was made or not.
    pub(crate) async fn make_room(&self) -> Result<bool, Unseen> {
        let mut last = self.room.0.lock().await;
        if last.is_some_and(|last| last.elapsed() < FRESH) {
            return Ok(false);
        }
        let freed = self.free().await;
        *last = Some(Instant::now());
        freed
    }

    async fn free(&self) -> Result<bool, Unseen> {
        let away = |trouble: Trouble| Unseen::Away(trouble.into_cause());
        // The stream first: what somebody has read by then, they have read later as well.
        let info = self.look().await?;
        let readings = self.readings().await.map_err(away)?;
        let passed = readings.iter().map(|reading| passed(reading, &info)).min();
        let Some(seq) = passed.and_then(|passed| removable(passed, &info)) else {
            return Ok(false);
        };
        for reading in readings.iter().filter(|reading| reading.num_pending == 0) {
            if self.follows(reading, seq).await.map_err(away)? {
                return Ok(false);
            }
        }
        let purged = self.link.ask_once::<Purged>(&self.request("PURGE"), &Purge { seq }).await;
        Ok(purged.map_err(away)?.purged > 0)
    }
}

/// When a consumer last did something, by the server's clock.
fn last_seen(reading: &Reading) -> Option<Timestamp> {
    let last =
        [reading.delivered.last_active, reading.ack_floor.last_active, Some(reading.created)];
    last.into_iter().flatten().map(timestamp).max()
}

/// The sequence that somebody reads next, at least.
fn passed(reading: &Reading, stream: &Info) -> u64 {
    let settles = reading.config.ack_policy != AckPolicy::None;
    // Who waits for nothing has passed what there was, also where a filter passes over it.
    if reading.num_pending == 0 && (!settles || reading.num_ack_pending == 0) {
        return stream.state.last_sequence + 1;
    }
    // What a subscriber was sent it has. A group has what it has settled.
    let at = if settles { &reading.ack_floor } else { &reading.delivered };
    at.stream_sequence + 1
}

/// Up to where messages go, of those before `passed`: a sixteenth of what the topic keeps at most, so
/// that those who come later find the rest.
fn removable(passed: u64, stream: &Info) -> Option<u64> {
    let first = stream.state.first_sequence;
    let step = (stream.state.messages / 16).max(1);
    let to = passed.min(first.saturating_add(step));
    (to > first).then_some(to)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stream(first: u64, last: u64) -> Info {
        let text = format!(
            r#"{{"config":{{"name":"s","retention":"limits","discard":"new","storage":"file",
            "num_replicas":1}},"created":"2026-01-01T00:00:00Z","state":{{"messages":{},"bytes":0,
            "first_seq":{first},"first_ts":"2026-01-01T00:00:00Z","last_seq":{last},
            "last_ts":"2026-01-01T00:00:00Z","consumer_count":0}}}}"#,
            last + 1 - first
        );
        serde_json::from_str(&text).unwrap()
    }

    fn reading(policy: &str, delivered: u64, floor: u64, pending: u64, held: u64) -> Reading {
        let text = format!(
            r#"{{"stream_name":"s","name":"c","created":"2026-01-01T00:00:00Z",
            "config":{{"deliver_policy":"all","ack_policy":"{policy}","replay_policy":"instant"}},
            "delivered":{{"consumer_seq":{delivered},"stream_seq":{delivered}}},
            "ack_floor":{{"consumer_seq":{floor},"stream_seq":{floor}}},
            "num_ack_pending":{held},"num_redelivered":0,"num_waiting":0,"num_pending":{pending}}}"#
        );
        serde_json::from_str(&text).unwrap()
    }

    #[test]
    fn subscribers_pass_what_they_were_sent_and_groups_what_they_settled() {
        let stream = stream(1, 100);
        assert_eq!(passed(&reading("none", 40, 0, 60, 0), &stream), 41);
        assert_eq!(passed(&reading("explicit", 40, 30, 60, 10), &stream), 31);
        assert_eq!(passed(&reading("explicit", 0, 0, 100, 0), &stream), 1);
    }

    #[test]
    fn who_waits_for_nothing_has_passed_everything() {
        let stream = stream(1, 100);
        assert_eq!(passed(&reading("none", 3, 0, 0, 0), &stream), 101);
        assert_eq!(passed(&reading("explicit", 3, 3, 0, 0), &stream), 101);
        assert_eq!(passed(&reading("explicit", 3, 2, 0, 1), &stream), 3);
    }

    #[test]
    fn a_part_of_what_is_passed_goes_and_never_more() {
        assert_eq!(removable(101, &stream(1, 100)), Some(7));
        assert_eq!(removable(3, &stream(1, 100)), Some(3));
        assert_eq!(removable(1, &stream(1, 100)), None);
        assert_eq!(removable(50, &stream(60, 100)), None);
        assert_eq!(removable(9, &stream(8, 9)), Some(9));
    }
}
