//! Durations and sizes as people write them, and names as keys.

use std::fmt::Write;
use std::time::Duration;

/// A name as one of the keys that AsyncAPI takes, without dots; other names have others. What is no
/// letter of ASCII, digit, `_` or `-` is `-x` and a byte in two digits, and so is a `-` before such.
pub(super) fn key(name: &str) -> String {
    let mut key = String::with_capacity(name.len());
    let digit = |byte: &u8| matches!(byte, b'0'..=b'9' | b'A'..=b'F');
    let mut rest = name.as_bytes();
    while let [byte, after @ ..] = rest {
        let escape = matches!(after, [b'x', one, two, ..] if digit(one) && digit(two));
        let plain = byte.is_ascii_alphanumeric() || *byte == b'_' || *byte == b'-' && !escape;
        match plain {
            true => key.push(char::from(*byte)),
            // Text can always be written to.
            false => drop(write!(key, "-x{byte:02X}")),
        }
        rest = after;
    }
    key
}

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
    fn keys_are_of_few_letters_and_no_two_names_have_one() {
        let plain = ["Order", "my-group_2", "order-xml", ""];
        assert_eq!(plain.map(key), plain);
        let odd = ["a b", "a-x20b", "a.b", "Übung", "-/", "--x2F"];
        let keys = odd.map(key);
        let expected = ["a-x20b", "a-x2Dx20b", "a-x2Eb", "-xC3-x9Cbung", "--x2F", "--x2Dx2F"];
        assert_eq!(keys, expected);
    }

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
