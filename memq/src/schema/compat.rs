//! Whether a type can still read what was written before it was changed, and be read: in a test.
//!
//! A **lock file** beside the tests has what every version of a topic's type writes and what it
//! accepts. The test compares the type with it, and names the field that breaks and what to do:
//!
//! ```
//! # #[cfg(feature = "json")]
//! # mod program {
//! use memq::schema::{Mode, assert_compatible};
//! use memq::{Topic, TopicSpec};
//! use schemars::JsonSchema;
//! use serde::{Deserialize, Serialize};
//!
//! #[derive(Serialize, Deserialize, JsonSchema)]
//! struct Order {
//!     customer: u64,
//!     #[serde(default)]
//!     colour: String,
//! }
//!
//! impl Topic for Order {
//!     type Codec = memq::codec::Json;
//!     const SPEC: TopicSpec = TopicSpec::new("orders");
//! }
//!
//! # /*
//! #[test]
//! # */
//! # pub
//! fn orders_can_be_read() {
//!     # let folder = std::env::temp_dir().join(format!("memq-{}", std::process::id()));
//!     # std::fs::create_dir_all(folder.join("schemas")).unwrap();
//!     # std::fs::write(folder.join("schemas/orders.json"), LOCK).unwrap();
//!     # std::env::set_current_dir(&folder).unwrap();
//!     assert_compatible::<Order>("schemas/orders.json", Mode::Backward);
//! }
//! # const LOCK: &str = r#"{"memq": 1, "topic": "orders", "versions": [
//! #     {"version": 1, "revision": 1, "format": "Json",
//! #      "accepted": {"properties": {"colour": {"type": "string"}, "customer": {"format": "uint64", "minimum": 0, "type": "integer"}}, "required": ["customer"], "type": "object"},
//! #      "written": {"properties": {"colour": {"type": "string"}, "customer": {"format": "uint64", "minimum": 0, "type": "integer"}}, "required": ["colour", "customer"], "type": "object"}}]}"#;
//! # }
//! # #[cfg(feature = "json")]
//! # program::orders_can_be_read();
//! ```
//!
//! # Modes
//!
//! | mode | asks | roll out |
//! | --- | --- | --- |
//! | [`Backward`](Mode::Backward) | does the type read what the one before it wrote? | readers first |
//! | [`Forward`](Mode::Forward) | does the one before it read what the type writes? | writers first |
//! | [`Full`](Mode::Full) | both | in any order |
//!
//! Each is also there as `…Transitive`, which asks it of all versions in the lock file and not of the
//! one before alone: for topics that keep records for longer than until the next release.
//!
//! A topic keeps what was written, so `BackwardTransitive` is what to ask where nothing else is known.
//!
//! # The lock file
//!
//! It is JSON in a fixed order, one thing on a line, for version control. Nothing writes it but a run
//! of the tests with the environment variable `MEMQ_BLESS`:
//!
//! * `MEMQ_BLESS=1` creates a file that is missing and adds to one what has changed in a compatible
//!   way. What breaks is an error as ever. Commit the file.
//! * `MEMQ_BLESS=replace` also writes the type over the last entry of its version. That is for a
//!   change that was never released: what was written by the entry that goes is not known to any
//!   check afterwards.
//!
//! Without it a missing file, and a compatible change that the file does not have, are errors, so
//! that a build server only has to run the tests. A type is added and does not replace the entry before it:
//! a version has as many *revisions* as it had compatible changes, and transitive modes ask for each.
//! Tests that bless one file should do so in one test function, one after the other.
//!
//! # Versions
//!
//! A change that is not compatible takes a raised `version` with an `upcast_from`. Records of a version
//! in the type's [`Lineage`](super::Lineage) are then read by the older type, and the verdict is
//! [`Upcast`](Verdict::Upcast). That type still has to read what it once wrote, so it is checked against
//! the same file, where it is compared with the entries of its own version and lower ones:
//!
//! ```ignore
//! assert_compatible::<OrderV1>("schemas/orders.json", Mode::BackwardTransitive);
//! assert_compatible::<Order>("schemas/orders.json", Mode::BackwardTransitive);
//! ```
//!
//! Readers refuse records of a higher version than theirs, so that a raised version is never `Forward`.
//!
//! # What is compared
//!
//! For [`Json`](crate::codec::Json) and [`MessagePack`](crate::codec::MessagePack), the JSON Schema of
//! what one side writes with that of what the other accepts, as `schemars` derives them from the type and
//! its serde attributes. `#[serde(alias)]`, which schemars leaves out, comes from `#[derive(Topic)]`
//! and `#[derive(Shape)]`.
//!
//! For [`Postcard`](crate::codec::Postcard) and [`Bincode`](crate::codec::Bincode), the order in which the
//! type's `Deserialize` asks for what it reads, which is found by letting it read samples. Where a field
//! has another name at the same place, the names must be aliases: it could be another field. Records of
//! derived types carry a fingerprint in these formats, and readers refuse another one at
//! the same version, so with it every change breaks.
//!
//! A value that is read as another one is a break, and not only one that is refused. Whatever a schema
//! says that is not known here is one as well ([`Break::judged`] is `false` then): nothing is guessed.
//!
//! # What is not seen
//!
//! The verdict is stricter than serde where schemars says less than serde does:
//!
//! * `skip_serializing_if` may leave out any value, so the field counts as one that may be missing and
//!   may also be `null`; `#[serde(other)]` counts as a variant of that name only.
//! * `default` within a tuple, and a struct that is written as an array, count as unreadable.
//! * An alias within a part that is `flatten`ed is not found.
//!
//! What is in no schema is looked for in values that are made of what the type accepts: where one is written
//! with a field that its schema does not list, as with `#[serde(tag)]` on a struct, any change of the type
//! cannot be judged. An enum of one variant with that `tag` writes the same, and its schema says it.
//!
//! What no such value shows is not known:
//!
//! * **What `#[schemars(with)]` or a schema by hand says and the type does not do.** The schema is believed:
//!   one that says less than is written, or accepts more than is read, makes the verdict wrong. So is what a
//!   type writes that takes none of the values, since its texts have a form that no schema says.
//! * Which variant of an `untagged` enum was which, as they have no names: two that become one are fine.
//! * How large a number may be as the key of a map, and keys that are `bool`, in types that hold something
//!   `flatten`ed, `tag`ged or `untagged`, and that serde reads no `u128` and no `i128` in there.
//! * In MessagePack, types without a `format` in their schema that are written otherwise than in JSON, as
//!   `SocketAddr`.
//!
//! Test those by values of your own.

