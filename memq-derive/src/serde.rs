//! What `#[serde(…)]` says: its words and their values. It reports no mistake, since serde does.

use proc_macro2::{Delimiter, Group, Ident, TokenTree};
use syn::{Attribute, Lit, LitStr, Meta};

use crate::attr::flatten;

/// The words of all `#[serde(…)]` of one type, variant or field.
pub(crate) struct Words(Vec<Word>);

/// `word`, `word = "value"` or `word(serialize = "value", …)`.
struct Word {
    ident: Ident,
    value: Option<LitStr>,
    inner: Vec<Word>,
}

impl Words {
    /// Reads them.
    pub(crate) fn of(attributes: &[Attribute]) -> Self {
        let mut words = Vec::new();
        for attribute in attributes.iter().filter(|a| a.path().is_ident("serde")) {
            if let Meta::List(list) = &attribute.meta {
                words.extend(read(&flatten(list.tokens.clone())));
            }
        }
        Self(words)
    }

    /// The word, if it is there.
    pub(crate) fn get(&self, name: &str) -> Option<&Ident> {
        self.0.iter().map(|word| &word.ident).find(|ident| *ident == name)
    }

    /// The first of these that is there.
    pub(crate) fn any(&self, names: &[&str]) -> Option<&Ident> {
        names.iter().find_map(|name| self.get(name))
    }

    /// The text after `=`.
    pub(crate) fn text(&self, name: &str) -> Option<&LitStr> {
        self.0.iter().find(|word| word.ident == name)?.value.as_ref()
    }

    /// The name in `rename = "name"` or `rename(serialize = "name")`: that which is written.
    pub(crate) fn written(&self, name: &str) -> Option<String> {
        let named = self.0.iter().filter(|word| word.ident == name);
        let values = named.filter_map(|word| {
            let inner = || word.inner.iter().find(|inner| inner.ident == "serialize");
            word.value.as_ref().or_else(|| inner()?.value.as_ref())
        });
        values.map(LitStr::value).next()
    }

    /// Every text of a word that may stand more than once.
    pub(crate) fn texts(&self, name: &str) -> impl Iterator<Item = String> {
        let named = self.0.iter().filter(move |word| word.ident == name);
        named.filter_map(|word| Some(word.value.as_ref()?.value()))
    }

    /// Whether it is in no message that is written.
    pub(crate) fn unwritten(&self) -> Option<&Ident> {
        self.any(&["skip", "skip_serializing"])
    }

    /// Whether it is in no message that is read.
    pub(crate) fn unread(&self) -> Option<&Ident> {
        self.any(&["skip", "skip_deserializing"])
    }
}

fn read(tokens: &[TokenTree]) -> Vec<Word> {
    let comma = |token: &TokenTree| matches!(token, TokenTree::Punct(p) if p.as_char() == ',');
    tokens.split(comma).filter_map(word).collect()
}

fn word(tokens: &[TokenTree]) -> Option<Word> {
    let (ident, value, inner) = match tokens {
        [TokenTree::Ident(ident), TokenTree::Group(group)] => (ident, None, nested(group)),
        [TokenTree::Ident(ident), TokenTree::Punct(equals), TokenTree::Literal(value)]
            if equals.as_char() == '=' =>
        {
            let Lit::Str(text) = Lit::new(value.clone()) else { return None };
            (ident, Some(text), Vec::new())
        }
        [TokenTree::Ident(ident), ..] => (ident, None, Vec::new()),
        _ => return None,
    };
    Some(Word { ident: ident.clone(), value, inner })
}

fn nested(group: &Group) -> Vec<Word> {
    match group.delimiter() {
        Delimiter::Parenthesis => read(&flatten(group.stream())),
        _ => Vec::new(),
    }
}

/// A value of `rename_all`.
#[derive(Clone, Copy)]
pub(crate) enum Case {
    Lower,
    Upper,
    Pascal,
    Camel,
    Snake,
    ScreamingSnake,
    Kebab,
    ScreamingKebab,
}

impl Case {
    /// `None` for a text that serde refuses.
    pub(crate) fn of(text: &str) -> Option<Self> {
        Some(match text {
            "lowercase" => Self::Lower,
            "UPPERCASE" => Self::Upper,
            "PascalCase" => Self::Pascal,
            "camelCase" => Self::Camel,
            "snake_case" => Self::Snake,
            "SCREAMING_SNAKE_CASE" => Self::ScreamingSnake,
            "kebab-case" => Self::Kebab,
            "SCREAMING-KEBAB-CASE" => Self::ScreamingKebab,
            _ => return None,
        })
    }

    /// The name of a variant, which is written as `TwoWords`.
    pub(crate) fn variant(self, name: &str) -> String {
        match self {
            Self::Pascal => name.into(),
            Self::Lower => name.to_ascii_lowercase(),
            Self::Upper => name.to_ascii_uppercase(),
            Self::Camel => small_first(name),
            _ => {
                let mut snake = String::new();
                for (at, letter) in name.char_indices() {
                    if at > 0 && letter.is_uppercase() {
                        snake.push('_');
                    }
                    snake.push(letter.to_ascii_lowercase());
                }
                self.field(&snake)
            }
        }
    }

    /// The name of a field, which is written as `two_words`.
    pub(crate) fn field(self, name: &str) -> String {
        match self {
            Self::Lower | Self::Snake => name.into(),
            Self::Upper | Self::ScreamingSnake => name.to_ascii_uppercase(),
            Self::Kebab => name.replace('_', "-"),
            Self::ScreamingKebab => name.to_ascii_uppercase().replace('_', "-"),
            Self::Pascal => name
                .split('_')
                .flat_map(|word| {
                    let (first, rest) =
                        word.split_at(word.chars().next().map_or(0, char::len_utf8));
                    [first.to_ascii_uppercase(), rest.into()]
                })
                .collect(),
            Self::Camel => small_first(&Self::Pascal.field(name)),
        }
    }
}

fn small_first(name: &str) -> String {
    let (first, rest) = name.split_at(name.chars().next().map_or(0, char::len_utf8));
    first.to_ascii_lowercase() + rest
}
