//! `#[derive(Shape)]`, for the types inside a topic's: what serde says of the type, and where memq is.

use proc_macro2::{Span, TokenStream};
use quote::quote;
use syn::DeriveInput;

use crate::attr::{self, Form, Value};
use crate::check;
use crate::expand;
use crate::layout::Layout;
use crate::mistake::Mistakes;
use crate::model::{NEEDS_NAMES, NEEDS_PLACES};

/// The impl, or the mistakes and an impl in its place.
pub(crate) fn derive(input: &DeriveInput) -> TokenStream {
    let mut mistakes = Mistakes::default();
    let memq = memq(input, &mut mistakes).unwrap_or_else(expand::default_path);
    let layout = Layout::of(input);
    if layout.is_none() {
        mistakes.at(
            input.ident.span(),
            "a union has no shape, since nothing says which of its fields is there: use an enum",
        );
    }
    match (layout, mistakes.into_error()) {
        (Some(layout), None) => {
            let refusals = [
                (NEEDS_NAMES, needs_names(input, &layout)),
                (NEEDS_PLACES, needs_places(input, &layout)),
            ];
            expand::shape::expand(input, &memq, &layout, refusals)
        }
        (_, error) => {
            let errors = error.map(|error| error.to_compile_error());
            let allow = expand::allow(input, false);
            let ident = &input.ident;
            let (impl_generics, type_generics, where_clause) = input.generics.split_for_impl();
            quote! {
                #errors

                #[automatically_derived]
                #allow
                impl #impl_generics #memq::Shape for #ident #type_generics #where_clause {
                    const SHAPE: #memq::schema::Fingerprint =
                        #memq::schema::Fingerprint::of("invalid");
                }
            }
        }
    }
}

/// What in the type keeps it out of formats without names: the error of a topic that holds it.
fn needs_names(input: &DeriveInput, layout: &Layout<'_>) -> Option<String> {
    let (word, _) = check::carry::needs_names(layout).into_iter().next()?;
    Some(format!(
        "`{}`, which is in this topic, says `#[serde({word})]`, and `Postcard` and `Bincode` cannot \
         carry that: remove it there, or use a format that writes names here, `format = Json` or \
         `format = MessagePack`",
        input.ident
    ))
}

/// What in the type keeps it out of formats with names, likewise.
fn needs_places(input: &DeriveInput, layout: &Layout<'_>) -> Option<String> {
    let ident = &input.ident;
    if let Some((word, _)) = check::carry::needs_places(layout).into_iter().next() {
        return Some(format!(
            "`{ident}`, which is in this topic, says `#[serde({word})]` of a field without a name, and \
             `Json` and `MessagePack` cannot carry that: remove it there, or give the fields names"
        ));
    }
    check::carry::double_options(layout).next()?;
    Some(format!(
        "`{ident}`, which is in this topic, has an `Option<Option<…>>`, and `Json` and `MessagePack` \
         write `Some(None)` and `None` as the same null: use an enum with three variants there, or \
         `#[serde(with = \"…\")]` such as `serde_with::rust::double_option`, or `format = Postcard` here"
    ))
}

/// `#[shape(crate = path)]`.
fn memq(input: &DeriveInput, mistakes: &mut Mistakes) -> Option<TokenStream> {
    const EXAMPLE: &str = "crate = my_crate::memq";
    let mut memq = None;
    let mut first: Option<Span> = None;
    for attribute in input.attrs.iter().filter(|a| a.path().is_ident("shape")) {
        for entry in attr::entries(attribute, EXAMPLE, mistakes).entries {
            let word = &entry.word;
            if word != "crate" {
                let text = match word.to_string().as_str() {
                    "name" | "rename" => "a shape has no name of its own: remove it".into(),
                    other => format!("a shape has no option `{other}`: its only one is `crate`"),
                };
                mistakes.at(word.span(), text);
                continue;
            }
            if let Some(first) = first {
                mistakes.twice(first, word.span(), "`crate`", "keep one");
                continue;
            }
            first = Some(word.span());
            match &entry.form {
                Form::Value(value) if !matches!(value, Value::Missing(_)) => {
                    memq = check::value::module(value, mistakes);
                    if let (Value::Excess(_, token), true) = (value, memq.is_some()) {
                        check::value::excess("crate", token, mistakes);
                    }
                }
                _ => {
                    mistakes.at(word.span(), format_args!("`crate` needs a value: `{EXAMPLE}`"));
                }
            }
        }
    }
    let fields = match &input.data {
        syn::Data::Struct(data) => data.fields.iter().collect::<Vec<_>>(),
        syn::Data::Enum(data) => data.variants.iter().flat_map(|v| &v.fields).collect(),
        syn::Data::Union(_) => Vec::new(),
    };
    let variants = match &input.data {
        syn::Data::Enum(data) => data.variants.iter().map(|v| &v.attrs).collect::<Vec<_>>(),
        _ => Vec::new(),
    };
    let inside = variants.into_iter().chain(fields.into_iter().map(|field| &field.attrs));
    for attribute in inside.flatten().filter(|a| a.path().is_ident("shape")) {
        mistakes.at(
            attr::span(attribute),
            "a shape has no options here: what serde is told of a field counts by itself",
        );
    }
    memq
}
