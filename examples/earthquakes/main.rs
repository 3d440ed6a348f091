//! A week of earthquakes through one topic: four subscribers work on it at once, each in a task of
//! its own and at its own pace, and nothing is lost.
//!
//! - one counts the events of each network,
//! - one looks for the strongest,
//! - one is filtered, and sees only those of magnitude 4.5 and more,
//! - one knows no type: it writes the records, compressed as they are, to a file, which is then
//!   read back and compared with what was published.
//!
//! What is not a valid event goes to another topic, with the reason in a header.
//!
//! ```text
//! cargo run --release --example earthquakes
//! cargo run --release --example earthquakes -- --json
//! cargo run --release --example earthquakes -- --archive quakes.frames some.geojson
//! ```

mod archive;
mod options;
mod quake;
mod report;
mod work;

use std::error::Error;
use std::process::ExitCode;

use memq::Broker;

use self::options::{Options, Parsed};

/// What is read where nothing else is said.
const SHIPPED: &str =
    concat!(env!("CARGO_MANIFEST_DIR"), "/examples/data/usgs-earthquakes-week.geojson");

const HELP: &str = "\
Usage: earthquakes [--json] [--archive FILE] [--] [PATH]

Reads a GeoJSON file of seismic events, as the USGS publishes them, and reports on it.

  PATH            the file; a week of February 2018 if not said
  --json          print one JSON object in place of the report
  --archive FILE  write the archive to FILE, replacing it, and keep it
  -h, --help      print this
";

fn main() -> ExitCode {
    let options = match Options::parse(std::env::args_os().skip(1), |_, _| Ok(false)) {
        Ok(Parsed::Run(options)) => options,
        Ok(Parsed::Help) => {
            print!("{HELP}");
            return ExitCode::SUCCESS;
        }
        Err(mistake) => {
            eprint!("earthquakes: {mistake}\n\n{HELP}");
            return ExitCode::from(2);
        }
    };
    match run(&options) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("earthquakes: {}", report::explain(&*error));
            ExitCode::FAILURE
        }
    }
}

#[tokio::main]
async fn run(options: &Options) -> Result<(), Box<dyn Error + Send + Sync>> {
    let text = options.text()?;
    let features = options.features(&text)?;
    let report = work::work(&Broker::new(), &features, options.archive.as_deref()).await?;
    Ok(report::print(&if options.json { report.to_json() } else { report.to_string() })?)
}
