//! The value of `compress`: which one, at which level, with which dictionary.

use proc_macro2::{Group, Ident, Span, TokenTree};
use syn::{Lit, LitStr};

use super::value::{available, one_of};
use crate::attr::{self, Value};
use crate::mistake::{Mistakes, quote_token};
use crate::model::{Compress, Features};
use crate::suggest::{COMPRESSIONS, SETTINGS};

/// `Zstd`, `Zstd(7)`, `Zstd(dict = "orders.dict")` or `Zstd(7, dict = "orders.dict")`.
pub(super) fn compress(
    value: &Value,
    features: Features,
    mistakes: &mut Mistakes,
) -> Option<Compress> {
    let (kind, settings) = match value.first() {
        Value::Call(kind, settings) if COMPRESSIONS.example(&kind.to_string()).is_some() => {
            (kind.clone(), Some(settings))
        }
        Value::Call(kind, _) | Value::Word(kind)
            if kind.to_string().to_lowercase().starts_with("lz4") =>
        {
            mistakes.at(
                kind.span(),
                "memq recognises LZ4 in bytes from elsewhere, but does not write it: use `Zstd`",
            );
            return None;
        }
        Value::Call(kind, _) => {
            mistakes.at(kind.span(), COMPRESSIONS.unknown(&kind.to_string()));
            return None;
        }
        Value::Literal(Lit::Int(level)) => {
            let text = format!("a level needs its compression: `compress = Zstd({level})`");
            mistakes.at(level.span(), text);
            return None;
        }
        _ => (one_of(value, &COMPRESSIONS, mistakes)?, None),
    };
    available(&kind, "compression", features, mistakes)?;
    match settings {
        Some(group) => self::settings(kind, group, mistakes),
        None => Some(Compress { kind, level: None, dictionary: None }),
    }
}

/// What stands in the brackets: a level, then a dictionary, each if it is wanted.
fn settings(kind: Ident, group: &Group, mistakes: &mut Mistakes) -> Option<Compress> {
    if kind == "None" {
        let text = "`None` has neither levels nor dictionaries: write `None` alone";
        mistakes.at(kind.span(), text);
        return None;
    }
    let tokens = attr::flatten(group.stream());
    let mut parts: Vec<&[TokenTree]> = tokens.split(is_comma).collect();
    // A comma at the end is fine.
    if parts.len() > 1 && parts.last().is_some_and(|last| last.is_empty()) {
        parts.pop();
    }
    let (mut compress, mut span) = (Compress { kind, level: None, dictionary: None }, None);
    for (at, part) in parts.iter().enumerate() {
        match part {
            [TokenTree::Ident(word), rest @ ..] => {
                let path = dictionary(&compress.kind, word, rest, mistakes)?;
                if let Some(first) = span.replace(word.span()) {
                    mistakes.twice(first, word.span(), "the dictionary", "keep one");
                    return None;
                }
                compress.dictionary = Some(path);
            }
            _ if at == 0 && !is_text(part) => {
                compress.level = Some(level(&compress.kind, part, mistakes)?)
            }
            _ => {
                let span = part.first().map_or_else(|| compress.kind.span(), TokenTree::span);
                mistakes.at(span, misplaced(&compress, part));
                return None;
            }
        }
    }
    Some(compress)
}

/// What to say about something that is no dictionary and stands where no level does.
fn misplaced(compress: &Compress, part: &[TokenTree]) -> String {
    let Compress { kind, dictionary, .. } = compress;
    let found: String = part.iter().map(quote_token).collect();
    match (dictionary, part) {
        (_, []) => format!("something is missing between these commas: `{kind}(3)`"),
        _ if is_text(part) => format!("a dictionary is named: write `{kind}(dict = {found})`"),
        (Some(path), _) => {
            format!("the level comes first: write `{kind}({found}, dict = {:?})`", path.value())
        }
        (None, _) => format!("`{kind}` has one level: remove `{found}`"),
    }
}

