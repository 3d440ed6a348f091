//! The command line.

use std::ffi::OsString;
use std::path::PathBuf;

pub const HELP: &str = "\
Usage: earthquakes [--json] [--archive FILE] [--] [PATH]

Reads a GeoJSON file of seismic events, as the USGS publishes them, and reports on it.

  PATH            the file; a week of February 2018 if not said
  --json          print one JSON object in place of the report
  --archive FILE  write the archive to FILE, replacing it, and keep it
  -h, --help      print this
";

const DEFAULT: &str =
    concat!(env!("CARGO_MANIFEST_DIR"), "/examples/data/usgs-earthquakes-week.geojson");

#[derive(Debug)]
pub struct Options {
    pub source: PathBuf,
    pub archive: Option<PathBuf>,
    pub json: bool,
}

pub enum Parsed {
    Run(Options),
    Help,
}

impl Options {
    pub fn parse(mut arguments: impl Iterator<Item = OsString>) -> Result<Parsed, String> {
        let (mut source, mut archive, mut json, mut only_paths) = (None, None, false, false);
        while let Some(argument) = arguments.next() {
            match argument.to_str() {
                Some("--") if !only_paths => only_paths = true,
                Some("-h" | "--help") if !only_paths => return Ok(Parsed::Help),
                Some("--json") if !only_paths => json = true,
                Some("--archive") if !only_paths => {
                    let path = arguments.next().ok_or("--archive needs a file")?;
                    archive = Some(PathBuf::from(path));
                }
                Some(option) if option.starts_with('-') && !only_paths => {
                    return Err(format!("unknown option {option:?}"));
                }
                _ if source.is_some() => return Err(format!("one file too many: {argument:?}")),
                _ => source = Some(PathBuf::from(argument)),
            }
        }
        let source = source.unwrap_or_else(|| DEFAULT.into());
        Ok(Parsed::Run(Self { source, archive, json }))
    }
}
