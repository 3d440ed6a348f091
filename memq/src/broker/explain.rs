//! What holds a topic up, in words, from its statistics alone.

use std::collections::HashMap;
use std::fmt;
use std::time::Duration;

use crate::engine::stats::{GroupStats, MemberStats, SubscriberStats, TopicStats, Unsettled};
use crate::options::{Overflow, Retain, TopicOptions};
use crate::position::{Offset, Timestamp};

/// What holds a topic up, in words; see [`Broker::explain`](crate::Broker::explain).
///
/// `Display` gives a line for each finding. The words are for people and may change; programs read
/// [`TopicStats`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Explanation {
    lines: Vec<String>,
}

impl Explanation {
    /// The findings, one by one.
    pub fn lines(&self) -> impl Iterator<Item = &str> {
        self.lines.iter().map(String::as_str)
    }
}

impl fmt::Display for Explanation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.lines.join("\n"))
    }
}

/// Who reads a topic, and how far everything is done for it.
#[derive(Clone, Copy)]
enum Reader<'a> {
    Subscriber(&'a SubscriberStats),
    Group(&'a GroupStats),
}

impl Reader<'_> {
    fn done(&self) -> Offset {
        match self {
            Self::Subscriber(subscriber) => subscriber.position,
            Self::Group(group) => group.oldest,
        }
    }

    fn lag(&self) -> u64 {
        match self {
            Self::Subscriber(subscriber) => subscriber.lag,
            Self::Group(group) => group.lag,
        }
    }
}

impl fmt::Display for Reader<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Subscriber(subscriber) => write!(f, "subscriber {}", subscriber.id),
            Self::Group(group) => write!(f, "group {:?}", group.name),
        }
    }
}

/// `dead` is of the dead-letter topics, by name. `tells` says whether the statistics tell all who read, and not
/// only which groups there are.
pub(super) fn explain(
    topic: &str,
    options: &TopicOptions,
    stats: &TopicStats,
    dead: &HashMap<String, TopicStats>,
    tells: bool,
    now: Timestamp,
) -> Explanation {
    let subscribers = stats.subscribers.iter().map(Reader::Subscriber);
    let readers: Vec<_> = subscribers.chain(stats.groups.iter().map(Reader::Group)).collect();
    let slowest = readers.iter().copied().min_by_key(Reader::done);

    let mut lines = vec![kept(topic, options, stats)];
    match (stats.earliest, slowest) {
        (_, None) if !tells => {
            lines.push("it has no groups; of subscribers, what keeps it does not tell".into());
        }
        (_, None) => lines.push(match options.overflow {
            Overflow::DropOldest => "nobody reads it".into(),
            _ => "nobody reads it, so no room is ever made: add a subscriber or a group".into(),
        }),
        (Some(earliest), Some(slowest)) if slowest.done() <= earliest => {
            lines.push(format!("{slowest} holds the oldest message, offset {earliest}"));
        }
        (Some(earliest), Some(slowest)) => lines.push(format!(
            "everybody is past the oldest message, offset {earliest}; {slowest} is the last, at \
             offset {}",
            slowest.done()
        )),
        (None, Some(_)) => {}
    }
    for reader in &readers {
        match reader {
            Reader::Subscriber(subscriber) if subscriber.lag > 0 => {
                lines.push(format!("{reader} is {} behind", messages(subscriber.lag)));
            }
            Reader::Subscriber(_) => {}
            Reader::Group(group) => {
                explain_group(group, tells, &mut lines);
                let topic = group.dead_letter_topic.as_ref();
                let letters = topic.and_then(|topic| dead.get_key_value(topic));
                lines.extend(letters.and_then(|(name, dead)| {
                    let dropped = dropped(dead, now)?;
                    Some(format!("the dead-letter topic {name:?} {dropped}"))
                }));
            }
        }
    }
    if let Some(dropped) = dropped(stats, now) {
        lines.push(format!("retention {dropped}"));
    }
    if let (1.., Some(slowest)) = (stats.waiting_publishers, slowest) {
        explain_wait(stats.waiting_publishers, slowest, &mut lines);
    }
    Explanation { lines }
}

/// What there is, and what makes it less.
fn kept(topic: &str, options: &TopicOptions, stats: &TopicStats) -> String {
    let range = match (stats.earliest, stats.latest) {
        (Some(earliest), Some(latest)) => format!(", offsets {earliest} to {latest}"),
        _ => String::new(),
    };
    let full = match options.overflow {
        Overflow::DropOldest => "drops the oldest",
        Overflow::Reject => "rejects what comes",
        Overflow::Wait => "lets publishers wait",
    };
    let retain = match options.retain {
        Retain::WithinLimits => "",
        Retain::UntilConsumed => ", and frees what everybody has passed",
    };
    format!(
        "topic {topic:?} keeps {} of {} at most{range}, {} of {} bytes; when it is full it \
         {full}{retain}",
        stats.depth,
        messages(options.max_messages as u64),
        stats.bytes,
        options.max_bytes
    )
}