/// The path in `dict = "orders.dict"`.
fn dictionary(
    kind: &Ident,
    word: &Ident,
    rest: &[TokenTree],
    mistakes: &mut Mistakes,
) -> Option<LitStr> {
    let mut mistake = |span: Span, text: String| {
        mistakes.at(span, text);
        None
    };
    if SETTINGS.example(&word.to_string()).is_none() {
        let named = word.to_string();
        let text = match named.as_str() {
            "level" => "the level is a number alone, and comes first: `Zstd(3)`".into(),
            _ => SETTINGS.unknown(&named),
        };
        return mistake(word.span(), text);
    }
    const FORM: &str = "write the path of its file: `Zstd(dict = \"orders.dict\")`";
    if kind != "Zstd" {
        let text = format!("`{kind}` has no dictionaries, only `Zstd` has: {FORM}");
        return mistake(word.span(), text);
    }
    match rest {
        [TokenTree::Punct(equals), TokenTree::Literal(path)] if equals.as_char() == '=' => {
            match Lit::new(path.clone()) {
                Lit::Str(path) if path.value().trim().is_empty() => {
                    mistake(path.span(), format!("the path of the dictionary is empty: {FORM}"))
                }
                Lit::Str(path) => Some(path),
                _ => mistake(path.span(), format!("a path is text: {FORM}")),
            }
        }
        [TokenTree::Punct(equals), TokenTree::Literal(_), more, ..] if equals.as_char() == '=' => {
            let more = (more.span(), quote_token(more));
            let text = "follows the path of the dictionary: a comma or nothing belongs here";
            mistake(more.0, format!("`{}` {text}", more.1))
        }
        [TokenTree::Punct(equals), TokenTree::Ident(path), ..] if equals.as_char() == '=' => {
            let text = "a dictionary is named by the path of its file, in quotes, as in \
                        `Zstd(dict = \"orders.dict\")`; for a constant implement `Topic` by hand, \
                        with `TopicSpec::dictionary`";
            mistake(path.span(), text.into())
        }
        _ => mistake(word.span(), format!("`dict` needs a value: {FORM}")),
    }
}

fn is_text(part: &[TokenTree]) -> bool {
    matches!(part, [TokenTree::Literal(text)] if text.to_string().starts_with('"'))
}

fn is_comma(token: &TokenTree) -> bool {
    matches!(token, TokenTree::Punct(punct) if punct.as_char() == ',')
}

/// The level in `Zstd(7)`.
fn level(kind: &Ident, tokens: &[TokenTree], mistakes: &mut Mistakes) -> Option<i32> {
    let (low, high, usual) = if kind == "Zstd" { (-7, 22, 3) } else { (0, 9, 6) };
    let level = match tokens {
        [TokenTree::Literal(level)] => number(&Lit::new(level.clone()), 1),
        [TokenTree::Punct(minus), TokenTree::Literal(level)] if minus.as_char() == '-' => {
            number(&Lit::new(level.clone()), -1)
        }
        _ => None,
    };
    let span = tokens.first().map_or_else(|| kind.span(), TokenTree::span);
    match level {
        Some(level) if (low..=high).contains(&level) => Some(level),
        Some(_) => {
            mistakes.at(span, format_args!("levels of `{kind}` go from {low} to {high}"));
            None
        }
        None => {
            mistakes.at(
                span,
                format_args!(
                    "a level is a whole number from {low} to {high}: `{kind}({usual})`, which is \
                     also what `{kind}` alone means"
                ),
            );
            None
        }
    }
}

/// `None` for what is not an integer at all; too large a one is just out of every range.
fn number(lit: &Lit, sign: i32) -> Option<i32> {
    match lit {
        Lit::Int(number) if matches!(number.suffix(), "" | "i32") => {
            Some(number.base10_parse::<i32>().map_or(i32::MAX, |number| number * sign))
        }
        _ => None,
    }
}
