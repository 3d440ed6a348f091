//! What the command line has beside that of the example in memory.

use std::ffi::OsString;

pub const HELP: &str = "\
Usage: earthquakes [--json] [--archive FILE] [--server URL] [--share RUN [--processes N]] [--] [PATH]

Reads a GeoJSON file of seismic events, as the USGS publishes them, takes them through a topic on NATS
JetStream, and reports on it.

  PATH            the file; a week of February 2018 if not said
  --json          print one JSON object in place of the report
  --archive FILE  write the archive to FILE, replacing it, and keep it
  --server URL    the server, as nats://127.0.0.1:4222; one that is started for this if not said
  --share RUN     share the work of a consumer group with the other processes that say the same: the
                  first of them publishes once all are there, and reports. A name of letters, digits and
                  '_'; a new one where an earlier run of the name was cut off.
  --processes N   how many processes share it; 2 if not said
  -h, --help      print this
";

/// The longest name of a run: with what is before it, a namespace.
const LONGEST: usize = 24;

#[derive(Debug)]
pub struct More {
    pub server: Option<String>,
    pub share: Option<String>,
    pub processes: usize,
    counted: bool,
}

impl Default for More {
    fn default() -> Self {
        Self { server: None, share: None, processes: 2, counted: false }
    }
}

impl More {
    /// Takes the value of an option from what follows; `false` where the option is none of these.
    pub fn take(
        &mut self,
        option: &str,
        rest: &mut impl Iterator<Item = OsString>,
    ) -> Result<bool, String> {
        let mut value = |what: &str| {
            let value = rest.next().and_then(|value| value.into_string().ok());
            value.ok_or_else(|| format!("{option} needs {what}"))
        };
        match option {
            "--server" => self.server = Some(value("an address, as nats://127.0.0.1:4222")?),
            "--share" => {
                let run = value("the name of a run")?;
                let fine = |c: char| c.is_ascii_alphanumeric() || c == '_';
                if run.is_empty() || run.len() > LONGEST || !run.chars().all(fine) {
                    return Err(format!(
                        "--share {run}: a name of 1 to {LONGEST} letters, digits and '_'"
                    ));
                }
                self.share = Some(run);
            }
            "--processes" => {
                let number = value("a number")?;
                let parsed = number.parse().ok().filter(|number| (1..=100).contains(number));
                self.processes =
                    parsed.ok_or_else(|| format!("--processes {number}: it is 1 to 100"))?;
                self.counted = true;
            }
            _ => return Ok(false),
        }
        Ok(true)
    }

    /// Whether what was said makes sense together.
    pub fn check(&self) -> Result<(), String> {
        if self.counted && self.share.is_none() {
            return Err("--processes is for --share".to_owned());
        }
        Ok(())
    }
}