mod contain;
mod contract;
mod error;
mod judge;
mod keys;
mod layout;
mod lock;
mod model;
mod positional;
mod report;
mod samples;
mod trace;
mod words;

use std::fmt;
use std::fs;
use std::io::ErrorKind;
use std::path::Path;

use schemars::JsonSchema;
use serde::de::DeserializeOwned;

pub use self::error::CompatError;
pub use self::report::{Check, Report, Verdict};
pub use self::words::{Break, Direction};

use self::contract::Contract;
use self::judge::judge;
use self::lock::Lock;
use super::Source;
use crate::codec::Codec;
use crate::topic::Topic;

/// What has to be compatible with what.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Mode {
    /// The type reads what the one before it wrote.
    Backward,
    /// The one before it reads what the type writes.
    Forward,
    /// Both.
    Full,
    /// The type reads what all before it wrote.
    BackwardTransitive,
    /// All before it read what the type writes.
    ForwardTransitive,
    /// Both, with all before it.
    FullTransitive,
}

impl Mode {
    /// Who has to understand whom.
    fn directions(self) -> &'static [Direction] {
        match self {
            Self::Backward | Self::BackwardTransitive => &[Direction::Backward],
            Self::Forward | Self::ForwardTransitive => &[Direction::Forward],
            Self::Full | Self::FullTransitive => &[Direction::Backward, Direction::Forward],
        }
    }

    fn is_transitive(self) -> bool {
        matches!(self, Self::BackwardTransitive | Self::ForwardTransitive | Self::FullTransitive)
    }
}

impl fmt::Display for Mode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self, f)
    }
}

/// A type as it is now.
#[derive(Debug)]
struct Subject {
    version: u16,
    /// The older versions that it reads.
    lineage: Vec<u16>,
    contract: Contract,
}

impl Subject {
    fn of<T: Topic + JsonSchema + DeserializeOwned>() -> Result<Self, CompatError> {
        let topic = T::SPEC.name().to_owned();
        let format = <T::Codec as Codec<T>>::FORMAT;
        let contract = Contract::of::<T>().ok_or(CompatError::Format { topic, format })?;
        let version = T::SPEC.schema_version();
        // Nothing is read of a message without bytes, but whether somebody would is told.
        let has = |version: &u16| {
            let (bytes, version, fingerprint) = (&[][..], *version, None);
            T::LINEAGE.read(&Source { bytes, format, version, fingerprint }).is_some()
        };
        Ok(Self { version, lineage: (1..version).filter(has).collect(), contract })
    }
}

