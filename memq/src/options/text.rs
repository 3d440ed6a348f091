//! Options that are written as words, as in a program's configuration.

use std::fmt;
use std::str::FromStr;

use thiserror::Error;

use super::{Compression, Format, Overflow, Retain};

/// Characters of a refused text that its error keeps: what is longer was never meant as a word.
const SHOWN: usize = 40;

/// Text that is no value of an option. It says which words are.
///
/// ```
/// use memq::Overflow;
///
/// assert_eq!("wait".parse(), Ok(Overflow::Wait));
///
/// let error = "drop".parse::<Overflow>().unwrap_err();
/// assert_eq!(error.to_string(), r#"overflow "drop" is not known: say DropOldest, Reject or Wait"#);
/// ```
#[derive(Clone, Debug, Error, PartialEq, Eq)]
#[error("{option} {given:?}{} is not known: say {}", if *cut { "…" } else { "" }, either(words))]
pub struct ParseOptionError {
    /// The option, as a field of [`TopicOptions`](crate::TopicOptions).
    option: &'static str,
    /// The beginning of the text as given.
    given: String,
    /// Whether there was more of it.
    cut: bool,
    words: &'static [&'static str],
}

impl ParseOptionError {
    fn new(option: &'static str, text: &str, words: &'static [&'static str]) -> Self {
        let mut rest = text.chars();
        let given = rest.by_ref().take(SHOWN).collect();
        Self { option, given, cut: rest.next().is_some(), words }
    }
}

/// These words as a choice.
fn either(words: &[&str]) -> String {
    match words {
        [first @ .., last] if !first.is_empty() => format!("{} or {last}", first.join(", ")),
        words => words.concat(),
    }
}

/// Options, what they are called, and all their values: first those that are offered, then those that memq
/// knows when it sees them, and no topic can be told. One that is left out does not compile.
macro_rules! words {
    ($($option:ident, $name:literal: $($offered:ident)+ $(, $known:ident)?;)+) => {$(
        /// The name of the value, which can be [parsed](str::parse).
        impl fmt::Display for $option {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(self.word())
            }
        }

        impl $option {
            const fn word(self) -> &'static str {
                match self {
                    $(Self::$offered => stringify!($offered),)+
                    $(Self::$known => stringify!($known),)?
                }
            }
        }

        /// The name of a value, as `Display` writes it, in capitals or not. Whether this build has it is
        /// found out where it is used.
        ///
        /// # Errors
        ///
        /// Where it is no name of a value.
        impl FromStr for $option {
            type Err = ParseOptionError;

            fn from_str(text: &str) -> Result<Self, ParseOptionError> {
                for value in [$(Self::$offered,)+ $(Self::$known)?] {
                    if text.eq_ignore_ascii_case(value.word()) {
                        return Ok(value);
                    }
                }
                Err(ParseOptionError::new($name, text, &[$(stringify!($offered)),+]))
            }
        }
    )+};
}

words! {
    Format, "format": Bincode Json MessagePack Native Postcard Raw Custom, Cbor;
    Compression, "compression": None Gzip Zstd, Lz4;
    Overflow, "overflow": DropOldest Reject Wait;
    Retain, "retain": WithinLimits UntilConsumed;
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refusal<O: FromStr<Err = ParseOptionError>>(text: &str) -> String {
        text.parse::<O>().err().unwrap().to_string()
    }

    /// Each is read from what it prints, in capitals or not.
    fn round<O>(values: impl IntoIterator<Item = O>)
    where
        O: FromStr<Err = ParseOptionError> + fmt::Display + fmt::Debug + PartialEq,
    {
        for value in values {
            let text = value.to_string();
            assert_eq!(text, format!("{value:?}"));
            for text in [&text, &text.to_lowercase(), &text.to_uppercase()] {
                assert_eq!(text.parse().as_ref(), Ok(&value));
            }
        }
    }

    #[test]
    fn what_an_option_prints_is_read() {
        round((0..=u8::MAX).filter_map(Format::from_code));
        round((0..=u8::MAX).filter_map(Compression::from_code));
        round([Overflow::DropOldest, Overflow::Reject, Overflow::Wait]);
        round([Retain::WithinLimits, Retain::UntilConsumed]);
    }

    #[test]
    fn what_is_like_a_word_is_none() {
        for text in
            ["", " ", "Wait ", " Wait", "Wait\n", "\"Wait\"", "Drop", "Drop_Oldest", "drop-oldest"]
        {
            assert!(text.parse::<Overflow>().is_err(), "{text:?}");
        }
        // A long s, whose capital is an S, and a sign for kelvin, whose small letter is a k.
        for text in ["Meſſagepack", "messagepac\u{212a}", "msgpack", "1", "Json5"] {
            assert!(text.parse::<Format>().is_err(), "{text:?}");
        }
        // Words of another option.
        assert!("None".parse::<Format>().is_err());
        assert!("Wait".parse::<Retain>().is_err());
    }

    #[test]
    fn an_error_says_what_there_is() {
        assert_eq!(
            refusal::<Retain>("forever"),
            r#"retain "forever" is not known: say WithinLimits or UntilConsumed"#
        );
        assert_eq!(
            refusal::<Compression>("a \"b\"\n\u{202e}"),
            r#"compression "a \"b\"\n\u{202e}" is not known: say None, Gzip or Zstd"#
        );
        for (text, error) in [
            ("x".repeat(40), format!(r#"retain "{}" is"#, "x".repeat(40))),
            ("ä".repeat(41), format!(r#"retain "{}"… is"#, "ä".repeat(40))),
            ("y".repeat(1 << 20), format!(r#"retain "{}"… is"#, "y".repeat(40))),
        ] {
            assert!(refusal::<Retain>(&text).starts_with(&error));
        }
    }
}
