//! Where a reader or a group starts, as a sequence: so all consumers of one start at the same message.

use async_nats::jetstream::consumer::Info;
use memq::spi::{Fault, MoveFault, OpenFault};
use memq::{Offset, Start, Timestamp};
use serde::Serialize;
use serde::de::IgnoredAny;
use serde_json::Map;

use crate::names::{self, offset, sequence, timestamp};
use crate::topic::Core;

/// Why there is no such start.
#[derive(Debug)]
pub(crate) enum Nowhere {
    BeyondEnd {
        requested: Offset,
        end: Offset,
    },
    /// One that is none here, or that a later memq has.
    Unknown(Start),
    Fault(Fault),
}

/// What to do where a start is not known.
const REMEDY: &str = "start at an end of the topic, at the last so many, an offset or a time";

/// A consumer that is only asked where it starts.
#[derive(Serialize)]
struct Peek<'p> {
    stream_name: &'p str,
    config: Peeking<'p>,
}

#[derive(Serialize)]
struct Peeking<'p> {
    name: &'p str,
    deliver_policy: &'static str,
    /// RFC 3339.
    #[serde(skip_serializing_if = "Option::is_none")]
    opt_start_time: Option<String>,
    ack_policy: &'static str,
    mem_storage: bool,
    num_replicas: usize,
    /// In nanoseconds.
    inactive_threshold: u64,
}

/// The sequence to start at. One that retention has removed stays as it is.
///
/// # Cancel safety
///
/// Dropped, nothing was learned.
pub(crate) async fn resolve(core: &Core, start: Start) -> Result<u64, Nowhere> {
    let info = core.look_patiently().await?;
    let end = info.state.last_sequence + 1;
    let earliest = info.state.first_sequence.clamp(1, end);
    let time = match start {
        // A group that is new resumes at what is kept.
        Start::Earliest | Start::Committed => return Ok(earliest),
        Start::Latest => return Ok(end),
        // By sequence. What others removed from amid the stream counts with the rest: the list of that
        // may be long, and out of date once it is here.
        Start::Last(count) => return Ok(end.saturating_sub(count).max(earliest)),
        Start::Offset(at) if sequence(at) > end => {
            return Err(Nowhere::BeyondEnd { requested: at, end: offset(end) });
        }
        Start::Offset(at) => return Ok(sequence(at)),
        Start::Time(time) => time,
        // By the server's clock, as messages are dated.
        Start::Ago(ago) => peek(core, None).await?.1 - ago,
        other => return Err(Nowhere::Unknown(other)),
    };
    let last = info.state.last_timestamp.unix_timestamp_nanos();
    if info.state.messages == 0 || last < i128::from(time.as_nanos()) {
        return Ok(end);
    }
    Ok(peek(core, Some(time)).await?.0)
}

/// The sequence of the first message at or after this time, and what the time is now.
async fn peek(core: &Core, time: Option<Timestamp>) -> Result<(u64, Timestamp), Fault> {
    let name = &names::reader();
    let config = Peeking {
        name,
        deliver_policy: if time.is_some() { "by_start_time" } else { "new" },
        opt_start_time: time.map(|time| time.to_string()),
        ack_policy: "none",
        mem_storage: true,
        num_replicas: 1,
        inactive_threshold: 5_000_000_000,
    };
    let peek = Peek { stream_name: &core.stream, config };
    let request = format!("CONSUMER.CREATE.{}.{name}", core.stream);
    let info = core.link.ask::<Info>(&request, &peek).await?;
    // It would go by itself, a little later.
    let request = format!("CONSUMER.DELETE.{}.{name}", core.stream);
    let _ = core.link.ask_once::<IgnoredAny>(&request, &Map::new()).await;
    Ok((info.delivered.stream_sequence + 1, timestamp(info.created)))
}

impl From<Fault> for Nowhere {
    fn from(fault: Fault) -> Self {
        Self::Fault(fault)
    }
}

impl From<Nowhere> for OpenFault {
    fn from(nowhere: Nowhere) -> Self {
        match nowhere {
            Nowhere::BeyondEnd { requested, end } => Self::BeyondEnd { requested, end },
            Nowhere::Unknown(start) => Self::Option {
                option: "start",
                value: format!("{start:?}"),
                remedy: REMEDY.to_owned(),
            },
            Nowhere::Fault(fault) => fault.into(),
        }
    }
}

impl From<Nowhere> for MoveFault {
    fn from(nowhere: Nowhere) -> Self {
        match nowhere {
            Nowhere::BeyondEnd { requested, end } => Self::BeyondEnd { requested, end },
            Nowhere::Unknown(start) => {
                Fault::Unavailable(format!("{start:?} is not known: {REMEDY}").into()).into()
            }
            Nowhere::Fault(fault) => fault.into(),
        }
    }
}
