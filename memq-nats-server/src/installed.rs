//! What `scripts/nats-servers` installed for the tests, and what a test does where that is missing.

use std::env;
use std::ffi::OsStr;
use std::io::{self, Write};
use std::panic::Location;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::thread;

use crate::binary::PROGRAMS;

/// With `1`, a test that misses something fails.
const REQUIRED: &str = "MEMQ_REQUIRE_NATS";

/// The folder of what was installed from PyPI.
pub(crate) fn installed() -> Option<PathBuf> {
    // The program that runs is somewhere in cargo's target directory, which cargo tags; so is that folder.
    let this = env::current_exe().ok()?;
    let target = this.ancestors().find(|folder| folder.join("CACHEDIR.TAG").exists())?;
    Some(target.join("nats-venv/bin"))
}

/// A Python that has `nats-py`, a client that is not written in Rust: the one that was installed for these
/// tests, or one beside a program that `NATS_SERVER` names. Where there is none, `None` after a loud word
/// that the test is skipped, as [`Binary::or_skip`](crate::Binary::or_skip) has it.
///
/// # Panics
///
/// Where there is none and `MEMQ_REQUIRE_NATS=1`.
#[track_caller]
pub fn python_or_skip() -> Option<PathBuf> {
    let named = env::var_os(PROGRAMS).unwrap_or_default();
    let beside = env::split_paths(&named).filter_map(|path| path.parent().map(Path::to_owned));
    let python =
        installed().into_iter().chain(beside).map(|folder| folder.join("python")).find(|python| {
            let mut command = Command::new(python);
            command.args(["-c", "import nats"]).stderr(Stdio::null());
            command.status().is_ok_and(|ended| ended.success())
        });
    if python.is_none() {
        skip("Python with nats-py", Location::caller());
    }
    python
}

/// Fails where everything is required, and otherwise says that the test is skipped.
pub(crate) fn skip(missing: &str, at: &Location<'_>) {
    let test = thread::current();
    let test = test.name().unwrap_or("a test");
    let why = format!("there is no {missing}: scripts/nats-servers installs it");
    if env::var_os(REQUIRED).as_deref() == Some(OsStr::new("1")) {
        panic!("{test}: {why} ({REQUIRED}=1)");
    }
    let line = "=".repeat(80);
    // In one piece, since tests run at once; where nobody hears it there is nobody to tell.
    let text = format!("{line}\nSKIPPED: {test} ({at})\n{why}\n{line}\n");
    let _ = io::stderr().write_all(text.as_bytes());
}
