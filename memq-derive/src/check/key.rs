//! Where the key of a message comes from: one marked field, or a function. It knows a float when
//! it sees one; every other type is left to the trait `TopicKey`.

use proc_macro2::{Ident, Span};
use syn::{Data, DeriveInput, Field, Fields, GenericArgument, Member, PathArguments, Type};

use super::topic_attributes;
use crate::attr::{self, Entry, Form, Value};
use crate::mistake::Mistakes;
use crate::model::Key;

/// The key, if the type says one.
pub(super) fn check(
    input: &DeriveInput,
    key_with: Option<(Key, Span)>,
    mistakes: &mut Mistakes,
) -> Option<Key> {
    match &input.data {
        Data::Struct(data) => in_struct(&data.fields, key_with, mistakes),
        Data::Enum(data) => {
            for variant in &data.variants {
                for attribute in topic_attributes(&variant.attrs) {
                    mistakes.at(
                        attr::span(attribute),
                        "a variant has no options: the topic is the whole enum, so write them \
                         above it",
                    );
                }
                for field in &variant.fields {
                    for word in marks(field, mistakes) {
                        mistakes.at(
                            word.span(),
                            "other variants may not have this field: write a function and \
                             `key_with = path` above the enum",
                        );
                    }
                }
            }
            key_with.map(|(key, _)| key)
        }
        // Refused already.
        Data::Union(_) => None,
    }
}

fn in_struct(
    fields: &Fields,
    key_with: Option<(Key, Span)>,
    mistakes: &mut Mistakes,
) -> Option<Key> {
    let (mut key, mut first) = match key_with {
        Some((key, span)) => (Some(key), Some((span, None))),
        None => (None, None),
    };
    for (member, field) in fields.members().zip(fields) {
        for word in marks(field, mistakes) {
            if let Some((first, marked)) = &first {
                let remedy = match marked {
                    None => "keep `key_with`, or this field",
                    Some(other) if *other == member => "keep one",
                    Some(_) => "for a key of several fields, use `key_with = path`",
                };
                mistakes.twice(*first, word.span(), "the key", remedy);
                continue;
            }
            // The field that has the mark; `None` for `key_with`.
            first = Some((word.span(), Some(member.clone())));
            if let Some(float) = float(&field.ty) {
                mistakes.at(
                    float.span(),
                    format_args!(
                        "a key is compared exactly, and `{float}` cannot be: use an integer, such \
                         as cents, or `key_with = path`"
                    ),
                );
            }
            key = Some(Key::Field(member.clone(), Box::new(field.ty.clone())));
        }
    }
    key
}

/// The words `key` on a field, each in its own entry.
fn marks(field: &Field, mistakes: &mut Mistakes) -> Vec<Ident> {
    let mut marks = Vec::new();
    for attribute in topic_attributes(&field.attrs) {
        for entry in attr::entries(attribute, "key", mistakes).entries {
            let word = entry.word;
            if word != "key" {
                mistakes.at(word.span(), on_a_field(&word.to_string()));
            } else if matches!(entry.form, Form::Bare) {
                marks.push(word);
            } else {
                mistakes.at(
                    word.span(),
                    "`key` takes no value: write `#[topic(key)]`, and for another key than this \
                     field `key_with = path` above the type",
                );
            }
        }
    }
    marks
}

/// What to say about a word on a field that is not `key`.
fn on_a_field(word: &str) -> String {
    use crate::suggest::OPTIONS;
    match OPTIONS.example(word) {
        Some(example) => {
            format!("`{word}` belongs above the type: write `#[topic({example})]` there")
        }
        None => format!("a field has no option `{word}`: its only one is `key`"),
    }
}

/// What to say about `key` above the type.
pub(super) fn on_the_type(entry: &Entry, input: &DeriveInput) -> String {
    if let (Form::Value(Value::Word(field)), Data::Struct(data)) = (&entry.form, &input.data) {
        let named = |member: Member| matches!(member, Member::Named(name) if name == *field);
        if data.fields.members().any(named) {
            return format!("a key is marked at its field: write `#[topic(key)]` above `{field}`");
        }
    }
    "a key is marked at its field: write `#[topic(key)]` there, or `key_with = path` here".into()
}

/// The float in a type that is no more exact than it.
fn float(ty: &Type) -> Option<&Ident> {
    match ty {
        Type::Paren(inner) => float(&inner.elem),
        Type::Group(inner) => float(&inner.elem),
        Type::Reference(inner) => float(&inner.elem),
        Type::Array(inner) => float(&inner.elem),
        Type::Path(path) => {
            let last = path.path.segments.last()?;
            match (&last.arguments, last.ident.to_string().as_str()) {
                (PathArguments::None, "f32" | "f64") => Some(&last.ident),
                (
                    PathArguments::AngleBracketed(arguments),
                    "Option" | "Box" | "Arc" | "Rc" | "Vec",
                ) => arguments.args.iter().find_map(|argument| match argument {
                    GenericArgument::Type(ty) => float(ty),
                    _ => None,
                }),
                _ => None,
            }
        }
        _ => None,
    }
}
