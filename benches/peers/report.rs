//! The table on the terminal, and the report with its charts.

use std::fmt::Write as _;
use std::path::Path;
use std::{fs, io};

use crate::growth::Axis;
use crate::measure::{Figures, Workload, significant};
use crate::table::{grouped, lost};
use crate::{charts, limits, notes};

/// A workload and what came of it.
pub type Measured = (Workload, Vec<Figures>);

/// The whole table as Markdown.
pub fn table(measured: &[Measured]) -> String {
    let mut text = String::from(
        "| workload | peer | median | min | max | unit | × tokio-memq | × best other | delivered \
         | expected | lost |\n|---|---|--:|--:|--:|---|--:|--:|--:|--:|--:|\n",
    );
    for (workload, figures) in measured {
        for figures in figures {
            row(&mut text, workload, figures);
        }
    }
    text
}

fn row(text: &mut String, workload: &Workload, figures: &Figures) {
    let ratio = |ratio: Option<f64>| ratio.map_or_else(|| "–".into(), significant);
    let arrow = if workload.higher_is_better { "↑" } else { "↓" };
    let _ = writeln!(
        text,
        "| {} | {} | {} | {} | {} | {} {arrow} | {} | {} | {} | {} | {} |",
        workload.name,
        figures.peer,
        significant(figures.median),
        significant(figures.min),
        significant(figures.max),
        workload.unit,
        ratio(figures.to_base),
        ratio(figures.to_best),
        grouped(figures.delivered),
        grouped(figures.expected),
        lost(figures),
    );
}

/// The curves as tables.
pub fn curves(axes: &[Axis]) -> String {
    let mut text = String::new();
    for axis in axes {
        let _ = writeln!(text, "{}: {} (ns)\n", axis.name, axis.what);
        let places = axis.series.first().map(|series| &series.points);
        let places = places.into_iter().flatten().map(|(at, _)| grouped(*at)).collect::<Vec<_>>();
        let _ = writeln!(text, "| {} | {} |", axis.along, places.join(" | "));
        let _ = writeln!(text, "|---|{}", "--:|".repeat(places.len()));
        for series in &axis.series {
            let values = series.points.iter().map(|(_, value)| significant(*value));
            let _ =
                writeln!(text, "| {} | {} |", series.peer, values.collect::<Vec<_>>().join(" | "));
        }
        text.push('\n');
    }
    text
}

/// Writes the report and its charts; `folder` is that of the package.
pub fn write(
    folder: &Path,
    head: &[String],
    measured: &[Measured],
    axes: &[Axis],
) -> io::Result<()> {
    let charts = folder.join("report");
    if charts.exists() {
        // Charts of what is no longer measured would stay otherwise.
        fs::remove_dir_all(&charts)?;
    }
    fs::create_dir_all(&charts)?;
    let mut text = String::from("# memq beside its peers\n\nWritten by `peers --report`.\n\n");
    for line in head {
        let _ = writeln!(text, "- {line}");
    }
    text.push_str("\n## How to read this\n\n");
    for note in notes::NOTES {
        let _ = writeln!(text, "- {note}");
    }
    text.push_str("\n## All figures\n\n");
    text.push_str(&table(measured));
    for (workload, figures) in measured {
        let _ = writeln!(text, "\n## {}\n\n{}.\n", workload.name, workload.what);
        if let Some(limits::Limit { target, cause }) = limits::of(workload.name) {
            let _ = writeln!(text, "Asked for: {target}. What limits memq: {cause}\n");
        }
        let file = format!("{}.svg", workload.name);
        charts::bars(&charts.join(&file), workload, figures)?;
        let _ = writeln!(text, "![{}](report/{file})", workload.name);
    }
    if !axes.is_empty() {
        let _ = write!(text, "\n## Growth\n\n{}", curves(axes));
    }
    for axis in axes {
        let file = format!("growth-{}.svg", axis.name);
        charts::lines(&charts.join(&file), axis)?;
        let _ = writeln!(text, "![{}](report/{file})", axis.name);
    }
    // What `scripts/soak SECONDS --write` said last.
    if let Ok(soak) = fs::read_to_string(folder.join("soak.txt")) {
        let _ = write!(text, "\n## Memory\n\n```text\n{}\n```\n", soak.trim_end());
    }
    fs::write(folder.join("REPORT.md"), text)
}
