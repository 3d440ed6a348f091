//! What stands between the quotes: names, durations and numbers of bytes. It never sees a token.
//!
//! Every function returns the value, or what is wrong with it together with a remedy.

use std::time::Duration;

/// The longest name of a topic, in bytes; memq's own limit.
const MAX_NAME: usize = 200;

/// Units of time, large to small, in nanoseconds.
const TIME_UNITS: [(&str, u128); 7] = [
    ("d", 86_400_000_000_000),
    ("h", 3_600_000_000_000),
    ("m", 60_000_000_000),
    ("s", 1_000_000_000),
    ("ms", 1_000_000),
    ("us", 1_000),
    ("ns", 1),
];

/// Units of bytes.
const BYTE_UNITS: [(&str, u64); 7] = [
    ("B", 1),
    ("KB", 1_000),
    ("MB", 1_000_000),
    ("GB", 1_000_000_000),
    ("KiB", 1 << 10),
    ("MiB", 1 << 20),
    ("GiB", 1 << 30),
];

/// Checks the name of a topic as memq does, with more to say.
pub(crate) fn name(name: &str) -> Result<(), String> {
    if name.is_empty() {
        return Err("a topic needs a name of at least one letter".into());
    }
    if name.len() > MAX_NAME {
        let length = name.len();
        return Err(format!(
            "a topic name has at most {MAX_NAME} bytes, and this one has {length}: shorten it"
        ));
    }
    let valid = |c: &char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-');
    if let Some(bad) = name.chars().find(|c| !valid(c)) {
        if matches!(bad, '*' | '>' | '#' | '+') {
            return Err(format!(
                "a topic has one name, and `{bad}` is no part of one: spell the name out"
            ));
        }
        let remedy = match repaired(name) {
            Some(better) => format!(", such as {better:?}"),
            None => String::new(),
        };
        return Err(format!(
            "a topic name cannot hold {bad:?}: use A-Z, a-z, 0-9, `_`, `-` and `.`{remedy}"
        ));
    }
    if name.split('.').any(str::is_empty) {
        let remedy = match repaired(name) {
            Some(better) => format!(": {better:?}"),
            None => String::new(),
        };
        return Err(format!(
            "a dot in a topic name stands between two tokens, not first, last or twice{remedy}"
        ));
    }
    Ok(())
}

/// The name with separators of other systems turned into dots and the rest into dashes; `None`
/// where that would leave holes in words.
fn repaired(name: &str) -> Option<String> {
    if !name.is_ascii() {
        return None;
    }
    let mapped: String = name
        .chars()
        .map(|c| match c {
            '/' | ':' | '\\' => '.',
            c if c.is_ascii_alphanumeric() || matches!(c, '.' | '_') => c,
            _ => '-',
        })
        .collect();
    let tokens: Vec<&str> =
        mapped.split('.').map(|token| token.trim_matches('-')).filter(|t| !t.is_empty()).collect();
    (!tokens.is_empty()).then(|| tokens.join("."))
}

/// What is wrong with durations that no option takes, which depends on what it is for.
pub(crate) struct Bounds {
    /// Of zero.
    pub(crate) zero: &'static str,
    /// Of more than 2^64 seconds.
    pub(crate) endless: &'static str,
}

/// `"1h 30m"` as a duration.
pub(crate) fn duration(text: &str, bounds: &Bounds) -> Result<Duration, String> {
    const FORM: &str = "such as \"1h 30m\" or \"250ms\"";
    let mut rest = text.trim();
    if rest.is_empty() {
        return Err(format!("a duration is missing: whole numbers with units, {FORM}"));
    }
    let mut total = 0_u128;
    let mut previous: Option<usize> = None;
    while !rest.is_empty() {
        if rest.starts_with(['-', '+']) {
            return Err(format!("a duration has no sign: whole numbers with units, {FORM}"));
        }
        let (digits, after) = split_digits(rest);
        if digits.is_empty() {
            let what = rest.split_whitespace().next().unwrap_or(rest);
            return Err(format!("`{what}` is no duration: a number comes before its unit, {FORM}"));
        }
        if after.starts_with(['.', ',', '_']) {
            return Err(format!("a duration has whole numbers and no fraction, {FORM}"));
        }
        let (unit, after) = split_unit(after.trim_start());
        if unit.is_empty() {
            let guess = digits.trim_start_matches('0');
            let guess = if guess.is_empty() { "1" } else { guess };
            return Err(format!(
                "`{digits}` has no unit: write \"{guess}s\" for seconds; units are {}",
                units(TIME_UNITS.map(|(unit, _)| unit))
            ));
        }
        let Some(place) = TIME_UNITS.iter().position(|(known, _)| *known == unit) else {
            return Err(bad_unit(unit, time_unit(unit), TIME_UNITS.map(|(unit, _)| unit)));
        };
        match previous {
            Some(last) if last == place => {
                return Err(format!("the unit `{unit}` is there twice: each once, {FORM}"));
            }
            Some(last) if last > place => {
                let smaller = TIME_UNITS[last].0;
                return Err(format!(
                    "`{smaller}` stands before `{unit}`: write large units first, {FORM}"
                ));
            }
            _ => previous = Some(place),
        }
        total = digits
            .parse::<u128>()
            .ok()
            .and_then(|number| number.checked_mul(TIME_UNITS[place].1))
            .and_then(|nanos| total.checked_add(nanos))
            .filter(|total| total / 1_000_000_000 <= u128::from(u64::MAX))
            .ok_or(bounds.endless)?;
        rest = after.trim_start();
    }
    if total == 0 {
        return Err(bounds.zero.into());
    }
    let seconds = u64::try_from(total / 1_000_000_000).unwrap_or(u64::MAX);
    let nanos = u32::try_from(total % 1_000_000_000).unwrap_or(0);
    Ok(Duration::new(seconds, nanos))
}

