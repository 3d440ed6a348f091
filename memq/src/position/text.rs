//! Times that are written as text.

use std::str::FromStr;

use thiserror::Error;

use super::Timestamp;

/// Text that is no time.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
#[error("timestamp {text:?} {}", fault.say())]
pub struct TimestampError {
    /// The text as given.
    text: String,
    fault: Fault,
}

/// What is wrong with it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fault {
    Form,
    Month,
    Day,
    Hour,
    Minute,
    Second,
    Offset,
    Range,
}

impl Fault {
    fn say(self) -> &'static str {
        match self {
            Self::Form => {
                "is not like 2026-01-31T09:30:00Z: after the seconds there may be a dot with 1 to 9 digits, and in place of Z an offset like +02:00"
            }
            Self::Month => "has no such month: use 01 to 12",
            Self::Day => "has a day that is not in its month",
            Self::Hour => "has no such hour: use 00 to 23",
            Self::Minute => "has no such minute: use 00 to 59",
            Self::Second => "has no such second: use 00 to 59, and 59 for a leap second",
            Self::Offset => "has no such offset: use up to 23:59",
            Self::Range => {
                "is out of range: use 1970-01-01T00:00:00Z to 2554-07-21T23:34:33.709551615Z"
            }
        }
    }
}

/// RFC 3339, in UTC or with an offset, and with up to nine digits of a second: what `Display` writes, and
/// what other programs do.
///
/// ```
/// use memq::Timestamp;
///
/// let time: Timestamp = "2026-01-31T11:30:00.25+02:00".parse()?;
/// assert_eq!(time, "2026-01-31T09:30:00.250Z".parse()?);
/// assert_eq!(time.to_string().parse(), Ok(time));
///
/// let error = "2026-02-30T00:00:00Z".parse::<Timestamp>().unwrap_err();
/// assert_eq!(
///     error.to_string(),
///     r#"timestamp "2026-02-30T00:00:00Z" has a day that is not in its month"#
/// );
/// # Ok::<(), memq::TimestampError>(())
/// ```
///
/// # Errors
///
/// Where it is written otherwise, names no time, or one that a [`Timestamp`] cannot be.
impl FromStr for Timestamp {
    type Err = TimestampError;

    fn from_str(text: &str) -> Result<Self, TimestampError> {
        read(text.as_bytes()).map_err(|fault| TimestampError { text: text.into(), fault })
    }
}

fn read(text: &[u8]) -> Result<Timestamp, Fault> {
    let (moment, rest) = text.split_at_checked(19).ok_or(Fault::Form)?;
    let signs = [(4, b'-'), (7, b'-'), (10, b'T'), (13, b':'), (16, b':')];
    if signs.iter().any(|(at, sign)| moment[*at].to_ascii_uppercase() != *sign) {
        return Err(Fault::Form);
    }
    let (year, month, day) =
        (number(&moment[..4])?, number(&moment[5..7])?, number(&moment[8..10])?);
    let hour = number(&moment[11..13])?;
    let (minute, second) = (number(&moment[14..16])?, number(&moment[17..])?);
    let (nanos, offset) = fraction(rest)?;
    let offset = seconds_ahead(offset)?;

    let seconds = days(year, month, day)? * 86_400
        + within(hour, 23, Fault::Hour)? * 3_600
        + within(minute, 59, Fault::Minute)? * 60
        + within(second, 59, Fault::Second)?
        - offset;
    let whole = u64::try_from(seconds).ok().and_then(|whole| whole.checked_mul(1_000_000_000));
    let nanos = whole.and_then(|whole| whole.checked_add_signed(nanos));
    nanos.map(Timestamp::from_nanos).ok_or(Fault::Range)
}

/// The nanoseconds behind the second, and what follows them.
fn fraction(rest: &[u8]) -> Result<(i64, &[u8]), Fault> {
    let Some(rest) = rest.strip_prefix(b".") else { return Ok((0, rest)) };
    let digits = rest.iter().take_while(|byte| byte.is_ascii_digit()).count();
    let (fraction, rest) = rest.split_at(digits);
    match digits {
        1..=9 => Ok((number(fraction)? * 10_i64.pow(9 - digits as u32), rest)),
        _ => Err(Fault::Form),
    }
}

