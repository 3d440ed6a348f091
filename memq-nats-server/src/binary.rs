//! Which nats-server programs there are, and what a test does where there is none.

use std::env;
use std::fmt;
use std::io;
use std::panic::Location;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::installed::{installed, skip};

/// A list of programs, as in `PATH`; where it is set it alone counts.
pub(crate) const PROGRAMS: &str = "NATS_SERVER";

/// The version of a nats-server: major, minor, patch.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Version(pub u32, pub u32, pub u32);

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}.{}", self.0, self.1, self.2)
    }
}

/// A nats-server program.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Binary {
    path: PathBuf,
    version: Version,
}

impl Binary {
    /// The program at `path`, asked for its version.
    ///
    /// # Errors
    ///
    /// Where it does not run, or is something else.
    pub fn at(path: impl Into<PathBuf>) -> io::Result<Self> {
        let path = path.into();
        let named =
            |what: &dyn fmt::Display| io::Error::other(format!("{}: {what}", path.display()));
        let said = Command::new(&path).arg("--version").output().map_err(|error| named(&error))?;
        let said = String::from_utf8_lossy(&said.stdout);
        match version(&said) {
            Some(version) => Ok(Self { path, version }),
            None => Err(named(&format_args!("no nats-server: its version is {:?}", said.trim()))),
        }
    }

    /// Every program there is, each once: those of `NATS_SERVER` if that is set, otherwise those that were
    /// installed for these tests, those in `PATH`, and `/usr/sbin/nats-server`.
    ///
    /// # Errors
    ///
    /// Where `NATS_SERVER` names something that is no nats-server. What was found otherwise and does not
    /// run is passed over.
    pub fn all() -> io::Result<Vec<Self>> {
        if let Some(list) = env::var_os(PROGRAMS) {
            let named = env::split_paths(&list).filter(|path| !path.as_os_str().is_empty());
            return named
                .map(|path| {
                    Self::at(path).map_err(|error| io::Error::other(format!("{PROGRAMS}: {error}")))
                })
                .collect();
        }
        let mut found: Vec<Self> = Vec::new();
        let mut seen: Vec<PathBuf> = Vec::new();
        for path in places() {
            // One that is reached in two ways is one.
            let Ok(whole) = path.canonicalize() else { continue };
            if !seen.contains(&whole) {
                seen.push(whole);
                found.extend(Self::at(path));
            }
        }
        Ok(found)
    }

    /// The first of [`all`](Self::all), for a test; where there is none, `None` after a loud word that the
    /// test is skipped. It is written past the test runner, which keeps to itself what tests print.
    ///
    /// # Panics
    ///
    /// Where there is none and `MEMQ_REQUIRE_NATS=1`, or `NATS_SERVER` names something that is none.
    #[track_caller]
    pub fn or_skip() -> Option<Self> {
        Self::all_or_skip().into_iter().next()
    }

    /// [`all`](Self::all), for a test that tries each; where there is none, an empty list as
    /// [`or_skip`](Self::or_skip) says.
    ///
    /// # Panics
    ///
    /// As [`or_skip`](Self::or_skip).
    #[track_caller]
    pub fn all_or_skip() -> Vec<Self> {
        let all = Self::all().unwrap_or_else(|error| panic!("{error}"));
        if all.is_empty() {
            skip("nats-server", Location::caller());
        }
        all
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Its version.
    pub fn version(&self) -> Version {
        self.version
    }
}

/// A program's name, for what a test says.
impl fmt::Display for Binary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "nats-server {} ({})", self.version, self.path.display())
    }
}

/// Places in which programs are looked for, the newest first.
fn places() -> Vec<PathBuf> {
    let mut places = Vec::new();
    places.extend(installed());
    places.extend(env::split_paths(&env::var_os("PATH").unwrap_or_default()));
    // Debian's place, which is not in the `PATH` of a user.
    places.push("/usr/sbin".into());
    places.retain(|place| place.is_absolute());
    places.iter().map(|place| place.join("nats-server")).collect()
}

/// The version in what `nats-server --version` says: `nats-server: v2.9.10`.
fn version(said: &str) -> Option<Version> {
    let rest = said.trim().strip_prefix("nats-server: v")?;
    // What follows a number, as `-RC.1`, tells nothing here.
    let mut numbers = rest.split('.').map(|part| {
        let end = part.find(|c: char| !c.is_ascii_digit()).unwrap_or(part.len());
        part[..end].parse().ok()
    });
    Some(Version(numbers.next()??, numbers.next()??, numbers.next()??))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_read_and_compared() {
        assert_eq!(version("nats-server: v2.9.10\n"), Some(Version(2, 9, 10)));
        assert_eq!(version("nats-server: v2.15.0-RC.1\n"), Some(Version(2, 15, 0)));
        assert!(Version(2, 9, 10) < Version(2, 10, 0));
        for other in ["", "nats-server: v2", "nats-server: vx.y.z", "git version 2.9.10"] {
            assert_eq!(version(other), None, "{other}");
        }
    }

    #[test]
    fn what_is_no_server_is_told_by_its_path() {
        let missing = Binary::at("/nowhere/nats-server").unwrap_err().to_string();
        assert!(missing.contains("/nowhere/nats-server"), "{missing}");
        let other = Binary::at("/bin/echo").unwrap_err().to_string();
        assert!(other.contains("no nats-server"), "{other}");
    }
}
