//! What serde makes of a type: which names and fields it writes, in which order. It judges nothing.

use quote::ToTokens;
use syn::ext::IdentExt;
use syn::{Data, DeriveInput, Ident, Member, Type};

use crate::serde::{Case, Words};

/// A struct or an enum.
pub(crate) struct Layout<'a> {
    pub(crate) words: Words,
    /// What schemas call it.
    pub(crate) name: String,
    pub(crate) body: Body<'a>,
}

pub(crate) enum Body<'a> {
    Struct(Fields<'a>),
    Enum(Vec<Variant<'a>>),
}

pub(crate) struct Variant<'a> {
    pub(crate) words: Words,
    pub(crate) ident: &'a Ident,
    /// What is written for it.
    pub(crate) name: String,
    pub(crate) fields: Fields<'a>,
}

pub(crate) struct Fields<'a> {
    pub(crate) style: Style,
    pub(crate) all: Vec<Field<'a>>,
}

/// How serde writes a list of fields.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Style {
    Unit,
    /// One field without a name: as that field alone.
    Newtype,
    Tuple,
    Struct,
}

pub(crate) struct Field<'a> {
    pub(crate) words: Words,
    /// What is written for it, or its number.
    pub(crate) name: String,
    pub(crate) ty: &'a Type,
}

impl<'a> Layout<'a> {
    /// `None` for a union, which serde does not take.
    pub(crate) fn of(input: &'a DeriveInput) -> Option<Self> {
        let words = Words::of(&input.attrs);
        let name = words.written("rename").unwrap_or_else(|| input.ident.unraw().to_string());
        let case = |word: &str| words.written(word).and_then(|text| Case::of(&text));
        let body = match &input.data {
            Data::Struct(data) => Body::Struct(Fields::of(&data.fields, case("rename_all"))),
            Data::Enum(data) => {
                let (names, fields) = (case("rename_all"), case("rename_all_fields"));
                let variant = |variant| Variant::of(variant, names, fields);
                Body::Enum(data.variants.iter().map(variant).collect())
            }
            Data::Union(_) => return None,
        };
        Some(Self { words, name, body })
    }

    /// All lists of fields.
    pub(crate) fn fields(&self) -> impl Iterator<Item = &Fields<'a>> {
        let (fields, variants) = match &self.body {
            Body::Struct(fields) => (Some(fields), &[][..]),
            Body::Enum(variants) => (None, &variants[..]),
        };
        fields.into_iter().chain(variants.iter().map(|variant| &variant.fields))
    }
}

impl<'a> Variant<'a> {
    /// Whether it is both written and read.
    pub(crate) fn crosses(&self) -> bool {
        self.words.unwritten().is_none() && self.words.unread().is_none()
    }

    fn of(variant: &'a syn::Variant, names: Option<Case>, fields: Option<Case>) -> Self {
        let words = Words::of(&variant.attrs);
        let ident = variant.ident.unraw().to_string();
        let own = words.written("rename_all").and_then(|text| Case::of(&text));
        Self {
            name: words.written("rename").unwrap_or_else(|| {
                names.map_or_else(|| ident.clone(), |case| case.variant(&ident))
            }),
            fields: Fields::of(&variant.fields, own.or(fields)),
            ident: &variant.ident,
            words,
        }
    }
}

impl<'a> Fields<'a> {
    fn of(fields: &'a syn::Fields, case: Option<Case>) -> Self {
        let style = match fields {
            syn::Fields::Unit => Style::Unit,
            syn::Fields::Unnamed(fields) if fields.unnamed.len() == 1 => Style::Newtype,
            syn::Fields::Unnamed(_) => Style::Tuple,
            syn::Fields::Named(_) => Style::Struct,
        };
        let field = |(member, field): (Member, &'a syn::Field)| {
            let words = Words::of(&field.attrs);
            let own = match member {
                Member::Named(ident) => {
                    let ident = ident.unraw().to_string();
                    case.map_or_else(|| ident.clone(), |case| case.field(&ident))
                }
                Member::Unnamed(index) => index.index.to_string(),
            };
            Field { name: words.written("rename").unwrap_or(own), ty: &field.ty, words }
        };
        Self { style, all: fields.members().zip(fields).map(field).collect() }
    }
}

/// A type as it is written, without white space between what needs none.
pub(crate) fn spelled(ty: &Type) -> String {
    let mut text = String::new();
    spell(ty.to_token_stream(), None, &mut text);
    text
}

/// The same, with the type that is defined here as `Self`, so that its name does not count. One of that name in
/// a module, as `v1::Order`, is another.
pub(crate) fn spelled_in(own: &proc_macro2::Ident, ty: &Type) -> String {
    let mut text = String::new();
    spell(ty.to_token_stream(), Some(own), &mut text);
    text
}

fn spell(tokens: proc_macro2::TokenStream, own: Option<&proc_macro2::Ident>, text: &mut String) {
    use proc_macro2::{Delimiter, TokenTree};
    for token in tokens {
        match token {
            TokenTree::Group(group) => {
                let (open, close) = match group.delimiter() {
                    Delimiter::Parenthesis => ("(", ")"),
                    Delimiter::Brace => ("{", "}"),
                    Delimiter::Bracket => ("[", "]"),
                    Delimiter::None => ("", ""),
                };
                text.push_str(open);
                spell(group.stream(), own, text);
                text.push_str(close);
            }
            TokenTree::Punct(punct) => text.push(punct.as_char()),
            word => {
                // `dyn Any`, `mut u8`: only words need one.
                if text.ends_with(|c: char| c.is_alphanumeric() || c == '_') {
                    text.push(' ');
                }
                let is_inside = text.ends_with("::");
                match (&word, own) {
                    (TokenTree::Ident(word), Some(own)) if word == own && !is_inside => {
                        text.push_str("Self");
                    }
                    _ => text.push_str(&word.to_string()),
                }
            }
        }
    }
}
