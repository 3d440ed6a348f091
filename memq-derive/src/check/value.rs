//! The values of the options, one function each: what it makes of the value, or a mistake.
//! None of them knows another option.

use std::time::Duration;

use proc_macro2::{Ident, TokenStream, TokenTree};
use syn::{Lit, LitInt};

use crate::attr::Value;
use crate::literal;
use crate::mistake::{Mistakes, quote_token};
use crate::model::{Codec, Features, Limit, Name};
use crate::suggest::{FORMATS, OVERFLOWS, RETAINS, Vocabulary};

/// `name = "orders"` or `name = ORDERS`.
pub(super) fn name(value: &Value, mistakes: &mut Mistakes) -> Option<Name> {
    let text = match value.first() {
        Value::Literal(Lit::Str(text)) => match literal::name(&text.value()) {
            Ok(()) => return Some(Name::Literal(text.clone())),
            Err(wrong) => wrong,
        },
        Value::Literal(Lit::Int(number)) => {
            format!("a topic name is text: `name = \"{}\"`", number.base10_digits())
        }
        // Constants are in capitals; a word in small letters is a name without its quotes.
        Value::Word(word) => {
            let word = word.to_string();
            if word == "Self" || !word.chars().any(char::is_lowercase) {
                return Some(Name::Path(value_tokens(value)));
            }
            format!("a topic name stands in quotes: `name = \"{word}\"`")
        }
        Value::Path(tokens) => {
            let path = value_tokens(value);
            if syn::parse2::<syn::ExprPath>(path.clone()).is_ok() {
                return Some(Name::Path(path));
            }
            let spelled: String = tokens.iter().map(quote_token).collect();
            match literal::name(&spelled) {
                Ok(()) => format!("a topic name stands in quotes: `name = \"{spelled}\"`"),
                Err(_) => NAME.into(),
            }
        }
        _ => NAME.into(),
    };
    mistakes.at(value.span(), text);
    None
}

const NAME: &str = "a topic name is text or the path of a constant: `name = \"orders\"` or \
                    `name = ORDERS`";

/// `format = Json`.
pub(super) fn format(value: &Value, features: Features, mistakes: &mut Mistakes) -> Option<Codec> {
    if let Value::Word(word) = value.first() {
        let text = match word.to_string().to_lowercase().as_str() {
            "cbor" => Some(
                "memq recognises CBOR in bytes from elsewhere, but does not write it: use \
                 `MessagePack`, or a codec of your own with `codec = path`",
            ),
            "raw" | "bytes" => Some(
                "bytes that say nothing about their format need no type: publish them through \
                 `broker.topic(\"…\")`, or write a codec and name it with `codec = path`",
            ),
            "custom" => Some("a codec of your own is named by its path: `codec = path`"),
            _ => None,
        };
        if let Some(text) = text {
            mistakes.at(word.span(), text);
            return None;
        }
    }
    let foreign = last_word(value).is_none_or(|word| FORMATS.example(&word).is_none());
    if matches!(value.first(), Value::Path(_)) && foreign {
        mistakes.at(
            value.span(),
            "a format is one word, such as `Json`: for a codec of your own write `codec = path`",
        );
        return None;
    }
    let word = one_of(value, &FORMATS, mistakes)?;
    available(&word, "format", features, mistakes)?;
    Some(Codec::Builtin(word))
}

/// An option whose value is a duration.
struct Time {
    option: &'static str,
    example: &'static str,
    bounds: literal::Bounds,
    /// The remedy for `None`.
    none: &'static str,
}

/// `ttl = "1h 30m"`.
pub(super) fn ttl(value: &Value, mistakes: &mut Mistakes) -> Option<Duration> {
    const TTL: Time = Time {
        option: "ttl",
        example: "1h 30m",
        bounds: literal::Bounds {
            zero: "a message lives longer than zero: leave `ttl` out to keep it while there is \
                   room",
            endless: "this is longer than 2^64 seconds: leave `ttl` out to keep messages for ever",
        },
        none: "leave `ttl` out to keep messages while there is room",
    };
    time(value, &TTL, mistakes)
}