/// `"64MiB"` as a number of bytes.
pub(crate) fn bytes(text: &str) -> Result<u64, String> {
    const FORM: &str = "such as \"64MiB\"";
    let trimmed = text.trim();
    if trimmed.starts_with(['-', '+']) {
        return Err(format!("a number of bytes has no sign, {FORM}"));
    }
    let (digits, after) = split_digits(trimmed);
    if digits.is_empty() {
        return Err(format!("{text:?} is no number of bytes: a number and its unit, {FORM}"));
    }
    if after.starts_with(['.', ',', '_']) {
        return Err(format!("a number of bytes is whole: take a smaller unit, {FORM}"));
    }
    let (unit, rest) = split_unit(after.trim_start());
    if unit.is_empty() {
        return Err(format!(
            "{text:?} has no unit: write \"{digits}B\" for bytes; units are {}",
            units(BYTE_UNITS.map(|(unit, _)| unit))
        ));
    }
    let Some((_, factor)) = BYTE_UNITS.iter().find(|(known, _)| *known == unit) else {
        return Err(bad_unit(unit, byte_unit(unit), BYTE_UNITS.map(|(unit, _)| unit)));
    };
    if !rest.trim().is_empty() {
        return Err(format!("{text:?} is more than one number and its unit, {FORM}"));
    }
    let bytes = digits
        .parse::<u64>()
        .ok()
        .and_then(|number| number.checked_mul(*factor))
        .ok_or("this is more than 2^64 bytes: take a smaller number")?;
    if bytes == 0 {
        return Err(
            "a topic has room for at least one byte: leave the limit out for 256 MiB".into()
        );
    }
    Ok(bytes)
}

/// What `"10k"` may be short for: a number, spelled as in code, and one of bytes.
pub(crate) fn shortened(text: &str) -> Option<(String, String)> {
    let bytes = format!("{}B", text.trim().to_uppercase());
    let (digits, unit) = split_digits(text.trim());
    let factor = match unit.trim() {
        "k" | "K" => 1_000,
        "m" | "M" => 1_000_000,
        "g" | "G" => 1_000_000_000,
        _ => return None,
    };
    let count = digits.parse::<u64>().ok()?.checked_mul(factor).filter(|count| *count > 0)?;
    let digits = count.to_string();
    let groups = digits.as_bytes().rchunks(3).rev().map(|group| String::from_utf8_lossy(group));
    Some((groups.collect::<Vec<_>>().join("_"), bytes))
}

fn split_digits(text: &str) -> (&str, &str) {
    text.split_at(text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len()))
}

fn split_unit(text: &str) -> (&str, &str) {
    text.split_at(
        text.find(|c: char| c.is_whitespace() || c.is_ascii_digit()).unwrap_or(text.len()),
    )
}

fn units<const N: usize>(all: [&str; N]) -> String {
    all.map(|unit| format!("`{unit}`")).join(", ")
}

fn bad_unit<const N: usize>(unit: &str, guess: Option<&str>, all: [&str; N]) -> String {
    let all = units(all);
    match guess {
        Some(guess) => {
            format!("there is no unit `{unit}`: did you mean `{guess}`? Units are {all}")
        }
        None => format!("there is no unit `{unit}`: units are {all}"),
    }
}

/// The unit somebody means by a longer or larger word.
fn time_unit(unit: &str) -> Option<&'static str> {
    Some(match unit.to_lowercase().as_str() {
        "d" | "day" | "days" | "w" | "week" | "weeks" => "d",
        "h" | "hr" | "hrs" | "hour" | "hours" => "h",
        "m" | "min" | "mins" | "minute" | "minutes" => "m",
        "s" | "sec" | "secs" | "second" | "seconds" => "s",
        "ms" | "msec" | "millis" | "millisecond" | "milliseconds" => "ms",
        "us" | "µs" | "μs" | "usec" | "micros" | "microsecond" | "microseconds" => "us",
        "ns" | "nsec" | "nanos" | "nanosecond" | "nanoseconds" => "ns",
        _ => return None,
    })
}

