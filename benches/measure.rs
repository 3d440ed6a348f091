//! Rounds: every peer in turn, several times over, after a warm-up; and what they come to.

use std::time::Duration;

/// How long one run of one peer takes, at scale 1.
pub const TARGET: Duration = Duration::from_millis(250);
const SELF: &str = "memq";

/// One run of one peer.
#[derive(Clone, Copy, Debug)]
pub struct Outcome {
    pub value: f64,
    pub elapsed: Duration,
    /// Messages that were published, or what else was counted.
    pub count: u64,
    pub delivered: u64,
    pub expected: u64,
    pub duplicates: u64,
    /// What this process had of the processor meanwhile; zero where that is not counted.
    pub cpu: Duration,
}

impl Outcome {
    /// A run that loses nothing by its nature.
    pub fn whole(value: f64, elapsed: Duration, count: u64) -> Self {
        let (delivered, expected, cpu) = (count, count, Duration::ZERO);
        Self { value, elapsed, count, delivered, expected, duplicates: 0, cpu }
    }
}

/// A peer in a workload.
pub struct Row {
    pub peer: &'static str,
    /// Runs it with so many messages.
    pub run: Box<dyn Fn(u64) -> Outcome>,
}

/// What is measured.
pub struct Workload {
    pub name: &'static str,
    pub what: &'static str,
    pub unit: &'static str,
    pub higher_is_better: bool,
    /// Messages of a fast peer; slow ones get fewer, at least `least`.
    pub most: u64,
    pub least: u64,
    /// Whether the count is what it is, whatever the scale.
    pub fixed: bool,
    pub rows: Vec<Row>,
}

/// A peer's rounds in a workload.
#[derive(Clone, Debug)]
pub struct Figures {
    pub peer: &'static str,
    pub median: f64,
    pub min: f64,
    pub max: f64,
    /// How many times as good as the one that is compared with, in the same round.
    pub to_base: Option<f64>,
    /// The same with the best peer that is not this project.
    pub to_best: Option<f64>,
    pub delivered: u64,
    pub expected: u64,
    pub duplicates: u64,
    /// The median of the processor's time for a message, in ns.
    pub cpu: f64,
    /// How many times as much that is as the one that is compared with takes, in the same round.
    pub cpu_to_base: Option<f64>,
}

impl Figures {
    pub fn lost(&self) -> u64 {
        self.expected.saturating_sub(self.delivered)
    }
}

/// Runs all peers of a workload, to be compared with the one called `base`; `say` hears what is being
/// done.
pub fn measure(
    workload: &Workload,
    base: &str,
    rounds: usize,
    scale: f64,
    mut say: impl FnMut(&str),
) -> Vec<Figures> {
    let most = if workload.fixed { workload.most } else { scaled(workload.most, scale) };
    let mut counts = Vec::new();
    for row in &workload.rows {
        say(&format!("{} warm-up {}", workload.name, row.peer));
        if workload.fixed {
            (row.run)(most);
            counts.push(most);
            continue;
        }
        // A first run is slow, and where it was short it says little.
        let start = (most / 50).clamp(workload.least.min(most), most);
        let first = affordable(workload, &(row.run)(start), most, scale);
        let next = (row.run)((first / 4).clamp(workload.least.min(most), most));
        counts.push(first.max(affordable(workload, &next, most, scale)));
    }
    let mut runs = vec![Vec::new(); workload.rows.len()];
    for round in 1..=rounds {
        for ((row, count), runs) in workload.rows.iter().zip(&counts).zip(&mut runs) {
            say(&format!("{} round {round}/{rounds} {}", workload.name, row.peer));
            runs.push((row.run)(*count));
        }
    }
    let peers = workload.rows.iter().map(|row| row.peer).collect::<Vec<_>>();
    figures(&peers, base, &runs, workload.higher_is_better)
}

fn scaled(count: u64, scale: f64) -> u64 {
    ((count as f64 * scale) as u64).max(1)
}

/// As many messages as the target allows at the speed of the warm-up.
fn affordable(workload: &Workload, warm: &Outcome, most: u64, scale: f64) -> u64 {
    let per_second = warm.count as f64 / warm.elapsed.as_secs_f64().max(1e-9);
    let affordable = per_second * TARGET.as_secs_f64() * scale;
    (affordable as u64).clamp(workload.least.min(most), most)
}