/// `dedup = "2m"`.
pub(super) fn dedup(value: &Value, mistakes: &mut Mistakes) -> Option<Duration> {
    const DEDUP: Time = Time {
        option: "dedup",
        example: "2m",
        bounds: literal::Bounds {
            zero: "ids are remembered for longer than zero: leave `dedup` out to remember none",
            endless: "this is longer than 2^64 seconds: take a shorter time, such as \
                      `dedup = \"2m\"`",
        },
        none: "leave `dedup` out to remember no ids",
    };
    time(value, &DEDUP, mistakes)
}

fn time(value: &Value, time: &Time, mistakes: &mut Mistakes) -> Option<Duration> {
    let Time { option, example, bounds, none } = time;
    let text = match value.first() {
        Value::Literal(Lit::Str(text)) => match literal::duration(&text.value(), bounds) {
            Ok(duration) => return Some(duration),
            Err(wrong) => wrong,
        },
        Value::Literal(Lit::Int(number)) if number.suffix().is_empty() && !is_zero(number) => {
            format!(
                "a duration has a unit and stands in quotes: `{option} = \"{number}s\"` for seconds"
            )
        }
        Value::Literal(Lit::Int(number)) if !is_zero(number) => {
            format!("a duration stands in quotes: `{option} = \"{number}\"`")
        }
        Value::Word(word) if word == "None" || word == "never" => (*none).into(),
        _ => format!("a duration is text with units, larger than zero: `{option} = \"{example}\"`"),
    };
    mistakes.at(value.span(), text);
    None
}

/// What `max` limits.
pub(super) enum Max {
    Messages(Limit),
    Bytes(Limit),
}

/// `max = 10_000` or `max = "64MiB"`.
pub(super) fn max(value: &Value, mistakes: &mut Mistakes) -> Option<Max> {
    let span = value.span();
    let text = match value.first() {
        Value::Literal(Lit::Int(number)) => match count(number) {
            Ok(0) => "a topic has room for at least one message: leave `max` out for 10_000".into(),
            Ok(count) => return Some(Max::Messages(Limit { count, span })),
            Err(Count::Suffix) => match literal::shortened(&number.to_string()) {
                Some(meant) => short(&meant),
                None => suffix("max", "messages", number),
            },
            Err(Count::Large) => "this is more than 2^64 messages: take a smaller number".into(),
        },
        Value::Literal(Lit::Str(text)) => {
            let text = text.value();
            let digits = text.trim();
            if !digits.is_empty() && digits.chars().all(|c| c.is_ascii_digit() || c == '_') {
                format!(
                    "a number of messages has no quotes, `max = {digits}`, and one of bytes has a \
                     unit, `max = \"{digits}B\"`"
                )
            } else if let Some(meant) = literal::shortened(&text) {
                short(&meant)
            } else {
                match literal::bytes(&text) {
                    Ok(count) => return Some(Max::Bytes(Limit { count, span })),
                    Err(wrong) => wrong,
                }
            }
        }
        Value::Word(word) if matches!(word.to_string().as_str(), "None" | "unlimited") => {
            "every topic has a limit: leave `max` out for 10_000 messages".into()
        }
        _ => "`max` is a whole number of messages, larger than zero, or text for bytes: \
              `max = 10_000` or `max = \"64MiB\"`"
            .into(),
    };
    mistakes.at(span, text);
    None
}

/// `max_bytes = "64MiB"` or `max_bytes = 65536`.
pub(super) fn max_bytes(value: &Value, mistakes: &mut Mistakes) -> Option<Limit> {
    let span = value.span();
    let text = match value.first() {
        Value::Literal(Lit::Str(text)) => match literal::bytes(&text.value()) {
            Ok(count) => return Some(Limit { count, span }),
            Err(wrong) => wrong,
        },
        Value::Literal(Lit::Int(number)) => match count(number) {
            Ok(0) => {
                "a topic has room for at least one byte: leave `max_bytes` out for 256 MiB".into()
            }
            Ok(count) => return Some(Limit { count, span }),
            Err(Count::Suffix) => suffix("max_bytes", "bytes", number),
            Err(Count::Large) => "this is more than 2^64 bytes: take a smaller number".into(),
        },
        _ => "`max_bytes` is text with a unit or a whole number, larger than zero: \
              `max_bytes = \"64MiB\"` or `max_bytes = 65536`"
            .into(),
    };
    mistakes.at(span, text);
    None
}

