//! What is told: progress on stderr while it works, and the report at the end.

use std::collections::BTreeMap;
use std::error::Error;
use std::fmt;
use std::io::{self, IsTerminal, Write};
use std::path::PathBuf;

use serde_json::json;

use crate::archive::Size;
use crate::quake::Quake;

pub struct Report {
    pub read: u64,
    pub published: u64,
    pub by_network: BTreeMap<String, u64>,
    pub strongest: Option<Quake>,
    pub alerts: u64,
    /// What was rejected, by reason.
    pub reasons: BTreeMap<String, u64>,
    pub archived: Size,
    /// Where the archive was kept.
    pub archive: Option<PathBuf>,
}

impl Report {
    pub fn rejected(&self) -> u64 {
        self.reasons.values().sum()
    }

    /// Whether every subscriber has seen everything.
    pub fn check(&self) -> Result<(), String> {
        let counted: u64 = self.by_network.values().sum();
        let all = self.published + self.rejected() == self.read
            && counted == self.published
            && self.archived.records == self.published;
        if all { Ok(()) } else { Err(format!("something was lost:\n{self}")) }
    }

    /// One line.
    pub fn to_json(&self) -> String {
        let strongest = self.strongest.as_ref().map(
            |quake| json!({ "place": quake.place, "magnitude": quake.magnitude, "id": quake.id }),
        );
        json!({
            "read": self.read,
            "published": self.published,
            "rejected": self.rejected(),
            "rejected_because": self.reasons,
            "by_network": self.by_network,
            "strongest": strongest,
            "alerts": self.alerts,
            "archive_bytes": self.archived.bytes,
            "archive_records": self.archived.records,
        })
        .to_string()
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "{} features read, {} published, {} rejected",
            self.read,
            self.published,
            self.rejected()
        )?;
        for (reason, count) in &self.reasons {
            writeln!(f, "  {count:>6} rejected: {reason}")?;
        }
        writeln!(f, "\nby network")?;
        let mut networks: Vec<_> = self.by_network.iter().collect();
        networks.sort_by_key(|(_, count)| std::cmp::Reverse(**count));
        let most = networks.first().map_or(1, |(_, count)| **count);
        for (network, count) in networks {
            let bar = "#".repeat((count * 40).div_ceil(most) as usize);
            let network = printable(network);
            writeln!(f, "  {network:<4} {count:>6}  {bar}")?;
        }
        match &self.strongest {
            Some(quake) => {
                let place = printable(quake.place.as_deref().unwrap_or("an unnamed place"));
                writeln!(f, "\nstrongest  magnitude {}, {place}", quake.magnitude)?;
            }
            None => writeln!(f, "\nstrongest  none")?,
        }
        writeln!(f, "alerts     {} of magnitude 4.5 and more", self.alerts)?;
        let Size { records, bytes } = self.archived;
        write!(f, "archive    {records} records in {bytes} bytes, read back and equal")?;
        match &self.archive {
            Some(path) => write!(f, ", kept as {}", path.display()),
            None => Ok(()),
        }
    }
}

/// One line, or several, on stdout.
pub fn print(text: &str) -> io::Result<()> {
    match writeln!(io::stdout(), "{text}") {
        // Nobody reads on, as with `| head`.
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        written => written,
    }
}

/// How far it is, on stderr: one line that changes in a terminal, else four lines.
pub struct Progress {
    total: usize,
    terminal: bool,
}

impl Progress {
    pub fn new(total: usize) -> Self {
        Self { total, terminal: io::stderr().is_terminal() }
    }

    pub fn show(&self, done: usize) {
        let steps = if self.terminal { 50 } else { 4 };
        let since = done % self.total.div_ceil(steps);
        if since != 0 && done != self.total {
            return;
        }
        let (start, end) = match (self.terminal, done == self.total) {
            (true, false) => ("\r", ""),
            (true, true) => ("\r", "\n"),
            (false, _) => ("", "\n"),
        };
        // Progress is a courtesy: it works as well if nobody can see it.
        let _ = write!(io::stderr(), "{start}{done} of {} features{end}", self.total);
    }
}

/// Text from a file, without what would steer a terminal.
fn printable(text: &str) -> String {
    text.replace(char::is_control, "?")
}

/// An error and what caused it, on one line.
pub fn explain(error: &(dyn Error + 'static)) -> String {
    let causes = std::iter::successors(Some(error), |&error| error.source());
    causes.map(ToString::to_string).collect::<Vec<_>>().join(": ")
}