/// How far clocks with this offset are ahead of UTC.
fn seconds_ahead(offset: &[u8]) -> Result<i64, Fault> {
    let &[sign, ten_hours, hours, b':', ten_minutes, minutes] = offset else {
        return if matches!(offset, b"Z" | b"z") { Ok(0) } else { Err(Fault::Form) };
    };
    let hours = within(number(&[ten_hours, hours])?, 23, Fault::Offset)?;
    let minutes = within(number(&[ten_minutes, minutes])?, 59, Fault::Offset)?;
    match sign {
        b'+' => Ok(hours * 3_600 + minutes * 60),
        b'-' => Ok(-(hours * 3_600 + minutes * 60)),
        _ => Err(Fault::Form),
    }
}

/// Days from 1970-01-01 to this day of the Gregorian calendar; some negative number before.
fn days(year: i64, month: i64, day: i64) -> Result<i64, Fault> {
    let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    let months = [31, 28 + i64::from(leap), 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];
    let before = usize::try_from(month - 1).map_err(|_| Fault::Month)?;
    let length = *months.get(before).ok_or(Fault::Month)?;
    if day == 0 || day > length {
        return Err(Fault::Day);
    }
    // Those of whole years from the year 1 on, of which 719,162 are before 1970.
    let years = year - 1;
    let whole = years * 365 + years / 4 - years / 100 + years / 400 - 719_162;
    Ok(whole + months[..before].iter().sum::<i64>() + day - 1)
}

fn within(value: i64, most: i64, fault: Fault) -> Result<i64, Fault> {
    if value <= most { Ok(value) } else { Err(fault) }
}

/// At most nine digits, and nothing else.
fn number(digits: &[u8]) -> Result<i64, Fault> {
    digits.iter().try_fold(0, |number, digit| match digit {
        b'0'..=b'9' => Ok(number * 10 + i64::from(digit - b'0')),
        _ => Err(Fault::Form),
    })
}

#[cfg(test)]
mod tests {
    use std::time::SystemTime;

    use proptest::prelude::*;

    use super::*;

    fn fault(text: &str) -> Option<Fault> {
        text.parse::<Timestamp>().err().map(|error| error.fault)
    }

    #[test]
    fn what_is_no_time_is_refused() {
        for (text, why) in [
            ("", Fault::Form),
            ("2026-01-31", Fault::Form),
            ("2026-01-31T09:30:00", Fault::Form),
            ("2026-01-31 09:30:00Z", Fault::Form),
            ("2026-1-31T09:30:00Z", Fault::Form),
            ("2026-01-31T09:30Z", Fault::Form),
            (" 2026-01-31T09:30:00Z", Fault::Form),
            ("2026-01-31T09:30:00Z ", Fault::Form),
            ("2026-01-31T09:30:00ZZ", Fault::Form),
            ("2026-01-31T09:30:00.Z", Fault::Form),
            ("2026-01-31T09:30:00.1234567890Z", Fault::Form),
            ("2026-01-31T09:30:00,5Z", Fault::Form),
            ("2026-01-31T09:30:00+0200", Fault::Form),
            ("2026-01-31T09:30:00+02", Fault::Form),
            ("2026-01-31T09:30:00 02:00", Fault::Form),
            ("2026-01-31T09:30:00+02:00Z", Fault::Form),
            ("+026-01-31T09:30:00Z", Fault::Form),
            ("2026-01-31T+9:30:00Z", Fault::Form),
            ("٢026-01-31T09:30:00Z", Fault::Form),
            ("12026-01-31T09:30:00Z", Fault::Form),
            ("2026-00-31T09:30:00Z", Fault::Month),
            ("2026-13-01T09:30:00Z", Fault::Month),
            ("2026-01-00T09:30:00Z", Fault::Day),
            ("2026-01-32T09:30:00Z", Fault::Day),
            ("2026-02-29T09:30:00Z", Fault::Day),
            ("2028-02-30T09:30:00Z", Fault::Day),
            ("2100-02-29T09:30:00Z", Fault::Day),
            ("2026-04-31T09:30:00Z", Fault::Day),
            ("2026-01-31T24:00:00Z", Fault::Hour),
            ("2026-01-31T09:60:00Z", Fault::Minute),
            ("2016-12-31T23:59:60Z", Fault::Second),
            ("2026-01-31T09:30:00+24:00", Fault::Offset),
            ("2026-01-31T09:30:00-01:60", Fault::Offset),
            ("0000-01-01T00:00:00Z", Fault::Range),
            ("1969-12-31T23:59:59.999999999Z", Fault::Range),
            ("1970-01-01T00:00:00+00:01", Fault::Range),
            ("2554-07-21T23:34:33.709551616Z", Fault::Range),
            ("9999-12-31T23:59:59Z", Fault::Range),
        ] {
            assert_eq!(fault(text), Some(why), "{text}");
        }
    }

