//! What a group has done, by what the server counts.

use async_nats::jetstream::consumer::Info as Reading;
use async_nats::jetstream::stream::Info;
use memq::spi::GroupOrder;
use memq::{GroupStats, Offset};

use super::register::Register;
use super::shared::Shared;
use crate::names::{offset, part_of};

/// A group, of all consumers of its stream.
///
/// The server does not tell delayed messages from those in flight, nor dead ones and those that
/// retention took from those acknowledged: they count as the latter.
pub(super) fn of(
    name: &str,
    register: &Register,
    readings: &[Reading],
    stream: &Info,
) -> GroupStats {
    let (start, next) = (register.epoch.start, stream.state.last_sequence + 1);
    let parts: Vec<_> = readings
        .iter()
        .filter(|reading| part_of(&reading.name, name) == Some(&register.epoch.name))
        .collect();
    let pending: u64 = parts.iter().map(|part| part.num_pending).sum();
    let in_flight: u64 = parts.iter().map(|part| part.num_ack_pending as u64).sum();
    // Where nothing is to come, everything before the end is passed.
    let position = parts.iter().filter(|part| part.num_pending > 0);
    let position = position.map(|part| part.delivered.stream_sequence + 1).min().unwrap_or(next);
    let committed = parts.iter().filter(|part| part.num_pending > 0 || part.num_ack_pending > 0);
    let committed = committed.map(|part| part.ack_floor.stream_sequence + 1).min().unwrap_or(next);

    let mut stats = GroupStats::at(name, at(position, start));
    stats.committed = at(committed, start);
    stats.oldest = stats.committed.max(offset(stream.state.first_sequence));
    stats.since_start = next.saturating_sub(start);
    stats.lag = (pending + in_flight).min(stats.since_start);
    stats.in_flight = in_flight;
    stats.settled = stats.since_start - stats.lag;
    stats.delivered = parts.iter().map(|part| part.delivered.consumer_sequence).sum();
    // Each was delivered for the first time, but for those to come.
    let first = stats.since_start.saturating_sub(pending);
    stats.redelivered = stats.delivered.saturating_sub(first);
    let rules = &register.rules;
    stats.dead_letter_topic = rules.dead_letter.as_ref().map(ToString::to_string);
    stats.any_order = rules.order == GroupOrder::Any;
    stats.max_in_flight = rules.max_in_flight;
    stats
}

/// The offset of a sequence, not before the start.
fn at(sequence: u64, start: u64) -> Offset {
    offset(sequence.max(start))
}

/// Asks the server; says whether everything is settled, if it answers.
pub(super) async fn refresh(shared: &Shared) -> Option<bool> {
    let register = shared.locked().register.clone();
    let readings = shared.core.readings().await.ok()?;
    let stream = shared.core.look().await.ok()?;
    let stats = of(&shared.group, &register, &readings, &stream);
    let mut settled = stats.lag == 0;
    let epoch = &register.epoch.name;
    for part in readings.iter().filter(|part| part_of(&part.name, &shared.group) == Some(epoch)) {
        settled = settled
            && !shared.core.follows(part, stream.state.last_sequence + 1).await.unwrap_or(true);
    }
    let mut state = shared.locked();
    if state.register == register {
        state.stats = stats;
    }
    Some(settled && state.ready.is_empty() && state.held.is_empty())
}
