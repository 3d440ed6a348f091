//! The grammar of `#[topic(…)]` and `#[shape(…)]`: tokens in, entries out. It knows no option and what none means.
//!
//! A mistake ends its own entry only: reading goes on after the next comma, so that everything
//! wrong in an attribute is reported at once.

use proc_macro2::{Delimiter, Group, Ident, Punct, Span, TokenStream, TokenTree};
use syn::{Attribute, Lit, MacroDelimiter, Meta};

use crate::mistake::{Mistakes, quote_token};

/// One `word`, `word = value` or `word(…)` between commas.
pub(crate) struct Entry {
    /// What comes first, an option or not.
    pub(crate) word: Ident,
    /// What comes after it.
    pub(crate) form: Form,
}

/// What follows the word of an entry.
pub(crate) enum Form {
    /// Nothing.
    Bare,
    /// `= value`.
    Value(Value),
    /// `(…)`, `:`, a literal…: no way to give a value.
    Odd,
}

/// What follows `=`.
pub(crate) enum Value {
    /// Nothing.
    Missing(Span),
    /// `"1h"`, `10`.
    Literal(Lit),
    /// `-10`: the minus alone is kept, since no option takes it.
    Negative(Punct),
    /// `Json`.
    Word(Ident),
    /// `Zstd(7)`.
    Call(Ident, Group),
    /// `my::Codec`, `<T as Named>::NAME`, or something that only begins like it.
    Path(Vec<TokenTree>),
    /// A value and a token too many, as in `"1h" 30`.
    Excess(Box<Value>, TokenTree),
    /// Something that no value begins with.
    Odd(TokenTree),
}

impl Value {
    /// The one token to point at.
    pub(crate) fn span(&self) -> Span {
        match self {
            Self::Missing(span) => *span,
            Self::Literal(lit) => lit.span(),
            Self::Negative(minus) => minus.span(),
            Self::Word(word) | Self::Call(word, _) => word.span(),
            Self::Path(tokens) => tokens.first().map_or_else(Span::call_site, TokenTree::span),
            Self::Excess(value, _) => value.span(),
            Self::Odd(token) => token.span(),
        }
    }

    /// The value without the token too many.
    pub(crate) fn first(&self) -> &Self {
        match self {
            Self::Excess(value, _) => value,
            other => other,
        }
    }
}

/// What one attribute holds.
#[derive(Default)]
pub(crate) struct Entries {
    /// What was understood, in order.
    pub(crate) entries: Vec<Entry>,
    /// The attribute is so wrong that a name may be in what was not understood.
    pub(crate) may_hold_name: bool,
}

/// The word before the brackets.
pub(crate) fn span(attribute: &Attribute) -> Span {
    let first = attribute.path().segments.first();
    first.map_or_else(Span::call_site, |segment| segment.ident.span())
}

/// The entries of one attribute, which may stand on the type, a variant or a field.
///
/// `example` is what could be in the brackets there.
pub(crate) fn entries(attribute: &Attribute, example: &str, mistakes: &mut Mistakes) -> Entries {
    let name = attribute.path().segments.first().map_or("topic".into(), |s| s.ident.to_string());
    let wrong = match &attribute.meta {
        Meta::List(list) if matches!(list.delimiter, MacroDelimiter::Paren(_)) => {
            return read(&flatten(list.tokens.clone()), example, mistakes);
        }
        Meta::List(_) => "options stand in round brackets",
        Meta::Path(_) => &format!("`{name}` says nothing here"),
        Meta::NameValue(_) => "options stand in brackets",
    };
    mistakes.at(span(attribute), format_args!("{wrong}: write `#[{name}({example})]`"));
    Entries { entries: Vec::new(), may_hold_name: true }
}

/// What macros put in invisible brackets, such as `$name:literal`, without them.
pub(crate) fn flatten(tokens: TokenStream) -> Vec<TokenTree> {
    let mut flat = Vec::new();
    for token in tokens {
        match token {
            TokenTree::Group(group) if group.delimiter() == Delimiter::None => {
                flat.extend(flatten(group.stream()));
            }
            other => flat.push(other),
        }
    }
    flat
}

fn read(tokens: &[TokenTree], example: &str, mistakes: &mut Mistakes) -> Entries {
    let mut found = Entries::default();
    let mut at = 0;
    while let Some(token) = tokens.get(at) {
        let end = at + 1 + extent(&tokens[at + 1..]);
        match token {
            TokenTree::Ident(word)
                if is_colon(tokens.get(at + 1)) && is_colon(tokens.get(at + 2)) =>
            {
                found.may_hold_name = true;
                let text = format!("an option is one word and no path, such as `{example}`");
                mistakes.at(word.span(), text);
            }
            TokenTree::Ident(word) => {
                let form = form(word, &tokens[at + 1..end]);
                found.entries.push(Entry { word: word.clone(), form });
            }
            TokenTree::Punct(comma) if comma.as_char() == ',' => {
                mistakes.at(comma.span(), "an option is missing before this comma: remove it");
                at += 1;
                continue;
            }
            other => {
                let token = quote_token(other);
                let text = match (other, at) {
                    // The one literal that is probably meant as a name is the first.
                    (TokenTree::Literal(_), 0) if token.starts_with('"') => {
                        found.may_hold_name = true;
                        format!("an option is expected: `name = {token}`")
                    }
                    (TokenTree::Literal(_), _) => {
                        format!("`{token}` stands without its option: write `option = {token}`")
                    }
                    _ => format!("an option is expected, not `{token}`, such as `{example}`"),
                };
                mistakes.at(other.span(), text);
            }
        }
        match tokens.get(end) {
            Some(TokenTree::Ident(next)) => {
                mistakes.at(next.span(), format!("a comma is missing before `{next}`"));
                at = end;
            }
            _ => at = end + 1,
        }
    }
    found
}

