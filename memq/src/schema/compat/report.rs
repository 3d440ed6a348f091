//! What a check found.

use std::fmt;

use super::Mode;
use super::words::{Break, Direction};

/// What a check of a type against its lock file found.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Report {
    /// The topic.
    pub topic: String,
    /// The version of the type.
    pub version: u16,
    /// What was asked.
    pub mode: Mode,
    /// One for each version that was looked at, and direction.
    pub checks: Vec<Check>,
    /// Whether the lock file was written, since [`MEMQ_BLESS`](super#the-lock-file) said so.
    pub blessed: bool,
}

/// One version in the lock file, in one direction.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Check {
    /// The version in the lock file.
    pub version: u16,
    /// Which of the changes within that version, from 1.
    pub revision: u32,
    /// Who reads whom.
    pub direction: Direction,
    /// What was found.
    pub verdict: Verdict,
}

/// What was found between a type and one version in the lock file.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Verdict {
    /// Whatever is written is read.
    Compatible,
    /// Records of that version are read by its own type, and converted: it is in the type's lineage.
    /// What that type reads is a matter of a check of its own.
    Upcast,
    /// Some records are not read, or not as what they are.
    Broken(Vec<Break>),
}

impl Report {
    /// Whether nothing breaks.
    #[must_use]
    pub fn is_compatible(&self) -> bool {
        self.breaks().next().is_none()
    }

    /// Everything that breaks, with where that was.
    pub fn breaks(&self) -> impl Iterator<Item = (&Check, &Break)> {
        self.checks.iter().flat_map(|check| match &check.verdict {
            Verdict::Broken(breaks) => breaks.iter().map(move |one| (check, one)).collect(),
            Verdict::Compatible | Verdict::Upcast => Vec::new(),
        })
    }
}

impl fmt::Display for Check {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { version, revision, direction, .. } = self;
        write!(f, "{direction}, version {version}")?;
        if *revision > 1 {
            write!(f, " (revision {revision})")?;
        }
        Ok(())
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { topic, version, mode, .. } = self;
        let word = if self.is_compatible() { "is" } else { "is not" };
        write!(f, "version {version} of `{topic}` {word} compatible ({mode})")?;
        for check in &self.checks {
            match &check.verdict {
                Verdict::Compatible => {}
                Verdict::Upcast => {
                    write!(
                        f,
                        "\n  {check}: read by its own type and upcast, so check that type too"
                    )?;
                }
                Verdict::Broken(breaks) => {
                    for one in breaks {
                        write!(f, "\n  {check}: {one}")?;
                    }
                }
            }
        }
        Ok(())
    }
}
