//! What is told at the end, and whether it adds up.

use std::collections::BTreeMap;
use std::error::Error;
use std::fmt;

use memq::{DeadLetter, GroupStats, Offset, TopicStats};
use serde_json::json;

use crate::GROUP;
use crate::ledger::Ledger;

pub struct Report {
    /// Entries of the file.
    pub read: u64,
    /// Airports that flights depart from.
    pub airports: usize,
    /// What the killed worker held.
    pub held: Vec<Offset>,
    pub letters: Vec<DeadLetter>,
    /// The topic's, at the end.
    pub stats: TopicStats,
    pub ledger: Ledger,
}

/// The accounts do not add up.
#[derive(Debug, PartialEq, Eq)]
pub enum Unaccounted {
    /// These numbers differ.
    Differs {
        what: &'static str,
        is: u64,
        expected: u64,
    },
    /// This flight was settled and is a dead letter, or neither, or twice a dead letter.
    NotOnce {
        offset: Offset,
        settled: usize,
        dead: usize,
    },
    /// The killed worker held this flight, and it did not come back.
    NotRedelivered {
        offset: Offset,
    },
    NoGroup,
}

impl Report {
    fn group(&self) -> Option<&GroupStats> {
        self.stats.group(GROUP)
    }

    /// Whether every flight is settled or dead-lettered, once, in order, and memq says so too.
    pub fn check(&self) -> Result<(), Unaccounted> {
        let mut dead: BTreeMap<Offset, (usize, u32)> = BTreeMap::new();
        for letter in &self.letters {
            let (letters, attempts) = dead.entry(letter.offset).or_default();
            (*letters, *attempts) = (*letters + 1, letter.attempts);
        }
        for offset in (0..self.read).map(Offset) {
            let settled = usize::from(self.ledger.settled.contains_key(&offset));
            let dead = dead.get(&offset).map_or(0, |(letters, _)| *letters);
            if settled + dead != 1 {
                return Err(Unaccounted::NotOnce { offset, settled, dead });
            }
        }
        for offset in &self.held {
            let attempts = self.ledger.settled.get(offset).copied();
            let attempts = attempts.or(dead.get(offset).map(|(_, attempts)| *attempts));
            if attempts.is_none_or(|attempts| attempts < 2) {
                return Err(Unaccounted::NotRedelivered { offset: *offset });
            }
        }
        let group = self.group().ok_or(Unaccounted::NoGroup)?;
        let (settled, letters) = (self.ledger.settled.len() as u64, self.letters.len() as u64);
        let partitions = self.stats.partitions.iter().map(|partition| partition.published).sum();
        let rows = [
            ("settled and dead-lettered", settled + letters, self.read),
            ("settled twice", self.ledger.settled_twice, 0),
            ("out of order", self.ledger.out_of_order, 0),
            ("published", self.stats.published, self.read),
            ("published in all partitions", partitions, self.read),
            ("settled, in the statistics", group.settled, settled),
            ("dead-lettered, in the statistics", group.dead_lettered, letters),
            ("delivered", group.delivered, self.read + group.redelivered),
            ("still to come", group.lag, 0),
            ("dropped", self.stats.dropped.total(), 0),
        ];
        match rows.into_iter().find(|(_, is, expected)| is != expected) {
            Some((what, is, expected)) => Err(Unaccounted::Differs { what, is, expected }),
            None => Ok(()),
        }
    }

    fn per_partition(&self) -> Vec<u64> {
        self.stats.partitions.iter().map(|partition| partition.published).collect()
    }

    fn redelivered(&self) -> u64 {
        self.group().map_or(0, |group| group.redelivered)
    }

    /// One line.
    pub fn to_json(&self) -> String {
        json!({
            "read": self.read,
            "airports": self.airports,
            "settled": self.ledger.settled.len(),
            "redelivered": self.redelivered(),
            "dead_lettered": self.letters.len(),
            "per_partition": self.per_partition(),
            "out_of_order": self.ledger.out_of_order,
            "panics": self.ledger.panics,
            "held_when_killed": self.held.len(),
        })
        .to_string()
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { read, airports, ledger, .. } = self;
        writeln!(f, "{read} flights from {airports} airports")?;
        for (partition, flights) in self.per_partition().into_iter().enumerate() {
            writeln!(f, "  partition {partition}  {flights:>6}")?;
        }
        writeln!(f, "\nsettled        {:>6}", ledger.settled.len())?;
        writeln!(f, "redelivered    {:>6}", self.redelivered())?;
        writeln!(f, "  {:>6} after a panic", ledger.panics)?;
        writeln!(f, "  {:>6} that the killed worker held", self.held.len())?;
        writeln!(f, "dead-lettered  {:>6}", self.letters.len())?;
        let mut reasons: BTreeMap<&str, u64> = BTreeMap::new();
        for letter in &self.letters {
            *reasons.entry(&letter.reason).or_default() += 1;
        }
        for (reason, letters) in reasons {
            writeln!(f, "  {letters:>6} {reason}")?;
        }
        write!(f, "out of order   {:>6}", ledger.out_of_order)
    }
}

impl fmt::Display for Unaccounted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Differs { what, is, expected } => {
                write!(f, "{what}: {is}, and {expected} are expected")
            }
            Self::NotOnce { offset, settled, dead } => write!(
                f,
                "the flight at offset {offset} was settled {settled} times and is {dead} dead letters"
            ),
            Self::NotRedelivered { offset } => write!(
                f,
                "the killed worker held the flight at offset {offset}, and it did not come back"
            ),
            Self::NoGroup => f.write_str("the group is gone"),
        }
    }
}

impl Error for Unaccounted {}

/// An error and what caused it, on one line.
pub fn explain(error: &(dyn Error + 'static)) -> String {
    let causes = std::iter::successors(Some(error), |&error| error.source());
    causes.map(ToString::to_string).collect::<Vec<_>>().join(": ")
}