enum Count {
    Suffix,
    Large,
}

fn count(number: &LitInt) -> Result<u64, Count> {
    if !matches!(number.suffix(), "" | "usize") {
        return Err(Count::Suffix);
    }
    number.base10_parse().map_err(|_| Count::Large)
}

/// A `max` of `10k`, which may be either.
fn short((count, bytes): &(String, String)) -> String {
    format!(
        "a number of messages is written out and has no quotes, `max = {count}`, and one of bytes \
         has a unit, `max = \"{bytes}\"`"
    )
}

fn is_zero(number: &LitInt) -> bool {
    number.base10_digits() == "0"
}

/// A number such as `64MiB` or `10k`, without quotes.
fn suffix(option: &str, what: &str, number: &LitInt) -> String {
    let (digits, suffix) = (number.base10_digits(), number.suffix());
    match literal::bytes(&format!("{digits}{suffix}")) {
        Ok(_) => {
            format!("a number with a unit stands in quotes: `{option} = \"{digits}{suffix}\"`")
        }
        Err(_) => format!(
            "a number of {what} has no ending: write it out, `{option} = {digits}`, or put a \
             number of bytes in quotes, `{option} = \"64MiB\"`"
        ),
    }
}

/// `overflow = Wait`.
pub(super) fn overflow(value: &Value, mistakes: &mut Mistakes) -> Option<Ident> {
    one_of(value, &OVERFLOWS, mistakes)
}

/// `retain = UntilConsumed`.
pub(super) fn retain(value: &Value, mistakes: &mut Mistakes) -> Option<Ident> {
    one_of(value, &RETAINS, mistakes)
}

/// `partitions = 8`.
pub(super) fn partitions(value: &Value, mistakes: &mut Mistakes) -> Option<u16> {
    let text = match value.first() {
        Value::Literal(Lit::Int(number)) if matches!(number.suffix(), "" | "u16") => {
            match number.base10_parse() {
                Ok(0) => {
                    "a topic has at least one partition: leave `partitions` out for one".into()
                }
                Ok(count) => return Some(count),
                Err(_) => "a topic has at most 65_535 partitions: take a smaller number".into(),
            }
        }
        Value::Literal(Lit::Int(number)) => {
            let digits = number.base10_digits();
            format!("a number of partitions has no ending: `partitions = {digits}`")
        }
        Value::Literal(Lit::Str(text))
            if text.value().trim().parse::<u16>().is_ok_and(|n| n > 0) =>
        {
            format!("a number has no quotes: `partitions = {}`", text.value().trim())
        }
        Value::Word(word) if word == "None" => {
            "every topic has a partition: leave `partitions` out for one".into()
        }
        Value::Word(_) | Value::Path(_) => {
            "a constant is not known here: write the number, from 1 to 65_535: `partitions = 8`"
                .into()
        }
        _ => "`partitions` is a whole number from 1 to 65_535: `partitions = 8`".into(),
    };
    mistakes.at(value.span(), text);
    None
}

/// A word of a vocabulary, as it is.
pub(super) fn one_of(value: &Value, words: &Vocabulary, mistakes: &mut Mistakes) -> Option<Ident> {
    let usual = words.words.first().map_or("", |(_, example)| *example);
    let text = match value.first() {
        Value::Word(word) if words.example(&word.to_string()).is_some() => {
            return Some(word.clone());
        }
        Value::Word(word) => words.unknown(&word.to_string()),
        Value::Literal(Lit::Str(text)) => {
            let text = text.value();
            match words.example(&text).or_else(|| words.example(words.sure(&text)?)) {
                Some(example) => format!("this is a word and has no quotes: `{example}`"),
                None => words.unknown(&text),
            }
        }
        _ => match last_word(value).and_then(|word| words.example(&word)) {
            Some(example) => format!("this is one word: `{example}`"),
            None => format!("this is one word, such as `{usual}`"),
        },
    };
    mistakes.at(value.span(), text);
    None
}