/// How many tokens belong to the entry: up to a comma, or to a word that begins another entry.
fn extent(tokens: &[TokenTree]) -> usize {
    // Commas between `<` and `>` are part of a path.
    let mut depth = 0_usize;
    for (at, token) in tokens.iter().enumerate() {
        match token {
            TokenTree::Punct(punct) => match punct.as_char() {
                '<' => depth += 1,
                '>' => depth = depth.saturating_sub(1),
                ',' if depth == 0 => return at,
                _ => {}
            },
            TokenTree::Ident(_) if depth == 0 => {
                let after_value = match at.checked_sub(1).map(|before| &tokens[before]) {
                    Some(TokenTree::Punct(punct)) => punct.as_char() == '>',
                    _ => true,
                };
                if after_value && is_equals(tokens.get(at + 1)) {
                    return at;
                }
            }
            _ => {}
        }
    }
    // A `<` without its `>` would hide all that follows.
    if depth == 0 { tokens.len() } else { comma(tokens) }
}

fn comma(tokens: &[TokenTree]) -> usize {
    let is_comma = |token: &TokenTree| matches!(token, TokenTree::Punct(p) if p.as_char() == ',');
    tokens.iter().position(is_comma).unwrap_or(tokens.len())
}

fn is_equals(token: Option<&TokenTree>) -> bool {
    matches!(token, Some(TokenTree::Punct(punct)) if punct.as_char() == '=')
}

fn is_colon(token: Option<&TokenTree>) -> bool {
    matches!(token, Some(TokenTree::Punct(punct)) if punct.as_char() == ':')
}

fn form(word: &Ident, tokens: &[TokenTree]) -> Form {
    match tokens {
        [] => Form::Bare,
        [equals, rest @ ..] if is_equals(Some(equals)) => Form::Value(value(word, rest)),
        _ => Form::Odd,
    }
}

fn value(word: &Ident, tokens: &[TokenTree]) -> Value {
    let (value, used) = match tokens {
        [] => return Value::Missing(word.span()),
        [TokenTree::Literal(lit), ..] => (Value::Literal(Lit::new(lit.clone())), 1),
        [TokenTree::Punct(minus), TokenTree::Literal(_), ..] if minus.as_char() == '-' => {
            (Value::Negative(minus.clone()), 2)
        }
        [TokenTree::Ident(word)] => (Value::Word(word.clone()), 1),
        [TokenTree::Ident(word), TokenTree::Group(group)]
            if group.delimiter() == Delimiter::Parenthesis =>
        {
            (Value::Call(word.clone(), group.clone()), 2)
        }
        [TokenTree::Ident(_), ..] => (Value::Path(tokens.to_vec()), tokens.len()),
        [TokenTree::Punct(punct), ..] if matches!(punct.as_char(), ':' | '<') => {
            (Value::Path(tokens.to_vec()), tokens.len())
        }
        [odd, ..] => return Value::Odd(odd.clone()),
    };
    match tokens.get(used) {
        Some(token) => Value::Excess(Box::new(value), token.clone()),
        None => value,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read_all(text: &str) -> (Vec<String>, Vec<String>) {
        let mut mistakes = Mistakes::default();
        let tokens: Vec<TokenTree> =
            text.parse::<TokenStream>().expect("tokens").into_iter().collect();
        let entries = read(&tokens, "name = \"orders\"", &mut mistakes).entries;
        let words = entries.iter().map(|entry| entry.word.to_string()).collect();
        let errors = mistakes.into_error().into_iter().flatten().map(|e| e.to_string()).collect();
        (words, errors)
    }

    #[test]
    fn entries_end_at_commas_outside_of_brackets() {
        let (words, errors) =
            read_all("a, b = 1, c = x::<u8, u16>::Y, d = Zstd(1, 2), e = <A<B, C> as D>::E, f,");
        assert_eq!(words, ["a", "b", "c", "d", "e", "f"]);
        assert!(errors.is_empty(), "{errors:?}");
    }

    #[test]
    fn a_missing_comma_costs_nothing_else() {
        let (words, errors) = read_all(r#"name = "x" format = Json, a b = my::Path<u8> c = 1"#);
        assert_eq!(words, ["name", "format", "a", "b", "c"]);
        assert_eq!(
            errors,
            [
                "a comma is missing before `format`",
                "a comma is missing before `b`",
                "a comma is missing before `c`"
            ]
        );
    }

    #[test]
    fn reading_goes_on_after_each_mistake() {
        let (words, errors) = read_all(r#""x", a = 1,, = 3, b = <A, c = 1"#);
        assert_eq!(words, ["a", "b", "c"]);
        assert_eq!(errors.len(), 3, "{errors:?}");
    }
}
