//! Where a reader starts, as a sequence.

use async_nats::jetstream::consumer::Info;
use memq::spi::{Fault, OpenFault};
use memq::{Start, Timestamp};

use super::source::Source;
use crate::names::{offset, sequence};
use crate::topic::Core;

/// The sequence to start at. One that retention has removed stays as it is.
///
/// # Cancel safety
///
/// Dropped, nothing was learned.
pub(super) async fn resolve(core: &Core, start: Start) -> Result<u64, OpenFault> {
    let info = core.look_patiently().await?;
    let end = info.state.last_sequence + 1;
    let time = match start {
        Start::Earliest => return Ok(info.state.first_sequence.clamp(1, end)),
        Start::Latest => return Ok(end),
        Start::Offset(at) if sequence(at) > end => {
            return Err(OpenFault::BeyondEnd { requested: at, end: offset(end) });
        }
        Start::Offset(at) => return Ok(sequence(at)),
        Start::Time(time) => time,
        // By the server's clock, as messages are dated.
        Start::Ago(ago) => peek(core, None).await?.1 - ago,
        other => {
            return Err(OpenFault::Option {
                option: "start",
                value: format!("{other:?}"),
                remedy: "start at an end of the topic, an offset or a time".to_owned(),
            });
        }
    };
    let last = info.state.last_timestamp.unix_timestamp_nanos();
    if info.state.messages == 0 || last < i128::from(time.as_nanos()) {
        return Ok(end);
    }
    Ok(peek(core, Some(time)).await?.0)
}

/// The sequence of the first message at or after this time, and what the time is now.
async fn peek(core: &Core, time: Option<Timestamp>) -> Result<(u64, Timestamp), Fault> {
    let info = Source::peek(core, time).await?;
    Ok((info.delivered.stream_sequence + 1, created(&info)))
}

fn created(info: &Info) -> Timestamp {
    Timestamp::from_nanos(info.created.unix_timestamp_nanos().try_into().unwrap_or_default())
}
