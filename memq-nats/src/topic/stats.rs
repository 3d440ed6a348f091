//! What the server counts, as memq shows it.

use std::collections::HashMap;

use memq::spi::Fault;
use memq::{Partition, PartitionStats, TopicStats};
use serde::{Deserialize, Serialize};

use super::Core;
use crate::names::{Place, offset};

/// Asks for the number of messages of each subject.
#[derive(Serialize)]
struct Request {
    subjects_filter: &'static str,
    offset: usize,
}

/// The part of the answer that the client does not read.
#[derive(Deserialize)]
struct Answer {
    state: Counted,
    #[serde(default)]
    total: usize,
}

#[derive(Deserialize)]
struct Counted {
    #[serde(default)]
    subjects: Option<HashMap<String, u64>>,
}

/// A topic at one moment.
pub(super) async fn of(core: &Core) -> Result<TopicStats, Fault> {
    let info = core.look_patiently().await?;
    let state = &info.state;
    let mut stats = TopicStats::empty(offset(state.last_sequence + 1));
    stats.depth = state.messages;
    stats.bytes = state.bytes;
    if state.messages > 0 {
        stats.earliest = Some(offset(state.first_sequence));
        stats.latest = Some(offset(state.last_sequence));
    }
    stats.published = state.last_sequence;
    // Whether the limits, an administrator or publishers that made room removed them is not told.
    stats.dropped.unspecified = state.last_sequence - state.messages;
    stats.partitions = partitions(core, core.options().partitions).await?;
    stats.groups = crate::group::stats(core).await?;
    Ok(stats)
}

/// What is kept in each partition. How much was published is not told, but it was that much.
async fn partitions(core: &Core, count: u16) -> Result<Vec<PartitionStats>, Fault> {
    let mut all: Vec<_> = (0..count).map(|n| PartitionStats::empty(Partition(n))).collect();
    let mut seen = 0;
    loop {
        let request = Request { subjects_filter: ">", offset: seen };
        let answer: Answer = core.link.ask(&core.request("INFO"), &request).await?;
        let subjects = answer.state.subjects.unwrap_or_default();
        seen += subjects.len();
        for (subject, messages) in &subjects {
            let place = Place::of(subject);
            let partition = place.and_then(|place| all.get_mut(usize::from(place.partition.0)));
            if let Some(partition) = partition {
                partition.depth += messages;
                partition.published += messages;
            }
        }
        if subjects.is_empty() || seen >= answer.total {
            return Ok(all);
        }
    }
}
