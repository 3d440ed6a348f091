//! Options that are written as words, as in a program's configuration.

use std::fmt;
use std::str::FromStr;

use thiserror::Error;

use super::{Compression, Format, Overflow, Retain};

/// Characters of a refused text that its error keeps: what is longer was never meant as a word.
const SHOWN: usize = 40;

/// Text that is no value of an option, or one that this build does not have.
///
/// Its text says which words there are in this build.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
#[error("{option} {given:?}{} {}", if *cut { "…" } else { "" }, fault.say(words))]
pub struct ParseOptionError {
    /// The option, as a field of [`TopicOptions`](crate::TopicOptions).
    option: &'static str,
    /// The beginning of the text as given.
    given: String,
    /// Whether there was more of it.
    cut: bool,
    fault: Fault,
    /// What this build reads.
    words: Vec<&'static str>,
}

/// What is wrong with a text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fault {
    /// There is no such word.
    Unknown,
    /// This build lacks what the word takes.
    Lacking(Lack),
}

/// What it would take to have a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Lack {
    /// This cargo feature of memq.
    Feature(&'static str),
    /// A codec or a compression that memq does not have: it knows such bytes when it sees them.
    Support,
}

impl Fault {
    fn say(self, words: &[&str]) -> String {
        let words = either(words);
        match self {
            Self::Unknown => format!("is not known: this build reads {words}"),
            Self::Lacking(Lack::Feature(feature)) => {
                format!("is not available: build memq with feature `{feature}`, or use {words}")
            }
            Self::Lacking(Lack::Support) => {
                format!("is not available: memq only recognises it: use {words}")
            }
        }
    }
}

/// These words as a choice.
fn either(words: &[&str]) -> String {
    match words {
        [] => String::new(),
        [word] => (*word).to_owned(),
        [first @ .., last] => format!("{} or {last}", first.join(", ")),
    }
}

/// An option whose values are words.
trait Words: Copy + 'static {
    /// What it is called.
    const OPTION: &'static str;
    /// All values, also those that this build does not have.
    const ALL: &'static [Self];

    fn word(self) -> &'static str;

    /// Why this build does not have the value, if it does not.
    fn lack(self) -> Option<Lack> {
        None
    }
}

/// The values of an option, each under its own name. One that is left out does not compile.
macro_rules! values {
    ($($value:ident)+) => {
        const ALL: &'static [Self] = &[$(Self::$value),+];

        fn word(self) -> &'static str {
            match self {
                $(Self::$value => stringify!($value)),+
            }
        }
    };
}

impl Words for Format {
    const OPTION: &'static str = "format";
    values!(Bincode Json MessagePack Native Postcard Cbor Raw Custom);

    fn lack(self) -> Option<Lack> {
        let (here, feature) = match self {
            Self::Bincode => (cfg!(feature = "bincode"), "bincode"),
            Self::Json => (cfg!(feature = "json"), "json"),
            Self::MessagePack => (cfg!(feature = "messagepack"), "messagepack"),
            Self::Postcard => (cfg!(feature = "postcard"), "postcard"),
            Self::Cbor => return Some(Lack::Support),
            Self::Native | Self::Raw | Self::Custom => return None,
        };
        (!here).then_some(Lack::Feature(feature))
    }
}

impl Words for Compression {
    const OPTION: &'static str = "compression";
    values!(None Gzip Zstd Lz4);

    fn lack(self) -> Option<Lack> {
        let lack = match self {
            Self::None => return None,
            Self::Gzip => Lack::Feature("gzip"),
            Self::Zstd => Lack::Feature("zstd"),
            Self::Lz4 => Lack::Support,
        };
        (!self.is_available()).then_some(lack)
    }
}

impl Words for Overflow {
    const OPTION: &'static str = "overflow";
    values!(DropOldest Reject Wait);
}

impl Words for Retain {
    const OPTION: &'static str = "retain";
    values!(WithinLimits UntilConsumed);
}

/// What is printed is what is read.
macro_rules! printed {
    ($($of:ident)+) => {$(
        /// The name of the value, which can be [parsed](str::parse).
        impl fmt::Display for $of {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(self.word())
            }
        }
    )+};
}

printed!(Format Compression Overflow Retain);

