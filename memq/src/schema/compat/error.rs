//! Why a type is not what its lock file says.

use std::path::PathBuf;

use thiserror::Error;

use super::report::Report;
use crate::options::Format;

/// A type and its lock file do not go together.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum CompatError {
    /// Records would not be read, or not as what they are.
    #[error("{0}")]
    Incompatible(Report),
    /// There is no lock file yet.
    #[error(
        "there is no lock file {}: run this test once with MEMQ_BLESS=1, which writes it, and commit the file",
        path.display()
    )]
    Missing {
        /// Where it is looked for; a relative path is one from where the tests run, which is the
        /// package's folder.
        path: PathBuf,
    },
    /// The type has changed in a compatible way, and the lock file does not say so yet.
    #[error(
        "{report}\nbut {} does not have it yet: run this test once with MEMQ_BLESS=1, which adds it, and commit the file",
        path.display()
    )]
    Outdated {
        /// The lock file.
        path: PathBuf,
        /// What was found.
        report: Report,
    },
    /// The lock file is that of another topic.
    #[error("{} is the lock file of `{found}`, and the type is of `{topic}`: give each topic a file of its own", path.display())]
    Topic {
        /// The lock file.
        path: PathBuf,
        /// Whose it is.
        found: String,
        /// The type's topic.
        topic: String,
    },
    /// The lock file is damaged, or of a later memq.
    #[error("{} is no lock file of this memq: {what}: take it back from version control", path.display())]
    Malformed {
        /// The lock file.
        path: PathBuf,
        /// What is wrong with it.
        what: String,
    },
    /// The lock file could not be read or written.
    #[error("{} could not be read or written", path.display())]
    Io {
        /// The lock file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// The type's messages have no schema.
    #[error(
        "the topic `{topic}` is {format}, of which nothing is known here: only what is Json, MessagePack, Postcard or Bincode can be checked"
    )]
    Format {
        /// The topic.
        topic: String,
        /// Its format.
        format: Format,
    },
    /// `MEMQ_BLESS` says something unknown.
    #[error(
        "MEMQ_BLESS is {found:?}: `1` adds what is compatible to lock files, and `replace` writes over what was never released"
    )]
    Bless {
        /// What it says.
        found: String,
    },
}
