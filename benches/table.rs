//! What stands in the tables of reports.

use std::fmt::Write as _;

use crate::measure::Figures;

/// What did not arrive, and what did twice.
pub fn lost(figures: &Figures) -> String {
    let mut text = grouped(figures.lost());
    if figures.lost() > 0 {
        let share = figures.lost() as f64 / figures.expected as f64 * 100.0;
        let _ = write!(text, " ({share:.1} %)");
    }
    if figures.duplicates > 0 {
        let _ = write!(text, ", {} twice", grouped(figures.duplicates));
    }
    text
}

/// With a comma at every thousand.
pub fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at) % 3 == 0 {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn thousands_are_grouped() {
        assert_eq!(
            (grouped(7), grouped(1_000), grouped(1_234_567)),
            ("7".into(), "1,000".into(), "1,234,567".into())
        );
    }
}
