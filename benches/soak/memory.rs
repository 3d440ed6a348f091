//! The memory of this process, and whether it grew.

/// What a run may end with beyond a tenth more than it had.
const SLACK: u64 = 8 << 20;

/// Bytes in memory; `None` where the system does not say.
pub fn resident() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    let kibibytes = line.trim().strip_suffix(" kB")?.trim().parse::<u64>().ok()?;
    Some(kibibytes << 10)
}

/// Compares the last tenth of a run with its second one.
pub fn judge(samples: &[u64]) -> Result<String, String> {
    let tenth = samples.len() / 10;
    if tenth == 0 {
        return Ok("memory: unknown, since this system does not say; NOT CHECKED".into());
    }
    let start = median(&samples[tenth..2 * tenth]);
    let end = median(&samples[samples.len() - tenth..]);
    let most = samples.iter().copied().max().unwrap_or_default();
    let limit = start + start / 10 + SLACK;
    let said = format!(
        "memory: {} MiB in the second tenth, {} MiB in the last, {} MiB at most; allowed {} MiB",
        start >> 20,
        end >> 20,
        most >> 20,
        limit >> 20,
    );
    if end > limit { Err(format!("memory grew. {said}")) } else { Ok(said) }
}

fn median(samples: &[u64]) -> u64 {
    let mut samples = samples.to_vec();
    samples.sort_unstable();
    samples[samples.len() / 2]
}

#[cfg(test)]
mod tests {
    use super::*;

    const MIB: u64 = 1 << 20;

    #[test]
    fn what_grows_is_found() {
        let steady = (0..100).map(|at| (100 + at % 3) * MIB).collect::<Vec<_>>();
        assert!(judge(&steady).is_ok());
        let growing = (0..100).map(|at| (100 + at) * MIB).collect::<Vec<_>>();
        assert!(judge(&growing).unwrap_err().contains("memory grew"));
        // A start that fills up is no growth, nor is one peak.
        let mut warm = vec![150 * MIB; 100];
        warm[..10].fill(MIB);
        warm[50] = 900 * MIB;
        assert!(judge(&warm).unwrap().contains("900 MiB at most"));
        assert!(judge(&[]).unwrap().contains("NOT CHECKED"));
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn this_process_has_memory() {
        assert!(resident().unwrap() > MIB / 2);
    }
}
