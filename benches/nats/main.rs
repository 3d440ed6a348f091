//! Measures memq on JetStream beside its client, on one server:
//! `cargo run --release -p memq-benches --features nats --bin nats -- --help`.

mod limits;
mod report;
mod seen;
mod site;
mod workloads;

use std::io;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Instant;

use memq_benches::machine;
use memq_benches::measure::{self, Figures, Workload};
use memq_benches::options::{self, Known, Options};
use memq_benches::progress::Progress;
use memq_nats_server::Binary;

use report::Measured;
use site::Site;
use workloads::{BASE, Place};

const COMPARED: &[&str] = &["memq", "memq-nats", "async-nats", "tokio", "serde_json", "bytes"];
const OPTIONS: &[&str] =
    &["--only", "--peers", "--rounds", "--scale", "--server", "--json", "--report", "--help"];

fn main() -> ExitCode {
    let known = known(&workloads::all(&Place::default()));
    let options = match options::parse(std::env::args().skip(1), &known) {
        Ok(options) => options,
        Err(wrong) => {
            eprintln!("nats: {wrong}");
            return ExitCode::from(2);
        }
    };
    if options.help {
        print!("{}", help(&known));
        return ExitCode::SUCCESS;
    }
    if cfg!(debug_assertions) {
        eprintln!("nats: this is a debug build; build it with --release for figures");
    }
    match run(&options) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("nats: {error}");
            ExitCode::FAILURE
        }
    }
}

fn known(workloads: &[Workload]) -> Known {
    let mut peers = Vec::new();
    for row in workloads.iter().flat_map(|workload| &workload.rows) {
        if !peers.contains(&row.peer) {
            peers.push(row.peer);
        }
    }
    let workloads = workloads.iter().map(|workload| workload.name).collect();
    Known { workloads, peers, options: OPTIONS, rounds: 9 }
}

fn run(options: &Options) -> io::Result<()> {
    let began = Instant::now();
    let mut progress = Progress::new(began);
    let head = machine::lines(COMPARED);
    if !options.json {
        head.iter().for_each(|line| println!("- {line}"));
        println!();
    }
    let mut measured = Vec::new();
    for binary in binaries(options)? {
        let figures = on(&binary, options, &mut progress)?;
        progress.clear();
        if !options.json {
            println!("nats-server {}\n\n{}", binary.version(), report::table(&figures));
        }
        measured.push((binary.version(), figures));
    }
    if options.report {
        let file = report::write(&head, &measured)?;
        eprintln!("written: {}", file.display());
    }
    eprintln!("in {:.0} s", began.elapsed().as_secs_f64());
    Ok(())
}

/// The programs that were asked for, or those there are.
fn binaries(options: &Options) -> io::Result<Vec<Binary>> {
    let named = options.servers.iter().map(Binary::at).collect::<io::Result<Vec<_>>>()?;
    let all = if named.is_empty() { Binary::all()? } else { named };
    if all.is_empty() {
        let text =
            "there is no nats-server: scripts/nats-servers installs some, --server names one";
        return Err(io::Error::other(text));
    }
    Ok(all)
}

/// Measures on a server of its own.
fn on(binary: &Binary, options: &Options, progress: &mut Progress) -> io::Result<Vec<Measured>> {
    let version = binary.version();
    let place = Place::default();
    progress.say(&format!("nats-server {version} is started and filled"));
    let _ = place.set(Arc::new(Site::new(binary)?));
    let mut measured = Vec::new();
    for mut workload in workloads::all(&place) {
        workload.rows.retain(|row| options.wants_peer(row.peer));
        if !options.wants_workload(workload.name) || workload.rows.is_empty() {
            continue;
        }
        let say = |now: &str| progress.say(&format!("nats-server {version}: {now}"));
        let figures = measure::measure(&workload, BASE, options.rounds, options.scale, say);
        if options.json {
            progress.clear();
            figures
                .iter()
                .for_each(|row| println!("{}", json(&version.to_string(), &workload, row)));
        }
        measured.push((workload, figures));
    }
    Ok(measured)
}

fn json(server: &str, workload: &Workload, figures: &Figures) -> serde_json::Value {
    serde_json::json!({
        "server": server,
        "workload": workload.name,
        "peer": figures.peer,
        "median": figures.median,
        "min": figures.min,
        "max": figures.max,
        "unit": workload.unit,
        "ratio_to_raw": figures.to_base,
        "ratio_to_best_other": figures.to_best,
        "cpu_ns": figures.cpu,
        "cpu_ratio_to_raw": figures.cpu_to_base,
        "delivered": figures.delivered,
        "expected": figures.expected,
        "lost": figures.lost(),
    })
}

fn help(known: &Known) -> String {
    format!(
        "\
Measures memq on JetStream beside its client, on one server, and prints a table.

cargo run --release -p memq-benches --features nats --bin nats -- [OPTIONS]

  --only read      these workloads only
  --peers memq     these rows only; memq for all of memq's
  --rounds 9       rounds after the warm-up
  --scale 1.0      how long each run takes
  --server PATH    this nats-server, and not all there are; can be said again
  --json           one object per line in place of the table
  --report         writes benches/NATS.md
  --help           this

workloads: {}
rows: {}
",
        known.workloads.join(", "),
        known.peers.join(", ")
    )
}