fn byte_unit(unit: &str) -> Option<&'static str> {
    let folded = unit.to_lowercase();
    Some(match folded.as_str() {
        "b" | "byte" | "bytes" => "B",
        "k" | "kb" => "KB",
        "m" | "mb" => "MB",
        "g" | "gb" | "t" | "tb" => "GB",
        "ki" | "kib" => "KiB",
        "mi" | "mib" => "MiB",
        "gi" | "gib" | "ti" | "tib" => "GiB",
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn duration(text: &str) -> Result<Duration, String> {
        super::duration(text, &Bounds { zero: "zero", endless: "endless" })
    }

    #[test]
    fn durations_add_up() {
        for (text, nanos) in [
            ("1ns", 1),
            ("250ms", 250_000_000),
            ("1h 30m", 5_400_000_000_000),
            ("1h30m", 5_400_000_000_000),
            (" 1 d 2 h ", 93_600_000_000_000),
            ("90m", 5_400_000_000_000),
            ("1s1ms1us1ns", 1_001_001_001),
            ("007s", 7_000_000_000),
            ("0h 1s", 1_000_000_000),
        ] {
            assert_eq!(duration(text).map(|d| d.as_nanos()), Ok(nanos), "{text}");
        }
        assert_eq!(duration("18446744073709551615s"), Ok(Duration::from_secs(u64::MAX)));
    }

    #[test]
    fn what_is_no_duration_says_why() {
        for (text, why) in [
            ("", "is missing"),
            ("30", "has no unit: write \"30s\""),
            ("1h 30", "has no unit: write \"30s\""),
            ("1w", "did you mean `d`"),
            ("5min", "did you mean `m`"),
            ("5µs", "did you mean `us`"),
            ("5 fortnights", "no unit `fortnights`"),
            ("30m 1h", "`m` stands before `h`"),
            ("1h 1h", "there twice"),
            ("1.5h", "no fraction"),
            ("-1h", "no sign"),
            ("1h -5m", "no sign"),
            ("0s", "zero"),
            ("0h 0m", "zero"),
            ("soon", "`soon` is no duration"),
            ("1h, 30m", "no unit `h,`"),
            ("18446744073709551616s", "endless"),
            ("9999999999999999999999999999999999999999d", "endless"),
            ("１h", "`１h` is no duration"),
        ] {
            let text_of = duration(text).expect_err(text);
            assert!(text_of.contains(why), "{text}: {text_of}");
        }
    }

    #[test]
    fn bytes_by_the_unit() {
        for (text, count) in [
            ("1B", 1),
            ("1KB", 1_000),
            ("1KiB", 1_024),
            ("64MiB", 67_108_864),
            ("2 GB", 2_000_000_000),
            (" 1GiB ", 1 << 30),
            ("18446744073709551615B", u64::MAX),
        ] {
            assert_eq!(bytes(text), Ok(count), "{text}");
        }
    }

    #[test]
    fn short_numbers_are_written_out() {
        for (text, count) in [
            ("10k", Some(("10_000", "10KB"))),
            (" 5 M ", Some(("5_000_000", "5 MB"))),
            ("1500K", Some(("1_500_000", "1500KB"))),
            ("2g", Some(("2_000_000_000", "2GB"))),
            ("0k", None),
            ("10kb", None),
            ("10", None),
            ("k", None),
            ("18446744073709551615k", None),
        ] {
            let count = count.map(|(count, bytes)| (count.to_owned(), bytes.to_owned()));
            assert_eq!(shortened(text), count, "{text}");
        }
    }

    #[test]
    fn what_is_no_number_of_bytes_says_why() {
        for (text, why) in [
            ("", "is no number of bytes"),
            ("MiB", "is no number of bytes"),
            ("64", "write \"64B\""),
            ("64mb", "did you mean `MB`"),
            ("64Mi", "did you mean `MiB`"),
            ("1TB", "did you mean `GB`"),
            ("5 apples", "no unit `apples`"),
            ("1.5GiB", "whole"),
            ("-1B", "no sign"),
            ("0KB", "at least one byte"),
            ("1MiB 5KiB", "more than one number"),
            ("18446744073709551616B", "more than 2^64"),
            ("18446744073709551615KB", "more than 2^64"),
        ] {
            let text_of = bytes(text).expect_err(text);
            assert!(text_of.contains(why), "{text}: {text_of}");
        }
    }

    #[test]
    fn names_are_tokens_joined_by_dots() {
        for good in ["a", "orders", "a.b-c_D.9", &"x".repeat(200)] {
            assert_eq!(name(good), Ok(()), "{good}");
        }
        for (bad, why) in [
            ("", "at least one letter"),
            ("a/b", "such as \"a.b\""),
            ("a b", "such as \"a-b\""),
            ("a*", "`*` is no part"),
            ("a.>", "`>` is no part"),
            ("bücher", "cannot hold 'ü'"),
            ("a..b", ": \"a.b\""),
            (".a", ": \"a\""),
            (".", "not first, last or twice"),
            ("/", "and `.`"),
        ] {
            let text = name(bad).expect_err(bad);
            assert!(text.contains(why), "{bad}: {text}");
        }
        assert!(name(&"x".repeat(201)).expect_err("too long").contains("at most 200 bytes"));
    }
}