/// Whether the feature of a word is on.
pub(super) fn available(
    word: &Ident,
    kind: &str,
    features: Features,
    mistakes: &mut Mistakes,
) -> Option<()> {
    let Some(feature) = features.missing_for(&word.to_string()) else { return Some(()) };
    let version = concat!(env!("CARGO_PKG_VERSION_MAJOR"), ".", env!("CARGO_PKG_VERSION_MINOR"));
    mistakes.at(
        word.span(),
        format_args!(
            "{kind} `{word}` needs memq's feature `{feature}`: `memq = {{ version = \"{version}\", \
             features = [\"{feature}\"] }}`"
        ),
    );
    None
}

/// `codec = my::Codec`.
pub(super) fn type_path(value: &Value, mistakes: &mut Mistakes) -> Option<TokenStream> {
    type_of(value, "a codec is the path of its type: `codec = my::Codec`", mistakes)
}

/// The path of a type, or the text as a mistake.
pub(super) fn type_of(value: &Value, text: &str, mistakes: &mut Mistakes) -> Option<TokenStream> {
    path::<syn::TypePath>(value, text, mistakes)
}

/// `key_with = Self::topic_key`.
pub(super) fn function(value: &Value, mistakes: &mut Mistakes) -> Option<TokenStream> {
    let text = "`key_with` is the path of a function from a message to its key: \
                `key_with = Self::topic_key`";
    path::<syn::ExprPath>(value, text, mistakes)
}

/// `footprint_with = Self::bytes`.
pub(super) fn footprint(value: &Value, mistakes: &mut Mistakes) -> Option<TokenStream> {
    let text = "`footprint_with` is the path of a function from a message to the bytes it holds: \
                `footprint_with = Self::bytes`";
    path::<syn::ExprPath>(value, text, mistakes)
}

/// `crate = my_crate::memq`.
pub(crate) fn module(value: &Value, mistakes: &mut Mistakes) -> Option<TokenStream> {
    let text = "`crate` is the path at which memq is found: `crate = my_crate::memq`";
    path::<syn::ExprPath>(value, text, mistakes)
}

fn path<P: syn::parse::Parse>(
    value: &Value,
    text: &str,
    mistakes: &mut Mistakes,
) -> Option<TokenStream> {
    if let Value::Word(_) | Value::Path(_) = value {
        let tokens = value_tokens(value);
        if syn::parse2::<P>(tokens.clone()).is_ok() {
            return Some(tokens);
        }
    }
    match value.first() {
        Value::Literal(Lit::Str(text)) if syn::parse_str::<P>(&text.value()).is_ok() => {
            let path = text.value();
            mistakes.at(text.span(), format_args!("a path has no quotes: `{path}`"));
        }
        _ => mistakes.at(value.span(), text),
    }
    None
}

/// A right value with something behind it.
pub(crate) fn excess(option: &str, token: &TokenTree, mistakes: &mut Mistakes) {
    let found = quote_token(token);
    mistakes.at(
        token.span(),
        format_args!("`{found}` follows the value of `{option}`: a comma or nothing belongs here"),
    );
}

fn value_tokens(value: &Value) -> TokenStream {
    match value.first() {
        Value::Word(word) => TokenTree::Ident(word.clone()).into(),
        Value::Path(tokens) => tokens.iter().cloned().collect(),
        _ => TokenStream::new(),
    }
}

fn last_word(value: &Value) -> Option<String> {
    match value.first() {
        Value::Call(word, _) => Some(word.to_string()),
        Value::Path(tokens) => match tokens.last()? {
            TokenTree::Ident(word) => Some(word.to_string()),
            _ => None,
        },
        _ => None,
    }
}
