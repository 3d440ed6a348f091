//! The list of everything that is wrong with one type. It never stops at the first entry.

use proc_macro2::{Span, TokenTree};

/// All mistakes found so far, in the order of the source.
#[derive(Default)]
pub(crate) struct Mistakes(Vec<syn::Error>);

impl Mistakes {
    /// Adds one, at one token: joined spans look different from toolchain to toolchain.
    pub(crate) fn at(&mut self, span: Span, text: impl std::fmt::Display) {
        self.0.push(syn::Error::new(span, text));
    }

    /// Something is said a second time: the remedy goes to the second place, a pointer to the first.
    pub(crate) fn twice(&mut self, first: Span, second: Span, what: &str, remedy: &str) {
        self.at(first, format_args!("{what} is first given here"));
        self.at(second, format_args!("{what} is given twice: {remedy}"));
    }

    /// How many there are.
    pub(crate) fn count(&self) -> usize {
        self.0.len()
    }

    /// All of them as one error, or `None`.
    pub(crate) fn into_error(self) -> Option<syn::Error> {
        self.0.into_iter().reduce(|mut all, next| {
            all.combine(next);
            all
        })
    }
}

/// A token as it is quoted in an error. Brackets stand for what is in them.
pub(crate) fn quote_token(token: &TokenTree) -> String {
    use proc_macro2::Delimiter;
    match token {
        TokenTree::Group(group) => match group.delimiter() {
            Delimiter::Parenthesis => "(…)".into(),
            Delimiter::Brace => "{…}".into(),
            Delimiter::Bracket => "[…]".into(),
            Delimiter::None => group.stream().to_string(),
        },
        other => other.to_string(),
    }
}
