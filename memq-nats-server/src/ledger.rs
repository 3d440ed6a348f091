//! What a fault test did and what came of it: who acknowledged what, what was read, and what that means.

use std::collections::{HashMap, HashSet};
use std::fmt;
use std::io::{self, Write};
use std::str::FromStr;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// A message of a test: the number that its publisher gave it. Numbers of a publisher rise in the order in
/// which it publishes. As text `3:17`, the payload of that message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Mark {
    /// Which publisher.
    pub publisher: u32,
    /// Which of its messages.
    pub number: u64,
}

impl fmt::Display for Mark {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.publisher, self.number)
    }
}

impl FromStr for Mark {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let parts = text.split_once(':');
        parts
            .and_then(|(publisher, number)| {
                Some(Self { publisher: publisher.parse().ok()?, number: number.parse().ok()? })
            })
            .ok_or_else(|| format!("no mark of a message: {text:?}"))
    }
}

/// What publishers were told, written down by each as it hears it.
#[derive(Debug, Default)]
pub struct Ledger {
    entries: Mutex<Entries>,
}

#[derive(Debug, Default)]
struct Entries {
    acknowledged: HashSet<Mark>,
    refused: HashSet<Mark>,
    last: Option<Instant>,
    outage: Duration,
}

impl Ledger {
    /// An empty ledger; the time without service counts from now.
    pub fn new() -> Self {
        let ledger = Self::default();
        ledger.entries().last = Some(Instant::now());
        ledger
    }

    /// A publisher was told that this message is stored.
    pub fn acknowledged(&self, mark: Mark) {
        let mut entries = self.entries();
        entries.acknowledged.insert(mark);
        let now = Instant::now();
        if let Some(last) = entries.last.replace(now) {
            entries.outage = entries.outage.max(now - last);
        }
    }

    /// A publisher was told that this message is *not* stored. Of one that it was told nothing certain of,
    /// nothing is written down: it may have been stored or not.
    pub fn refused(&self, mark: Mark) {
        self.entries().refused.insert(mark);
    }

    /// How many messages were acknowledged so far.
    pub fn count(&self) -> usize {
        self.entries().acknowledged.len()
    }

    /// Acknowledged and not seen, in order: what a reader waits for, and in the end what was lost.
    pub fn unseen(&self, seen: &Seen) -> Vec<Mark> {
        let entries = self.entries();
        let mut unseen: Vec<Mark> = entries.acknowledged.difference(&seen.marks).copied().collect();
        unseen.sort_unstable();
        unseen
    }

    /// What there is to say of what a reader has seen.
    pub fn compare(&self, seen: &Seen) -> Report {
        let entries = self.entries();
        Report {
            acknowledged: entries.acknowledged.len(),
            seen: seen.marks.len(),
            lost: entries.acknowledged.difference(&seen.marks).count(),
            doubled: seen.doubled,
            out_of_order: seen.out_of_order,
            refused_and_seen: entries.refused.intersection(&seen.marks).count(),
            outage: entries.outage,
        }
    }

    /// A panic elsewhere leaves nothing half done here.
    fn entries(&self) -> MutexGuard<'_, Entries> {
        self.entries.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What one reader, or the members of one group together, saw.
#[derive(Debug, Clone, Default)]
pub struct Seen {
    marks: HashSet<Mark>,
    /// The highest number of each publisher.
    highest: HashMap<u32, u64>,
    doubled: usize,
    out_of_order: usize,
}

impl Seen {
    /// Nothing yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// The next message. `false` if it was seen before.
    pub fn push(&mut self, mark: Mark) -> bool {
        if !self.marks.insert(mark) {
            self.doubled += 1;
            return false;
        }
        let highest = self.highest.entry(mark.publisher).or_insert(mark.number);
        if mark.number < *highest {
            self.out_of_order += 1;
        }
        *highest = mark.number.max(*highest);
        true
    }

    /// Whether a message was seen.
    pub fn contains(&self, mark: Mark) -> bool {
        self.marks.contains(&mark)
    }

    /// How many different messages were seen.
    pub fn count(&self) -> usize {
        self.marks.len()
    }
}

/// What came of a fault, as one line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Report {
    /// Messages that a publisher was told are stored.
    pub acknowledged: usize,
    /// Different messages that were read.
    pub seen: usize,
    /// Acknowledged and never read.
    pub lost: usize,
    /// Read more than once: each time after the first.
    pub doubled: usize,
    /// Read for the first time after a later one of the same publisher.
    pub out_of_order: usize,
    /// Refused, and read all the same.
    pub refused_and_seen: usize,
    /// The longest time without an acknowledgement between two of them.
    pub outage: Duration,
}

impl Report {
    /// Writes it as one line to stderr, past the test runner, which keeps to itself what tests print: times
    /// without service are no reason to fail, but to be known.
    pub fn tell(&self, fault: &str) {
        // Where nobody hears it there is nobody to tell.
        let _ = io::stderr().write_all(format!("FAULT {fault}: {self}\n").as_bytes());
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { acknowledged, seen, lost, doubled, out_of_order, refused_and_seen, outage } =
            self;
        write!(
            f,
            "{acknowledged} acknowledged, {seen} seen: {lost} lost, {doubled} doubled, \
             {out_of_order} out of order, {refused_and_seen} refused and seen; \
             without service for {:.2} s",
            outage.as_secs_f64()
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mark(publisher: u32, number: u64) -> Mark {
        Mark { publisher, number }
    }

    #[test]
    fn marks_are_text_and_come_back() {
        assert_eq!(mark(3, 17).to_string().parse(), Ok(mark(3, 17)));
        for other in ["", "3", "3:", "3:x", "-1:2", "3:17:1"] {
            assert!(other.parse::<Mark>().is_err(), "{other}");
        }
    }

    #[test]
    fn each_wrong_is_counted_as_what_it_is() {
        let ledger = Ledger::new();
        for number in 0..5 {
            ledger.acknowledged(mark(1, number));
        }
        ledger.acknowledged(mark(2, 0));
        ledger.refused(mark(2, 1));
        let mut seen = Seen::new();
        // 1:3 is lost; 1:1 comes after 1:2; 2:0 comes twice; 2:1 was refused; of 2:2 nothing was heard.
        for next in [mark(1, 0), mark(1, 2), mark(2, 0), mark(1, 1), mark(1, 4)] {
            assert!(seen.push(next));
        }
        assert!(!seen.push(mark(2, 0)));
        assert!(seen.push(mark(2, 1)) && seen.push(mark(2, 2)));
        assert_eq!(ledger.unseen(&seen), [mark(1, 3)]);
        let report = ledger.compare(&seen);
        let outage = report.outage;
        let expected = Report {
            acknowledged: 6,
            seen: 7,
            lost: 1,
            doubled: 1,
            out_of_order: 1,
            refused_and_seen: 1,
            outage,
        };
        assert_eq!(report, expected);
        assert!(
            report.to_string().starts_with("6 acknowledged, 7 seen: 1 lost, 1 doubled, 1 out of")
        );
    }

    #[test]
    fn nothing_wrong_is_nothing() {
        let (ledger, mut seen) = (Ledger::new(), Seen::new());
        for number in 0..100 {
            ledger.acknowledged(mark(0, number));
            seen.push(mark(0, number));
        }
        let report = ledger.compare(&seen);
        assert_eq!((report.lost, report.doubled, report.out_of_order), (0, 0, 0));
        assert_eq!((ledger.count(), seen.count()), (100, 100));
        assert!(seen.contains(mark(0, 99)) && !seen.contains(mark(1, 99)));
    }
}
