//! The head of a report: the machine, and the versions of everything compared.

use std::fs;
use std::process::Command;

/// The lock that this program was built by.
const LOCK: &str = include_str!("../../Cargo.lock");

/// Packages that are compared, and those whose speed is theirs too.
pub const COMPARED: &[&str] = &[
    "memq",
    "tokio-memq",
    "tokio",
    "async-broadcast",
    "flume",
    "kanal",
    "crossfire",
    "async-channel",
    "ruststream",
    "disruptor",
    "bytes",
    "serde_json",
];

/// The version of a package in the lock; the newest, if there are several.
pub fn version(package: &str) -> Option<&'static str> {
    let name = format!("name = \"{package}\"\nversion = \"");
    let (_, rest) = LOCK.split("[[package]]\n").filter_map(|text| text.split_once(&name)).last()?;
    rest.split('"').next()
}

/// What is known of the machine, a line each.
pub fn lines() -> Vec<String> {
    let day = memq::Timestamp::from(std::time::SystemTime::now()).to_string();
    let mut lines = vec![format!("date: {}", day.split('T').next().unwrap_or_default())];
    let cpu = fs::read_to_string("/proc/cpuinfo").ok();
    let cpu = cpu.as_deref().and_then(|text| field(text, "model name")).unwrap_or("unknown");
    let cores = std::thread::available_parallelism().map_or(0, usize::from);
    let memory = fs::read_to_string("/proc/meminfo").ok();
    let memory = memory.as_deref().and_then(|text| field(text, "MemTotal"));
    let memory = memory.and_then(|text| text.trim_end_matches(" kB").parse::<u64>().ok());
    let gigabytes = memory.map_or_else(|| "?".into(), |memory| (memory >> 20).to_string());
    lines.push(format!("machine: {cpu}, {cores} cores, {gigabytes} GiB, {}", kernel()));
    if let Ok(load) = fs::read_to_string("/proc/loadavg") {
        let load = load.split(' ').take(3).collect::<Vec<_>>().join(" ");
        lines.push(format!("load before (1, 5, 15 minutes): {load}"));
    }
    let rustc = output("rustc", &["--version"]).unwrap_or_else(|| "rustc unknown".into());
    let commit = output("git", &["rev-parse", "--short", "HEAD"]);
    let commit = commit.unwrap_or_else(|| "unknown".into());
    lines.push(format!("built by: {rustc}; commit {commit}"));
    let versions = COMPARED.iter().filter_map(|name| Some(format!("{name} {}", version(name)?)));
    lines.push(format!("versions: {}", versions.collect::<Vec<_>>().join(", ")));
    lines
}

/// How the peers are used, and what is left out.
pub const NOTES: &[&str] = &[
    "memq takes each value out of its message (`into_inner`), memq-borrowed reads it where it is \
     (`recv_ref`, or the batch), memq-batch reads what is there, at most 100, in place; memq-consumed is memq-borrowed on a topic \
     with `retain = UntilConsumed`, which frees what was read as a channel does. Topics are native, \
     hold 1,024 messages where nothing else is said, and publishers wait (`overflow = Wait`). Where \
     work is shared memq is a consumer group, and each delivery is acknowledged.",
    "Every bounded peer holds 1,024 messages where the workload says nothing else. tokio-memq keeps \
     10,000, its default, since nothing waits for a reader and the oldest is dropped; tokio-broadcast \
     drops too, and tells the receiver. async-broadcast waits. ruststream is unbounded, copies on \
     publishing, and keeps every message while its broker lives.",
    "All run on tokio with two workers. The disruptor is polled by tasks, since its own threads would \
     spin on both cores. Publishers whose send never waits (tokio-broadcast, ruststream, and \
     async-broadcast in S11) let others run every 128 messages, as tokio's other channels do.",
    "In a workload with batches a peer without them does the same singly. tokio-mpsc has no second \
     receiver, channels have no fan-out, broadcasts and the disruptor do not share work, ruststream \
     takes bytes only and none of a megabyte: there they have no row.",
    "Heap is counted in this program, so every allocation costs a few ns more than it would, for all \
     alike.",
    "Ratios are within a round, then the median; above 1 is better. Best other: the best row that is \
     not memq's. Delivered, expected and lost are of all rounds together.",
];

fn kernel() -> String {
    let release = fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
    format!("{} {}", std::env::consts::OS, release.trim())
}

fn field<'a>(text: &'a str, name: &str) -> Option<&'a str> {
    let line = text.lines().find(|line| line.starts_with(name))?;
    line.split_once(':').map(|(_, value)| value.trim())
}

fn output(program: &str, args: &[&str]) -> Option<String> {
    let output = Command::new(program).args(args).output().ok()?;
    let text = String::from_utf8(output.stdout).ok()?;
    (output.status.success() && !text.is_empty()).then(|| text.trim().to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_compared_package_has_a_version() {
        for package in COMPARED {
            let version = version(package).unwrap_or_else(|| panic!("{package} is not locked"));
            assert!(version.starts_with(|c: char| c.is_ascii_digit()), "{package} {version}");
        }
        assert_eq!(version("tokio-memq"), Some("1.0.0"));
        assert_eq!(version("no-such-package"), None);
    }
}
