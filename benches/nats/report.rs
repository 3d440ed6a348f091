//! The tables on the terminal, and the report.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::{fs, io};

use memq_benches::measure::{Figures, Workload, significant};
use memq_benches::table::{grouped, lost};
use memq_nats_server::Version;

use crate::limits;

/// A workload and what came of it.
pub type Measured = (Workload, Vec<Figures>);

/// How both are used.
const NOTES: &[&str] = &[
    "One server of each version, on this machine, shares its cores with what is measured; it stores in files, \
     without replicas. memq and the client have connections of their own to it, and both run as tasks on tokio \
     with two workers. In each round every row runs once, in turn. Ratios are within a round, then the median; \
     above 1 memq is faster, and 0.91 is a tenth more time.",
    "The processor's time is that of this process, for a message, without the server's; its ratio is above 1 \
     where memq takes more. Where others use the machine it says more than the speed does.",
    "memq is its public API with `memq_nats::connect` and nothing said: a typed topic in JSON, a window of a \
     thousand. It names the format in a header, which the client does not.",
    "raw is async-nats, used as its documentation has it: `publish_with_headers` with an id by which the server \
     knows a repetition, as memq gives each message one; `fetch` and `stream` of a pull consumer; the same \
     structs, through serde_json. In groups of batches raw takes a batch whole, as memq hands it out, and raw-each \
     one message after the other. raw-bare sends no headers: what comes twice is stored twice. raw-ordered is \
     its ordered consumer.",
    "raw is not all that memq is: it does not send again what is not known to be stored, keeps no order through a \
     reconnect, does not start again where its consumer is lost (raw-ordered does), and counts no gaps.",
    "Streams are set up alike: memq's configuration, for the client under another name. What is read is one \
     stream for both. Delivered, expected and lost are of all rounds together; what is published is counted by \
     what the server then holds.",
];

/// All figures of one server as Markdown.
pub fn table(measured: &[Measured]) -> String {
    let mut text = String::from(
        "| workload | row | median | min | max | unit | × raw | × best of the client | µs of \
         processor | × raw's | delivered | expected | lost \
         |\n|---|---|--:|--:|--:|---|--:|--:|--:|--:|--:|--:|--:|\n",
    );
    for (workload, figures) in measured {
        for row in figures {
            let ratio = |ratio: Option<f64>| ratio.map_or_else(|| "–".into(), significant);
            let _ = writeln!(
                text,
                "| {} | {} | {} | {} | {} | {} | {} | {} | {} | {} | {} | {} | {} |",
                workload.name,
                row.peer,
                significant(row.median),
                significant(row.min),
                significant(row.max),
                workload.unit,
                ratio(row.to_base),
                ratio(row.to_best),
                significant(row.cpu / 1e3),
                ratio(row.cpu_to_base),
                grouped(row.delivered),
                grouped(row.expected),
                lost(row),
            );
        }
    }
    text
}

/// Writes the report; says where it is.
pub fn write(head: &[String], measured: &[(Version, Vec<Measured>)]) -> io::Result<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut text =
        String::from("# memq on JetStream beside its client\n\nWritten by `nats --report`.\n\n");
    for line in head {
        let _ = writeln!(text, "- {line}");
    }
    text.push_str("\n## How to read this\n\n");
    for note in NOTES {
        let _ = writeln!(text, "- {note}");
    }
    for (version, measured) in measured {
        let _ = write!(text, "\n## nats-server {version}\n\n{}", table(measured));
    }
    if let Some((_, measured)) = measured.first() {
        text.push_str("\n## What is measured, and what limits memq\n\n");
        for (workload, _) in measured {
            let _ = write!(text, "- **{}.** {}.", workload.name, workload.what);
            let limit = limits::of(workload.name).map(|limit| format!(" {limit}"));
            let _ = writeln!(text, "{}", limit.unwrap_or_default());
        }
    }
    // What `scripts/before-after --write` said last.
    if let Ok(memory) = fs::read_to_string(folder.join("before-after.txt")) {
        let _ = write!(text, "\n## What the in-memory path pays\n\n{}\n", memory.trim_end());
    }
    let file = folder.join("NATS.md");
    fs::write(&file, text)?;
    Ok(file)
}
