//! The command line.

use std::ffi::OsString;
use std::fmt;
use std::num::NonZeroU8;
use std::path::PathBuf;

pub const HELP: &str = "\
Usage: flights [--json] [--file PATH] [--workers N] [--seed N]

Works on a JSON list of flights with a group of workers that fail, and accounts for each flight.

  --json       print one JSON object in place of the report
  --file PATH  the list; 2000 flights of 2001 if not said
  --workers N  workers in the group, from 1 to 255; 4 if not said
  --seed N     what goes wrong is drawn from this number; 1 if not said
  -h, --help   print this
";

const DEFAULT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/examples/data/flights-2k.json");
const WORKERS: NonZeroU8 = NonZeroU8::new(4).unwrap();

#[derive(Debug)]
pub struct Options {
    pub file: PathBuf,
    pub workers: NonZeroU8,
    pub seed: u64,
    pub json: bool,
}

pub enum Parsed {
    Run(Options),
    Help,
}

/// What is wrong with the command line.
#[derive(Debug)]
pub enum Mistake {
    Unknown(OsString),
    Missing { option: &'static str },
    NotANumber { option: &'static str, value: OsString },
}

impl Options {
    pub fn parse(mut arguments: impl Iterator<Item = OsString>) -> Result<Parsed, Mistake> {
        let mut options = Self { file: DEFAULT.into(), workers: WORKERS, seed: 1, json: false };
        while let Some(argument) = arguments.next() {
            let mut value = |option| arguments.next().ok_or(Mistake::Missing { option });
            match argument.to_str() {
                Some("-h" | "--help") => return Ok(Parsed::Help),
                Some("--json") => options.json = true,
                Some("--file") => options.file = value("--file")?.into(),
                Some("--workers") => options.workers = number("--workers", value("--workers")?)?,
                Some("--seed") => options.seed = number("--seed", value("--seed")?)?,
                _ => return Err(Mistake::Unknown(argument)),
            }
        }
        Ok(Parsed::Run(options))
    }
}

fn number<N: std::str::FromStr>(option: &'static str, value: OsString) -> Result<N, Mistake> {
    let parsed = value.to_str().and_then(|text| text.parse().ok());
    parsed.ok_or(Mistake::NotANumber { option, value })
}

impl fmt::Display for Mistake {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unknown(argument) => write!(f, "unknown option {argument:?}"),
            Self::Missing { option } => write!(f, "{option} needs a value"),
            Self::NotANumber { option, value } => {
                write!(f, "{option} {value:?} is not a number it can be")
            }
        }
    }
}
