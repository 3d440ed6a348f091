//! A type against what its lock file has.

use super::contain::Comparison;
use super::contract::Contract;
use super::keys::Keys;
use super::lock::{Entry, Lock};
use super::positional::Positions;
use super::report::{Check, Report, Verdict};
use super::words::{Break, Direction, Unjudged};
use super::{Mode, Subject};
use crate::options::Format;

/// Looks at the versions that the mode asks for.
pub(super) fn judge(subject: &Subject, lock: &Lock, mode: Mode) -> Report {
    let other = |entry: &&Entry| {
        let now = entry.version == subject.version && entry.contract == subject.contract;
        // What is later is a matter of the later type.
        entry.version <= subject.version && !now
    };
    let mut before: Vec<&Entry> = lock.entries.iter().filter(other).collect();
    if !mode.is_transitive() {
        before.drain(..before.len().saturating_sub(1));
    }
    let mut checks = Vec::new();
    for entry in before {
        for direction in mode.directions() {
            let (version, revision) = (entry.version, entry.revision);
            let verdict = if entry.contract.format != subject.contract.format {
                other_format(&subject.contract, &entry.contract, *direction)
            } else if version == subject.version {
                same_version(&subject.contract, &entry.contract, *direction)
            } else {
                older(subject, version, *direction)
            };
            checks.push(Check { version, revision, direction: *direction, verdict });
        }
    }
    let topic = lock.topic.clone();
    Report { topic, version: subject.version, mode, checks, blessed: false }
}

/// Whatever the versions are: who opens a topic in another format than it has is refused.
fn other_format(now: &Contract, before: &Contract, direction: Direction) -> Verdict {
    let (written, read) = match direction {
        Direction::Backward => (before, now),
        Direction::Forward => (now, before),
    };
    let (records, readers) = (direction.records(), direction.readers());
    broken(Break::new(
        "",
        format!("{records} are {}, {readers} take {}", written.format, read.format),
        "keep the format, since a topic has one for all versions, or give the type another `name`",
    ))
}

/// A lower version is read through the lineage, and reads no higher one.
fn older(subject: &Subject, version: u16, direction: Direction) -> Verdict {
    let now = subject.version;
    match direction {
        Direction::Backward if subject.lineage.contains(&version) => Verdict::Upcast,
        Direction::Backward => broken(Break::new(
            "",
            format!("new readers are of version {now}, and have no way from version {version}"),
            format!("say `upcast_from` the type of version {version}, or of one in between"),
        )),
        Direction::Forward => broken(Break::new(
            "",
            format!("new records are of version {now}, which readers of version {version} refuse"),
            format!(
                "stay at version {version} while they run, or update every reader first and check \
                 `Mode::Backward`"
            ),
        )),
    }
}

fn broken(one: Break) -> Verdict {
    Verdict::Broken(vec![one])
}

fn same_version(now: &Contract, before: &Contract, direction: Direction) -> Verdict {
    let (written, read) = match direction {
        Direction::Backward => (before, now),
        Direction::Forward => (now, before),
    };
    let breaks = if now.format.is_positional() {
        positions(written, read, direction)
    } else {
        let readable = now.format == Format::Json;
        let mut breaks = Comparison::of(&written.written, &read.accepted, direction, readable);
        match (&written.layout, &read.layout) {
            (Some(Err(why)), _) | (_, Some(Err(why))) => {
                breaks.push(Break::unjudged("", Unjudged(why.clone())));
            }
            (Some(Ok(written)), Some(Ok(read))) => {
                breaks.extend(Keys { direction, readable }.compare(written, read, ""));
            }
            // Types without maps, and those that cannot be traced, have schemas all the same.
            (None, _) | (_, None) => {}
        }
        breaks
    };
    if breaks.is_empty() { Verdict::Compatible } else { Verdict::Broken(breaks) }
}

/// Formats without names.
fn positions(written: &Contract, read: &Contract, direction: Direction) -> Vec<Break> {
    let format = read.format;
    let mut breaks = match (&written.layout, &read.layout) {
        (Some(Ok(written)), Some(Ok(read))) => {
            Positions { direction, format }.compare(written, read, "")
        }
        (Some(Err(why)), _) | (_, Some(Err(why))) => {
            vec![Break::unjudged("", Unjudged(why.clone()))]
        }
        (None, _) | (_, None) => {
            vec![Break::unjudged("", Unjudged("the lock file has no `layout`".to_owned()))]
        }
    };
    for contract in [written, read] {
        if !contract.is_symmetric() {
            let what = "the type is written otherwise than it is read".to_owned();
            breaks.push(Break::unjudged("", Unjudged(what)));
            break;
        }
    }
    if breaks.is_empty() {
        // Numbers that are not zero, lists without duplicates: what the order does not tell.
        let all = Comparison::of(&written.written, &read.accepted, direction, true);
        breaks.extend(all.into_iter().filter(|one| one.of_values));
    }
    match (written.fingerprint, read.fingerprint) {
        (Some(one), Some(other)) if one != other && breaks.is_empty() => breaks.push(Break::new(
            "",
            format!(
                "{} carry the fingerprint {one}, and {} refuse them, since theirs is {other}",
                direction.records(),
                direction.readers()
            ),
            format!("in {format} every change takes a raised `version` and an `upcast_from`"),
        )),
        _ => {}
    }
    breaks
}
