//! The head of a report: the machine, and the versions of everything compared.

use std::fs;
use std::process::Command;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

/// The lock that this program was built by.
const LOCK: &str = include_str!("../Cargo.lock");

/// The version of a package in the lock; the newest, if there are several.
pub fn version(package: &str) -> Option<&'static str> {
    let name = format!("name = \"{package}\"\nversion = \"");
    let (_, rest) = LOCK.split("[[package]]\n").filter_map(|text| text.split_once(&name)).last()?;
    rest.split('"').next()
}

/// What is known of the machine and of these packages, a line each.
pub fn lines(compared: &[&str]) -> Vec<String> {
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
    if cores > 1 {
        let nanos = there_and_back().as_nanos();
        lines.push(format!(
            "between two threads a line of a cache goes there and back in {nanos} ns"
        ));
    }
    if let Ok(load) = fs::read_to_string("/proc/loadavg") {
        let load = load.split(' ').take(3).collect::<Vec<_>>().join(" ");
        lines.push(format!("load before (1, 5, 15 minutes): {load}"));
    }
    let rustc = output("rustc", &["--version"]).unwrap_or_else(|| "rustc unknown".into());
    let commit = output("git", &["rev-parse", "--short", "HEAD"]);
    let commit = commit.unwrap_or_else(|| "unknown".into());
    lines.push(format!("built by: {rustc}; commit {commit}"));
    let versions = compared.iter().filter_map(|name| Some(format!("{name} {}", version(name)?)));
    lines.push(format!("versions: {}", versions.collect::<Vec<_>>().join(", ")));
    lines
}

/// How long a line of a cache takes from one thread to another and back: the fastest of a few tries, since
/// in others the two may share a processor. In this machines of one speed differ by several times, and
/// with it in all that goes between threads.
fn there_and_back() -> Duration {
    const LONG: Duration = Duration::from_millis(10);
    const OVER: u64 = u64::MAX;
    let try_once = || {
        let turn = AtomicU64::new(0);
        let wait = |until: &dyn Fn(u64) -> bool| {
            let mut spins = 0_u32;
            loop {
                let now = turn.load(Ordering::Acquire);
                if until(now) {
                    return now;
                }
                spins = spins.wrapping_add(1);
                // The other one may wait for this processor.
                if spins % 4096 == 0 {
                    thread::yield_now();
                }
                std::hint::spin_loop();
            }
        };
        thread::scope(|scope| {
            scope.spawn(|| {
                loop {
                    match wait(&|turn| turn % 2 == 1) {
                        OVER => break,
                        mine => turn.store(mine + 1, Ordering::Release),
                    }
                }
            });
            let (began, mut turns) = (Instant::now(), 0_u32);
            while began.elapsed() < LONG {
                for _ in 0..64 {
                    let theirs = 2 * u64::from(turns) + 1;
                    turn.store(theirs, Ordering::Release);
                    wait(&|turn| turn > theirs);
                    turns += 1;
                }
            }
            let each = began.elapsed() / turns;
            turn.store(OVER, Ordering::Release);
            each
        })
    };
    (0..20).map(|_| try_once()).min().unwrap_or_default()
}

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
    fn a_line_goes_there_and_back() {
        assert!(there_and_back() > Duration::ZERO);
    }

    #[test]
    fn packages_have_the_version_that_is_locked() {
        assert_eq!(version("tokio-memq"), Some("1.0.0"));
        assert_eq!(version("no-such-package"), None);
    }
}