/// What a topic's limits took, where it is told when.
fn dropped(stats: &TopicStats, now: Timestamp) -> Option<String> {
    let last = stats.last_drop?;
    Some(format!(
        "dropped {}, the last at offset {} {} ago: {}",
        messages(stats.dropped.total()),
        last.offset,
        time(now.since(last.at)),
        last.reason
    ))
}

fn explain_group(group: &GroupStats, tells: bool, lines: &mut Vec<String>) {
    let name = &group.name;
    if group.lag == 0 {
        return;
    }
    let states = [
        (group.in_flight, "in flight"),
        (group.delayed, "delayed"),
        (group.behind_key, "behind another of the same key"),
        (group.dead, "on the way to the dead-letter topic"),
    ];
    let states: Vec<_> = states
        .iter()
        .filter(|(count, _)| *count > 0)
        .map(|(count, state)| format!("{count} {state}"))
        .collect();
    let states = if states.is_empty() { "all to be handed out".into() } else { states.join(", ") };
    lines.push(format!("group {name:?} is {} behind: {states}", messages(group.lag)));
    if let (Some(age), Some(state)) = (group.oldest_unsettled, group.oldest_state) {
        let place = match state {
            Unsettled::New => "is not handed out yet".into(),
            Unsettled::BehindKey => "waits for an earlier message of its key".into(),
            Unsettled::InFlight { member } => format!("is held by member {member}"),
            Unsettled::Delayed => "comes back after a delay".into(),
            Unsettled::Returned => "came back and waits for a member that asks".into(),
            Unsettled::Dead => "is on its way to the dead-letter topic".into(),
        };
        lines.push(format!(
            "its oldest, offset {}, was published {} ago and {place}",
            group.oldest,
            time(age)
        ));
    }
    if let (1.., Some(topic)) = (group.dead, &group.dead_letter_topic) {
        lines.push(format!(
            "the dead-letter topic {topic:?} does not take what is dead: see whether it is full, \
             closed or deleted"
        ));
    }
    if let Some(most) = group.max_in_flight.filter(|most| group.in_flight >= *most as u64) {
        lines.push(format!(
            "group {name:?} holds {}, which is all it may: settle some, or raise \
             `group_max_in_flight`",
            messages(most as u64)
        ));
    }
    if group.members.is_empty() && tells {
        lines.push(format!("group {name:?} has no members: open a consumer, or delete the group"));
    }
    for member in &group.members {
        explain_member(member, lines);
    }
}

fn explain_member(member: &MemberStats, lines: &mut Vec<String>) {
    let id = member.id;
    let held = match &member.held[..] {
        [] => "holds nothing".to_string(),
        [one] => format!("holds offset {one}"),
        [first, .., last] => {
            format!("holds {} messages, from offset {first} to {last}", member.held.len())
        }
    };
    let does = match (member.waiting, member.held.len() >= member.max_in_flight) {
        (true, true) => ", which is all it may hold, and waits: it has to settle one first",
        (true, false) => " and waits for messages",
        (false, true) => ", which is all it may hold",
        (false, false) => " and does not ask for messages now",
    };
    lines.push(format!("member {id} {held}{does}"));
}

/// Who keeps publishers waiting, and whether it waits itself.
fn explain_wait(publishers: usize, slowest: Reader<'_>, lines: &mut Vec<String>) {
    let wait = match publishers {
        1 => "1 publisher waits".to_string(),
        several => format!("{several} publishers wait"),
    };
    if slowest.lag() == 0 {
        lines.push(format!(
            "{wait} for room, and everything is read: permits hold it, or they are about to look again"
        ));
        return;
    }
    let offset = slowest.done();
    let does = if matches!(slowest, Reader::Group(_)) { "settled" } else { "read" };
    lines.push(format!("{wait} for room: {slowest} has not {does} offset {offset} yet"));
    let Reader::Group(group) = slowest else { return };
    let holds = |member: &&MemberStats| member.waiting && member.held.contains(&offset);
    if let Some(member) = group.members.iter().find(holds) {
        lines.push(format!(
            "they wait for each other, unless another task of it settles: member {} waits for \
             messages while it holds offset {offset}, which publishers wait for it to settle",
            member.id
        ));
    }
}

fn messages(count: u64) -> String {
    if count == 1 { "1 message".into() } else { format!("{count} messages") }
}

fn time(duration: Duration) -> impl fmt::Display {
    // Nobody reads nanoseconds here.
    humantime::format_duration(Duration::from_millis(duration.as_millis() as u64))
}