/// Medians over the rounds, and ratios within each.
pub fn figures(
    peers: &[&'static str],
    base: &str,
    runs: &[Vec<Outcome>],
    higher: bool,
) -> Vec<Figures> {
    let ratio = |mine: f64, other: f64| if higher { mine / other } else { other / mine };
    let best = |a: f64, b: f64| if higher { a.max(b) } else { a.min(b) };
    let rounds = runs.first().map_or(0, Vec::len);
    let mut all = Vec::new();
    for (index, peer) in peers.iter().copied().enumerate() {
        let values = runs[index].iter().map(|run| run.value).collect::<Vec<_>>();
        let against = |others: &dyn Fn(usize, &str) -> bool| {
            let mut ratios = Vec::new();
            for round in 0..rounds {
                let other = (0..peers.len())
                    .filter(|at| others(*at, peers[*at]))
                    .map(|at| runs[at][round].value)
                    .reduce(best)?;
                ratios.push(ratio(values[round], other));
            }
            // Nothing has no ratio to anything.
            Some(median(&mut ratios)).filter(|ratio| ratio.is_finite())
        };
        let ours = is_ours(peer);
        let to_base = against(&|_, other| other == base && other != peer);
        let to_best = against(&|at, other| at != index && !(is_ours(other) && ours));
        let cpu = |at: usize, round: usize| {
            let run: &Outcome = &runs[at][round];
            run.cpu.as_nanos() as f64 / run.count.max(1) as f64
        };
        let cpus = (0..rounds).map(|round| cpu(index, round)).collect::<Vec<_>>();
        let other = peers.iter().position(|other| *other == base && *other != peer);
        let cpu_to_base = other.and_then(|at| {
            let mut ratios =
                (0..rounds).map(|round| cpus[round] / cpu(at, round)).collect::<Vec<_>>();
            Some(median(&mut ratios)).filter(|ratio| ratio.is_finite())
        });
        let sum = |of: fn(&Outcome) -> u64| runs[index].iter().map(of).sum::<u64>();
        all.push(Figures {
            peer,
            median: median(&mut values.clone()),
            min: values.iter().copied().fold(f64::INFINITY, f64::min),
            max: values.iter().copied().fold(f64::NEG_INFINITY, f64::max),
            to_base,
            to_best,
            delivered: sum(|run| run.delivered),
            expected: sum(|run| run.expected),
            duplicates: sum(|run| run.duplicates),
            cpu: median(&mut cpus.clone()),
            cpu_to_base,
        });
    }
    all
}

/// Whether it is one of the rows of memq.
pub fn is_ours(peer: &str) -> bool {
    peer == SELF || peer.strip_prefix(SELF).is_some_and(|rest| rest.starts_with('-'))
}

/// The middle one; of an even number the mean of the two in the middle.
pub fn median(values: &mut [f64]) -> f64 {
    values.sort_by(f64::total_cmp);
    let middle = values.len() / 2;
    match values.len() {
        0 => f64::NAN,
        odd if odd % 2 == 1 => values[middle],
        _ => f64::midpoint(values[middle - 1], values[middle]),
    }
}

/// Three digits that mean something, and the rest by a letter.
pub fn significant(value: f64) -> String {
    let (value, letter) = match value.abs() {
        size if size >= 1e9 => (value / 1e9, "G"),
        size if size >= 1e6 => (value / 1e6, "M"),
        size if size >= 1e4 => (value / 1e3, "k"),
        _ => (value, ""),
    };
    let digits = match value.abs() {
        size if size >= 100.0 => 0,
        size if size >= 10.0 => 1,
        _ => 2,
    };
    format!("{value:.digits$}{letter}")
}

#[cfg(test)]
mod tests {
    use super::*;

    const BASE: &str = "tokio-memq";

    fn runs(values: &[f64]) -> Vec<Outcome> {
        values.iter().map(|value| Outcome::whole(*value, Duration::from_secs(1), 10)).collect()
    }

    #[test]
    fn numbers_are_short() {
        assert_eq!(significant(12_345_678.0), "12.3M");
        assert_eq!(significant(1_234.4), "1234");
        assert_eq!(significant(0.123), "0.12");
        assert_eq!(significant(27.04), "27.0");
        assert_eq!(significant(2.5e9), "2.50G");
    }

    #[test]
    fn medians() {
        assert_eq!(median(&mut [3.0, 1.0, 2.0]), 2.0);
        assert_eq!(median(&mut [4.0, 1.0, 3.0, 2.0]), 2.5);
        assert_eq!(median(&mut [7.0]), 7.0);
        assert!(median(&mut []).is_nan());
    }

    #[test]
    fn ratios_are_of_one_round() {
        // The second round is ten times as slow for everybody: no ratio changes.
        let peers = ["memq", "memq-borrowed", BASE, "kanal"];
        let runs = [
            runs(&[80.0, 8.0, 80.0]),
            runs(&[100.0, 10.0, 100.0]),
            runs(&[10.0, 1.0, 10.0]),
            runs(&[40.0, 4.0, 40.0]),
        ];
        let figures = figures(&peers, BASE, &runs, true);
        assert_eq!(figures[0].to_base, Some(8.0));
        assert_eq!(figures[0].to_best, Some(2.0), "not against itself in another way of reading");
        assert_eq!(figures[1].to_best, Some(2.5));
        assert_eq!(figures[2].to_base, None);
        assert_eq!(figures[3].to_best, Some(0.4));
        assert_eq!((figures[0].median, figures[0].min, figures[0].max), (80.0, 8.0, 80.0));
        assert_eq!((figures[0].delivered, figures[0].expected, figures[0].lost()), (30, 30, 0));
    }

    #[test]
    fn where_less_is_better_a_ratio_above_one_is_still_better() {
        let figures = figures(&["memq", BASE], BASE, &[runs(&[2.0]), runs(&[8.0])], false);
        assert_eq!(figures[0].to_base, Some(4.0));
        assert_eq!(figures[1].to_best, Some(0.25));
    }

    #[test]
    fn without_others_there_is_no_ratio() {
        let figures =
            figures(&["memq", "memq-borrowed"], BASE, &[runs(&[2.0]), runs(&[8.0])], true);
        assert_eq!((figures[0].to_base, figures[0].to_best), (None, None));
        let figures = super::figures(&["memq", "vec"], BASE, &[runs(&[2.0]), runs(&[0.0])], true);
        assert_eq!(figures[0].to_best, None);
    }

    #[test]
    fn slow_peers_get_fewer_messages() {
        let workload = Workload {
            name: "",
            what: "",
            unit: "",
            higher_is_better: true,
            most: 1_000_000,
            least: 10,
            fixed: false,
            rows: Vec::new(),
        };
        let warm = |count| Outcome::whole(0.0, Duration::from_secs(1), count);
        assert_eq!(affordable(&workload, &warm(4_000), 1_000_000, 1.0), 1_000);
        assert_eq!(affordable(&workload, &warm(1), 1_000_000, 1.0), 10);
        assert_eq!(affordable(&workload, &warm(u64::MAX / 2), 1_000_000, 1.0), 1_000_000);
    }
}
