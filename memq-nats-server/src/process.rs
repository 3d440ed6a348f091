//! A process that ends with whoever started it: dropped, or gone in whatever way.

use std::io;
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};

/// Waits until its input ends, as it does with the process that started it; then nobody else ends the
/// server. Signals from the terminal go to everybody, and it has to outlive those.
const WATCHDOG: &str = r#"
trap '' INT HUP TERM
while read -r _; do :; done
kill -9 "$1" 2>/dev/null
# It may still write until it is gone.
for _ in 1 2 3 4 5 6 7 8 9 10; do
    rm -rf "$2" 2>/dev/null && break
    sleep 1
done
"#;

/// A process, and a small shell that kills it where this process is killed first.
#[derive(Debug)]
pub(crate) struct Process {
    child: Child,
    watchdog: Child,
}

impl Process {
    /// Starts it. Where this process ends before it, `folder` is removed too.
    pub(crate) fn start(command: &mut Command, folder: &Path) -> io::Result<Self> {
        let mut child = command.spawn()?;
        let watchdog = Command::new("sh")
            .args(["-c", WATCHDOG, "sh", &child.id().to_string()])
            .arg(folder)
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn();
        match watchdog {
            Ok(watchdog) => Ok(Self { child, watchdog }),
            Err(error) => {
                end(&mut child);
                Err(error)
            }
        }
    }

    /// Its number.
    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// How it ended, if it did.
    pub(crate) fn ended(&mut self) -> io::Result<Option<ExitStatus>> {
        self.child.try_wait()
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // First, so that it kills nothing that gets this number next.
        end(&mut self.watchdog);
        end(&mut self.child);
    }
}

/// Kills a child and waits for its end. Where it has ended that does nothing.
fn end(child: &mut Child) {
    let _ = child.kill();
    let _ = child.wait();
}
