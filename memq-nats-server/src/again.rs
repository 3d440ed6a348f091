//! A second process for a test: the same test once more, in a role. What is killed there leaves this one alone.

use std::env;
use std::io;
use std::process::Command;
use std::thread;

/// Says to the second process what it is.
const ROLE: &str = "MEMQ_TEST_ROLE";

/// A command that runs the calling test again, in a process of its own that finds `role` in [`role`].
///
/// To be called on the thread of the test, since that has its name.
///
/// # Errors
///
/// Where this is not a test, or the program is gone.
///
/// ```
/// use memq_nats_server::{again, role};
///
/// # fn main() {
/// // In a test `told_in_another_process`:
/// if role().as_deref() == Some("publisher") {
///     // What the other process does.
/// } else if let Ok(mut publisher) = again("publisher") {
///     publisher.env("ADDRESS", "nats://127.0.0.1:23456");
///     // `publisher.spawn()`, and `kill` on what that gives.
/// }
/// # }
/// ```
pub fn again(role: &str) -> io::Result<Command> {
    let test = thread::current();
    let Some(test) = test.name().filter(|name| *name != "main") else {
        return Err(io::Error::other("only the thread of a test can run its test again"));
    };
    let mut command = Command::new(env::current_exe()?);
    command.args(["--exact", test, "--nocapture"]).env(ROLE, role);
    Ok(command)
}

/// The role of this process, if it was started by [`again`].
pub fn role() -> Option<String> {
    env::var(ROLE).ok()
}
