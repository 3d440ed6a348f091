//! Measures memq beside its peers: `cargo run --release -p memq-benches --bin peers -- --help`.

mod adapters;
mod charts;
mod growth;
mod json;
mod limits;
mod notes;
mod queue;
mod report;
mod run;
mod workloads;

use std::path::Path;
use std::process::ExitCode;
use std::time::Instant;

use measure::Workload;
use memq_benches::progress::Progress;
use memq_benches::{machine, measure, options, table};
use options::{Known, Options};

/// Those against which memq is compared.
const SEED: &str = "tokio-memq";

fn main() -> ExitCode {
    let workloads = workloads::all();
    let known = known(&workloads);
    let options = match options::parse(std::env::args().skip(1), &known) {
        Ok(options) => options,
        Err(wrong) => {
            eprintln!("peers: {wrong}");
            return ExitCode::from(2);
        }
    };
    if options.help {
        print!("{}", help(&known));
        return ExitCode::SUCCESS;
    }
    if cfg!(debug_assertions) {
        eprintln!("peers: this is a debug build; build it with --release for figures");
    }
    match run(workloads, &options) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("peers: {error}");
            ExitCode::FAILURE
        }
    }
}

/// The names of workloads and of peers, each once.
fn known(workloads: &[Workload]) -> Known {
    let mut peers = Vec::new();
    for row in workloads.iter().flat_map(|workload| &workload.rows) {
        if !peers.contains(&row.peer) {
            peers.push(row.peer);
        }
    }
    peers.sort_by_key(|peer| !measure::is_ours(peer));
    let workloads = workloads.iter().map(|workload| workload.name).collect();
    Known { workloads, peers, options: OPTIONS, rounds: 5 }
}

const OPTIONS: &[&str] =
    &["--only", "--peers", "--rounds", "--scale", "--json", "--report", "--growth", "--help"];

/// What `--help` says.
fn help(known: &Known) -> String {
    format!(
        "\
Measures memq beside its peers, and prints a table.

cargo run --release -p memq-benches --bin peers -- [OPTIONS]

  --only S1b,S7    these workloads only
  --peers kanal    these peers only; memq for all its rows
  --rounds 5       rounds after the warm-up
  --scale 1.0      how long each run takes; 0.2 ends within two minutes
  --json           one object per line in place of the table
  --report         writes benches/REPORT.md, and its charts beside it
  --growth         how costs grow with depth, subscribers, topics and size
  --help           this

workloads: {}
peers: {}
",
        known.workloads.join(", "),
        known.peers.join(", ")
    )
}

fn run(workloads: Vec<Workload>, options: &Options) -> std::io::Result<()> {
    let began = Instant::now();
    let mut progress = Progress::new(began);
    let head = machine::lines(notes::COMPARED);
    if !options.json {
        head.iter().for_each(|line| println!("- {line}"));
        println!();
    }
    let mut measured = Vec::new();
    for mut workload in workloads {
        // Curves alone, where only they are asked for.
        let curves_alone = options.growth && options.only.is_empty() && !options.report;
        workload.rows.retain(|row| options.wants_peer(row.peer));
        let wanted = options.wants_workload(workload.name) && !curves_alone;
        if !wanted || workload.rows.is_empty() {
            continue;
        }
        let figures = measure::measure(&workload, SEED, options.rounds, options.scale, |now| {
            progress.say(now);
        });
        if options.json {
            progress.clear();
            figures.iter().for_each(|figures| println!("{}", json::line(&workload, figures)));
        }
        measured.push((workload, figures));
    }
    let axes = if options.growth || (options.report && options.only.is_empty()) {
        growth::all(options.rounds.min(3), options.scale, |now| progress.say(now))
    } else {
        Vec::new()
    };
    progress.clear();
    if options.json {
        for axis in &axes {
            for series in &axis.series {
                for (at, median) in &series.points {
                    println!("{}", json::point(axis.name, series, *at, *median));
                }
            }
        }
    } else {
        if !measured.is_empty() {
            print!("{}", report::table(&measured));
        }
        print!("{}", report::curves(&axes));
    }
    if options.report {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR"));
        report::write(folder, &head, &measured, &axes)?;
        eprintln!("written: {}", folder.join("REPORT.md").display());
    }
    eprintln!("{} workloads in {:.0} s", measured.len(), began.elapsed().as_secs_f64());
    Ok(())
}
