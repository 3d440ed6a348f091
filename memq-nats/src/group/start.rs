//! Where a group starts, as a sequence: so all its consumers start at the same message.

use async_nats::jetstream::consumer::Info;
use memq::spi::{Fault, MoveFault, OpenFault};
use memq::{Offset, Start, Timestamp};
use serde::Serialize;

use super::register::Nothing;
use crate::names::{offset, sequence};
use crate::topic::Core;

/// Why there is no such start.
#[derive(Debug)]
pub(super) enum Nowhere {
    BeyondEnd { requested: Offset, end: Offset },
    Fault(Fault),
}

/// A consumer that is only asked where it starts.
#[derive(Serialize)]
struct Peek<'p> {
    stream_name: &'p str,
    config: Peeking,
}

#[derive(Serialize)]
struct Peeking {
    deliver_policy: &'static str,
    /// RFC 3339.
    #[serde(skip_serializing_if = "Option::is_none")]
    opt_start_time: Option<String>,
    ack_policy: &'static str,
    mem_storage: bool,
    /// In nanoseconds.
    inactive_threshold: u64,
}

/// The sequence at which to start. One that retention has removed stays as it is.
///
/// # Cancel safety
///
/// Dropped, nothing was learned.
pub(super) async fn resolve(core: &Core, start: Start) -> Result<u64, Nowhere> {
    let info = core.look_patiently().await?;
    let end = info.state.last_sequence + 1;
    match start {
        Start::Latest => Ok(end),
        Start::Offset(at) if sequence(at) > end => {
            Err(Nowhere::BeyondEnd { requested: at, end: offset(end) })
        }
        Start::Offset(at) => Ok(sequence(at)),
        Start::Time(time) => Ok(peek(core, Some(time)).await?.0),
        Start::Ago(ago) => {
            // By the server's clock, as messages are dated.
            let now = peek(core, None).await?.1;
            Ok(peek(core, Some(now - ago)).await?.0)
        }
        // A group that is new resumes at what is kept.
        _ => Ok(info.state.first_sequence.max(1)),
    }
}

/// The sequence of the first message at or after this time, and what the time is.
async fn peek(core: &Core, time: Option<Timestamp>) -> Result<(u64, Timestamp), Fault> {
    let config = Peeking {
        deliver_policy: if time.is_some() { "by_start_time" } else { "new" },
        opt_start_time: time.map(|time| time.to_string()),
        ack_policy: "none",
        mem_storage: true,
        inactive_threshold: 5_000_000_000,
    };
    let request = format!("CONSUMER.CREATE.{}", core.stream);
    let peek = Peek { stream_name: &core.stream, config };
    let info = core.link.ask::<Info>(&request, &peek).await?;
    // It would go by itself, a little later.
    let delete = format!("CONSUMER.DELETE.{}.{}", core.stream, info.name);
    let _ = core.link.ask_once::<serde_json::Value>(&delete, &Nothing {}).await;
    let now = info.created.unix_timestamp_nanos().try_into().unwrap_or_default();
    Ok((info.delivered.stream_sequence + 1, Timestamp::from_nanos(now)))
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
            Nowhere::Fault(fault) => fault.into(),
        }
    }
}

impl From<Nowhere> for MoveFault {
    fn from(nowhere: Nowhere) -> Self {
        match nowhere {
            Nowhere::BeyondEnd { requested, end } => Self::BeyondEnd { requested, end },
            Nowhere::Fault(fault) => fault.into(),
        }
    }
}