    #[test]
    fn a_time_is_read_in_every_way_of_writing_it() {
        let same = |texts: &[&str], nanos: u64| {
            for text in texts {
                assert_eq!(text.parse(), Ok(Timestamp::from_nanos(nanos)), "{text}");
            }
        };
        same(
            &["1970-01-01T00:00:00Z", "1969-12-31T22:30:00-01:30", "1970-01-01T00:00:00-00:00"],
            0,
        );
        same(&["2000-02-29t23:59:59z", "2000-03-01T01:59:59+02:00"], 951_868_799_000_000_000);
        same(&["1970-01-01T00:00:00.5Z", "1970-01-01T00:00:00.500000000Z"], 500_000_000);
        same(&["2554-07-21T23:34:33.709551615Z", "2554-07-22T23:33:33.709551615+23:59"], u64::MAX);
    }

    #[test]
    fn an_error_says_what_to_write() {
        let error = "yesterday".parse::<Timestamp>().unwrap_err().to_string();
        assert!(error.starts_with(r#"timestamp "yesterday" is not like 2026-01-31T09:30:00Z"#));
    }

    proptest! {
        #[test]
        fn what_is_written_is_read(nanos in any::<u64>()) {
            let time = Timestamp::from_nanos(nanos);
            prop_assert_eq!(time.to_string().parse(), Ok(time));
        }

        #[test]
        fn an_offset_moves_it(nanos in 86_400_000_000_000..=u64::MAX, ahead in 0_u64..1_440) {
            // The text says UTC, and is a time of day elsewhere.
            let text = Timestamp::from_nanos(nanos).to_string();
            let text = text.strip_suffix('Z').unwrap();
            let east = format!("{text}+{:02}:{:02}", ahead / 60, ahead % 60);
            let by = ahead * 60_000_000_000;
            prop_assert_eq!(east.parse(), Ok(Timestamp::from_nanos(nanos - by)));
            let west = format!("{text}-{:02}:{:02}", ahead / 60, ahead % 60);
            let moved = nanos.checked_add(by).map(Timestamp::from_nanos);
            prop_assert_eq!(west.parse::<Timestamp>().ok(), moved);
        }

        /// Another reader of the same texts, which takes leap seconds and later years besides.
        #[test]
        fn days_that_there_are_and_no_others_are_read(
            (year, month, day) in (1969..2554, 0..15, 0..34),
            (hour, minute, second) in (0..26, 0..62, 0..60),
        ) {
            let text = format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}Z");
            let other = humantime::parse_rfc3339(&text).ok();
            let own = text.parse::<Timestamp>().ok().map(SystemTime::from);
            prop_assert_eq!(own, other);
        }

        #[test]
        fn whatever_it_is_there_is_an_answer(text in "\\PC*|[-0-9TZ:.+]{15,40}") {
            if let Ok(time) = text.parse::<Timestamp>() {
                prop_assert_eq!(time.to_string().parse(), Ok(time));
            }
        }
    }
}