/// The value of this name, in capitals or not.
fn read<O: Words>(text: &str) -> Result<O, ParseOptionError> {
    let value = O::ALL.iter().copied().find(|value| value.word().eq_ignore_ascii_case(text));
    let fault = match value {
        Some(value) => match value.lack() {
            None => return Ok(value),
            Some(lack) => Fault::Lacking(lack),
        },
        None => Fault::Unknown,
    };
    let mut rest = text.chars();
    let given = rest.by_ref().take(SHOWN).collect();
    let here = O::ALL.iter().filter(|value| value.lack().is_none());
    Err(ParseOptionError {
        option: O::OPTION,
        given,
        cut: rest.next().is_some(),
        fault,
        words: here.map(|value| value.word()).collect(),
    })
}

/// The name of the format, as `Display` writes it, in capitals or not: `MessagePack`, `messagepack`.
///
/// ```
/// use memq::Format;
///
/// assert_eq!("raw".parse(), Ok(Format::Raw));
/// # #[cfg(feature = "json")]
/// assert_eq!(Format::Json.to_string().parse(), Ok(Format::Json));
///
/// let error = "cbor".parse::<Format>().unwrap_err().to_string();
/// assert!(error.starts_with(r#"format "cbor" is not available: memq only recognises it: use "#));
/// # Ok::<(), memq::ParseOptionError>(())
/// ```
///
/// # Errors
///
/// Where it is no name of a format, where the format's feature is off, and for
/// [`Cbor`](Format::Cbor), which no build writes.
impl FromStr for Format {
    type Err = ParseOptionError;

    fn from_str(text: &str) -> Result<Self, ParseOptionError> {
        read(text)
    }
}

/// The name of the compression, as `Display` writes it, in capitals or not: `Zstd`, `zstd`.
///
/// ```
/// use memq::Compression;
///
/// assert_eq!("none".parse(), Ok(Compression::None));
/// # #[cfg(feature = "gzip")]
/// assert_eq!(Compression::Gzip.to_string().parse(), Ok(Compression::Gzip));
/// assert!("best".parse::<Compression>().is_err());
/// ```
///
/// # Errors
///
/// Where it is no name of a compression, and where this build
/// [does not have](Compression::is_available) it.
impl FromStr for Compression {
    type Err = ParseOptionError;

    fn from_str(text: &str) -> Result<Self, ParseOptionError> {
        read(text)
    }
}

/// The name of the value, as `Display` writes it, in capitals or not: `DropOldest`, `dropoldest`.
///
/// ```
/// use memq::Overflow;
///
/// let overflow: Overflow = "wait".parse()?;
/// assert_eq!(overflow, Overflow::Wait);
///
/// let error = "drop".parse::<Overflow>().unwrap_err();
/// assert_eq!(
///     error.to_string(),
///     r#"overflow "drop" is not known: this build reads DropOldest, Reject or Wait"#
/// );
/// # Ok::<(), memq::ParseOptionError>(())
/// ```
///
/// # Errors
///
/// Where it is no name of a value.
impl FromStr for Overflow {
    type Err = ParseOptionError;

    fn from_str(text: &str) -> Result<Self, ParseOptionError> {
        read(text)
    }
}

/// The name of the value, as `Display` writes it, in capitals or not: `UntilConsumed`, `untilconsumed`.
///
/// ```
/// use memq::Retain;
///
/// assert_eq!("UntilConsumed".parse(), Ok(Retain::UntilConsumed));
/// assert!("forever".parse::<Retain>().is_err());
/// ```
///
/// # Errors
///
/// Where it is no name of a value.
impl FromStr for Retain {
    type Err = ParseOptionError;

