//! Durations and sizes as people write them.

use std::time::Duration;

/// `1h 30m`, as in `#[topic(ttl = …)]`.
pub(super) fn duration(duration: Duration) -> String {
    humantime::format_duration(duration).to_string()
}

/// `64 MiB`: in the largest unit that leaves it whole.
pub(super) fn bytes(bytes: usize) -> String {
    let units = [(1 << 30, "GiB"), (1 << 20, "MiB"), (1 << 10, "KiB")];
    match units.iter().find(|(unit, _)| bytes >= *unit && bytes % unit == 0) {
        Some((unit, name)) => format!("{} {name}", count(bytes / unit)),
        None => format!("{} bytes", count(bytes)),
    }
}

/// `1 message`, `10,000 messages`.
pub(super) fn messages(number: usize) -> String {
    match number {
        1 => "1 message".into(),
        number => format!("{} messages", count(number)),
    }
}

/// `10,000`.
fn count(number: usize) -> String {
    let digits = number.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place) % 3 == 0 {
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
    fn numbers_are_grouped_and_sizes_have_units() {
        let counts = [0, 999, 1_000, 10_000, 1_234_567].map(count);
        assert_eq!(counts, ["0", "999", "1,000", "10,000", "1,234,567"]);
        let sizes = [1_000, 1 << 10, 64 << 20, 1 << 30, 1 << 40, (1 << 20) + 1].map(bytes);
        assert_eq!(
            sizes,
            ["1,000 bytes", "1 KiB", "64 MiB", "1 GiB", "1,024 GiB", "1,048,577 bytes"]
        );
    }
}