/// Whether lock files are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Bless {
    No,
    Add,
    Replace,
}

impl Bless {
    fn said() -> Result<Self, CompatError> {
        match std::env::var_os("MEMQ_BLESS") {
            None => Ok(Self::No),
            Some(word) => match word.to_str() {
                Some("" | "0") => Ok(Self::No),
                Some("1") => Ok(Self::Add),
                Some("replace") => Ok(Self::Replace),
                _ => Err(CompatError::Bless { found: word.to_string_lossy().into_owned() }),
            },
        }
    }
}

/// Fails the test unless a type is compatible with what its lock file has.
///
/// See [the page on this](self) for modes, and for what writes the lock file. A relative path is one from
/// where the test runs: with cargo, the folder of the package.
///
/// # Panics
///
/// With what breaks, where, and what to do about it; and where there is no lock file, or it does not have
/// the type as it is now.
///
/// ```should_panic
/// # #[cfg(feature = "json")]
/// # {
/// # use memq::{Topic, TopicSpec};
/// # #[derive(serde::Serialize, serde::Deserialize, schemars::JsonSchema)]
/// # struct Order { customer: u64 }
/// # impl Topic for Order {
/// #     type Codec = memq::codec::Json;
/// #     const SPEC: TopicSpec = TopicSpec::new("orders");
/// # }
/// use memq::schema::{Mode, assert_compatible};
///
/// // "there is no lock file no/such/file.json: run this test once with MEMQ_BLESS=1, …"
/// assert_compatible::<Order>("no/such/file.json", Mode::Backward);
/// # }
/// # #[cfg(not(feature = "json"))]
/// # panic!()
/// ```
#[track_caller]
pub fn assert_compatible<T: Topic + JsonSchema + DeserializeOwned>(
    path: impl AsRef<Path>,
    mode: Mode,
) {
    match check_compatible::<T>(path, mode) {
        Ok(_) => {}
        Err(CompatError::Io { path, source }) => {
            panic!("{} could not be read or written: {source}", path.display())
        }
        Err(error) => panic!("{error}"),
    }
}

/// What [`assert_compatible`] finds, without the panic.
///
/// # Errors
///
/// [`CompatError::Incompatible`] with all that breaks; [`CompatError::Missing`] and
/// [`CompatError::Outdated`] where the lock file is to be written, which `MEMQ_BLESS` does; and what is
/// wrong with the file itself.
pub fn check_compatible<T: Topic + JsonSchema + DeserializeOwned>(
    path: impl AsRef<Path>,
    mode: Mode,
) -> Result<Report, CompatError> {
    check(&Subject::of::<T>()?, T::SPEC.name(), path.as_ref(), mode, Bless::said()?)
}

fn check(
    subject: &Subject,
    topic: &str,
    file: &Path,
    mode: Mode,
    bless: Bless,
) -> Result<Report, CompatError> {
    let path = || file.to_path_buf();
    let io = |source| CompatError::Io { path: path(), source };
    let mut lock = match fs::read_to_string(file) {
        Ok(text) => {
            Lock::parse(&text).map_err(|what| CompatError::Malformed { path: path(), what })?
        }
        Err(error) if error.kind() != ErrorKind::NotFound => return Err(io(error)),
        Err(_) if bless == Bless::No => return Err(CompatError::Missing { path: path() }),
        Err(_) => Lock::new(topic),
    };
    if lock.topic != topic {
        let (found, topic) = (lock.topic, topic.to_owned());
        return Err(CompatError::Topic { path: path(), found, topic });
    }
    let mut report = judge(subject, &lock, mode);
    if !report.is_compatible() && bless == Bless::Replace {
        lock.remove_last(subject.version);
        report = judge(subject, &lock, mode);
    }
    if !report.is_compatible() {
        return Err(CompatError::Incompatible(report));
    }
    if lock.is_last(subject.version, &subject.contract) {
        return Ok(report);
    }
    if bless == Bless::No {
        return Err(CompatError::Outdated { path: path(), report });
    }
    lock.add(subject.version, subject.contract.clone());
    lock.write(file).map_err(io)?;
    report.blessed = true;
    Ok(report)
}

#[cfg(test)]
#[cfg(all(feature = "json", feature = "messagepack", feature = "postcard", feature = "bincode"))]
mod tests;
