//! What is published: one flight, and how flights are read from a file.

use std::collections::{HashMap, HashSet};
use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

use memq::Topic;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

/// Room for 512 messages only, far less than the file has: with `overflow = Wait` the publisher then
/// waits for the workers, and nothing is ever dropped.
#[derive(Clone, Debug, Serialize, Deserialize, Topic)]
#[topic(name = "flights", format = Json, partitions = 8, max = 512, overflow = Wait)]
pub struct Flight {
    /// The airport of departure. Flights of one airport are worked on in order, one at a time.
    #[topic(key)]
    pub origin: String,
    pub destination: String,
    pub date: String,
    /// Minutes; less than zero for one that was early.
    pub delay: i32,
    /// Miles.
    pub distance: u32,
    /// How many flights of its airport come before it. Not in the file.
    #[serde(default)]
    pub sequence: u64,
}

/// An entry of the file.
pub enum Entry {
    Flight(Flight),
    /// JSON that is no flight, as it is in the file.
    Damaged(String),
}

/// The entries of a file, in its order.
pub fn entries(text: &[u8], path: &Path) -> Result<Vec<Entry>, InputError> {
    let list: Vec<&RawValue> = serde_json::from_slice(text).map_err(|source| {
        let path = path.to_owned();
        match source.is_data() {
            true => InputError::NotAList { path },
            false => InputError::NotJson { path, source },
        }
    })?;
    let mut sequences = HashMap::new();
    let entry = |json: &RawValue| match serde_json::from_str::<Flight>(json.get()) {
        Ok(mut flight) => {
            let next: &mut u64 = sequences.entry(flight.origin.clone()).or_default();
            flight.sequence = *next;
            *next += 1;
            Entry::Flight(flight)
        }
        Err(_) => Entry::Damaged(json.get().to_owned()),
    };
    Ok(list.into_iter().map(entry).collect())
}

/// How many airports flights depart from.
pub fn airports(entries: &[Entry]) -> usize {
    let origins = entries.iter().filter_map(|entry| match entry {
        Entry::Flight(flight) => Some(&flight.origin),
        Entry::Damaged(_) => None,
    });
    origins.collect::<HashSet<_>>().len()
}

/// A file cannot be used.
#[derive(Debug)]
pub enum InputError {
    Unread { path: PathBuf, source: io::Error },
    NotJson { path: PathBuf, source: serde_json::Error },
    NotAList { path: PathBuf },
}

impl fmt::Display for InputError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unread { path, .. } => write!(f, "{}: cannot be read", path.display()),
            Self::NotJson { path, .. } => write!(f, "{}: not JSON", path.display()),
            Self::NotAList { path } => write!(f, "{}: not a list of flights", path.display()),
        }
    }
}

impl std::error::Error for InputError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Unread { source, .. } => Some(source),
            Self::NotJson { source, .. } => Some(source),
            Self::NotAList { .. } => None,
        }
    }
}
