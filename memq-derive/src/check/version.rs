//! The values of `version`, `upcast_from` and `try_upcast_from`, and whether they go together.

use proc_macro2::{Ident, Span, TokenStream};
use syn::{DeriveInput, Lit};

use super::value::type_of;
use crate::attr::Value;
use crate::mistake::Mistakes;
use crate::model::{Codec, Upcast};

/// A version, with the place of its value.
pub(super) struct Version {
    pub(super) number: u16,
    pub(super) span: Span,
}

/// `version = 2`.
pub(super) fn version(value: &Value, mistakes: &mut Mistakes) -> Option<Version> {
    let span = value.span();
    let text = match value.first() {
        Value::Literal(Lit::Int(number)) if matches!(number.suffix(), "" | "u16") => {
            match number.base10_parse() {
                Ok(0) => "versions start at 1: leave `version` out for that".into(),
                Ok(number) => return Some(Version { number, span }),
                Err(_) => "a version is at most 65_535: take a smaller number".into(),
            }
        }
        Value::Literal(Lit::Int(number)) => {
            let digits = number.base10_digits();
            format!("a version is a number and has no ending: `version = {digits}`")
        }
        Value::Literal(Lit::Float(_)) => {
            "a version is one whole number, which grows by one with each new type: `version = 2`"
                .into()
        }
        Value::Literal(Lit::Str(text)) => {
            let text = text.value();
            let digits = text.trim().trim_start_matches(['v', 'V']);
            match digits.parse::<u16>() {
                Ok(number) if number > 0 => {
                    format!("a version is a number without quotes: `version = {number}`")
                }
                _ => FORM.into(),
            }
        }
        Value::Word(word) => {
            let word = word.to_string();
            match word.trim_start_matches(['v', 'V']).parse::<u16>() {
                Ok(number) if number > 0 => {
                    format!("a version is a number alone: `version = {number}`")
                }
                _ => CONSTANT.into(),
            }
        }
        Value::Path(_) => CONSTANT.into(),
        _ => FORM.into(),
    };
    mistakes.at(span, text);
    None
}

const FORM: &str = "`version` is a whole number from 1 to 65_535: `version = 2`";

const CONSTANT: &str =
    "a constant is not known here: write the number, from 1 to 65_535: `version = 2`";

/// `upcast_from = OrderV1` or `try_upcast_from = OrderV1`.
pub(super) fn upcast(
    word: &Ident,
    value: &Value,
    input: &DeriveInput,
    mistakes: &mut Mistakes,
) -> Option<(Upcast, Ident)> {
    let text = format!("`{word}` is the path of the older type: `{word} = OrderV1`");
    let from = type_of(value, &text, mistakes)?;
    if is_self(&from, input) {
        mistakes.at(
            value.span(),
            format_args!(
                "a type is no older version of itself: keep the old type, as `{0}V1`, and write \
                 `{word} = {0}V1`",
                input.ident
            ),
        );
        return None;
    }
    Some((Upcast { from, fallible: word == "try_upcast_from" }, word.clone()))
}

fn is_self(from: &TokenStream, input: &DeriveInput) -> bool {
    let from = from.to_string();
    from == "Self" || (input.generics.params.is_empty() && input.ident == from)
}

/// An older type has a lower version, and its messages are bytes.
pub(super) fn check(
    version: Option<&Version>,
    tried: bool,
    upcast: Option<&(Upcast, Ident)>,
    codec: Option<&Codec>,
    mistakes: &mut Mistakes,
) {
    let Some((_, word)) = upcast else { return };
    match version {
        Some(version) if version.number == 1 => mistakes.at(
            version.span,
            format_args!("nothing is older than version 1: write `version = 2` beside `{word}`"),
        ),
        None if !tried => mistakes.at(
            word.span(),
            format_args!(
                "this type is version 1, and nothing is older: write `version = 2` beside `{word}`"
            ),
        ),
        _ => {}
    }
    if codec.is_some_and(Codec::is_native) {
        mistakes.at(
            word.span(),
            format_args!(
                "native messages are never bytes, so there are none of an older type to read: write \
                 a format, such as `format = Json`, or remove `{word}`"
            ),
        );
    }
}