    fn from_str(text: &str) -> Result<Self, ParseOptionError> {
        read(text)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn refusal<O: FromStr<Err = ParseOptionError>>(text: &str) -> String {
        text.parse::<O>().err().unwrap().to_string()
    }

    /// Every value this build has is read from what it prints, in capitals or not; no other is.
    fn round<O>()
    where
        O: Words + FromStr<Err = ParseOptionError> + fmt::Display + fmt::Debug + PartialEq,
    {
        for value in O::ALL {
            let text = value.to_string();
            assert_eq!(text, format!("{value:?}"));
            for text in [&text, &text.to_lowercase(), &text.to_uppercase()] {
                match value.lack() {
                    None => assert_eq!(text.parse().as_ref(), Ok(value)),
                    Some(lack) => {
                        let error = text.parse::<O>().unwrap_err();
                        assert_eq!(error.fault, Fault::Lacking(lack), "{text}");
                    }
                }
            }
        }
    }

    #[test]
    fn what_an_option_prints_is_read() {
        round::<Format>();
        round::<Compression>();
        round::<Overflow>();
        round::<Retain>();
    }

    #[test]
    fn every_code_has_a_word() {
        let formats = (0..=u8::MAX).filter_map(Format::from_code);
        assert_eq!(formats.count(), Format::ALL.len());
        let compressions = (0..=u8::MAX).filter_map(Compression::from_code);
        assert_eq!(compressions.count(), Compression::ALL.len());
    }

    #[test]
    fn a_compression_is_read_where_it_is_available() {
        for compression in Compression::ALL {
            let read = compression.to_string().parse::<Compression>();
            assert_eq!(read.is_ok(), compression.is_available());
        }
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
            r#"retain "forever" is not known: this build reads WithinLimits or UntilConsumed"#
        );
        assert_eq!(
            refusal::<Overflow>("a \"b\"\n\u{202e}"),
            r#"overflow "a \"b\"\n\u{202e}" is not known: this build reads DropOldest, Reject or Wait"#
        );
        for (text, error) in [
            ("x".repeat(40), format!(r#"retain "{}" is"#, "x".repeat(40))),
            ("ä".repeat(41), format!(r#"retain "{}"… is"#, "ä".repeat(40))),
            ("y".repeat(1 << 20), format!(r#"retain "{}"… is"#, "y".repeat(40))),
        ] {
            assert!(refusal::<Retain>(&text).starts_with(&error));
        }
    }

    #[test]
    #[cfg(all(
        feature = "json",
        feature = "messagepack",
        feature = "bincode",
        feature = "postcard",
        feature = "gzip",
        feature = "zstd"
    ))]
    fn what_no_build_has_is_not_offered() {
        assert_eq!(
            refusal::<Format>("yaml"),
            r#"format "yaml" is not known: this build reads Bincode, Json, MessagePack, Native, Postcard, Raw or Custom"#
        );
        assert_eq!(
            refusal::<Format>("CBOR"),
            r#"format "CBOR" is not available: memq only recognises it: use Bincode, Json, MessagePack, Native, Postcard, Raw or Custom"#
        );
        assert_eq!(
            refusal::<Compression>("lz4"),
            r#"compression "lz4" is not available: memq only recognises it: use None, Gzip or Zstd"#
        );
    }

    #[test]
    #[cfg(not(any(feature = "serde", feature = "gzip", feature = "zstd")))]
    fn what_takes_a_feature_says_which() {
        for (word, feature) in [
            ("Json", "json"),
            ("MessagePack", "messagepack"),
            ("Bincode", "bincode"),
            ("Postcard", "postcard"),
        ] {
            assert_eq!(
                refusal::<Format>(word),
                format!(
                    "format {word:?} is not available: build memq with feature `{feature}`, or use Native, Raw or Custom"
                )
            );
        }
        for (word, feature) in [("gzip", "gzip"), ("ZSTD", "zstd")] {
            assert_eq!(
                refusal::<Compression>(word),
                format!(
                    "compression {word:?} is not available: build memq with feature `{feature}`, or use None"
                )
            );
        }
    }

    proptest! {
        #[test]
        fn whatever_it_is_there_is_an_answer(text in "\\PC*|(?i)(json|gzip|wait|cbor|none)") {
            for error in [
                text.parse::<Format>().err(),
                text.parse::<Compression>().err(),
                text.parse::<Overflow>().err(),
                text.parse::<Retain>().err(),
            ].into_iter().flatten() {
                let error = error.to_string();
                prop_assert!(error.len() < 1_000, "{error}");
            }
            for format in Format::ALL {
                if text.parse::<Format>().as_ref() == Ok(format) {
                    prop_assert!(format.to_string().eq_ignore_ascii_case(&text));
                }
            }
        }
    }
}
