//! What comes instead of the code when there are mistakes: the errors, and an impl that holds the
//! type's place. It repeats nothing the user wrote in `#[topic(…)]` but what is known to be right.
//!
//! Without the impl, every use of the type would add its own "is not a topic" to one typo; and without
//! its name and version, a type that is upcast from it another. Its codec allows what any format does: with
//! that of one, uses that are right with another would be wrong.

use proc_macro2::{Literal, TokenStream, TokenTree};
use quote::{ToTokens, quote};
use syn::{DeriveInput, GenericParam, LitStr};

use crate::check::Checked;
use crate::expand;

/// The errors and the stand-in.
pub(crate) fn fallback(input: &DeriveInput, checked: &Checked, error: &syn::Error) -> TokenStream {
    let errors = error.to_compile_error();
    let Checked { memq, known: (name, version), .. } = checked;
    let name = name.as_ref().map_or_else(|| "invalid".into(), LitStr::value);
    let version = version.map(|version| {
        let version = Literal::u16_unsuffixed(version);
        quote!(.version(#version))
    });
    let ident = &input.ident;
    let mut generics = input.generics.clone();
    let generic = !generics.params.is_empty();
    let clause = generics.make_where_clause();
    if generic {
        clause.predicates.push(syn::parse_quote! {
            Self: ::core::marker::Send + ::core::marker::Sync + 'static
        });
    }
    let (_, type_generics, where_clause) = generics.split_for_impl();
    // A message borrows nothing, but the error for it is given already: pretend it lives for ever.
    let lifetimes: Vec<String> =
        generics.lifetimes().map(|param| param.lifetime.ident.to_string()).collect();
    let mut impl_generics = generics.clone();
    impl_generics.params = generics
        .params
        .iter()
        .filter(|p| !matches!(p, GenericParam::Lifetime(_)))
        .cloned()
        .collect();
    impl_generics.where_clause = None;
    let impl_generics = impl_generics.split_for_impl().0.to_token_stream();
    let impl_generics = forever(impl_generics, &lifetimes);
    let type_generics = forever(type_generics.to_token_stream(), &lifetimes);
    let where_clause = forever(where_clause.to_token_stream(), &lifetimes);
    let allow = expand::allow(input, false);
    quote! {
        #errors

        #[automatically_derived]
        #allow
        impl #impl_generics #memq::Topic for #ident #type_generics #where_clause {
            type Codec = #memq::codec::Mistaken;
            const SPEC: #memq::TopicSpec = #memq::TopicSpec::new(#name) #version;
        }
    }
}

/// Those lifetimes replaced by `'static`.
fn forever(tokens: TokenStream, lifetimes: &[String]) -> TokenStream {
    let mut after_quote = false;
    let replace = |token: TokenTree| match token {
        TokenTree::Group(group) => {
            let mut new =
                proc_macro2::Group::new(group.delimiter(), forever(group.stream(), lifetimes));
            new.set_span(group.span());
            after_quote = false;
            TokenTree::Group(new)
        }
        TokenTree::Ident(ident) if after_quote && lifetimes.contains(&ident.to_string()) => {
            after_quote = false;
            TokenTree::Ident(proc_macro2::Ident::new("static", ident.span()))
        }
        other => {
            after_quote = matches!(&other, TokenTree::Punct(punct) if punct.as_char() == '\'');
            other
        }
    };
    tokens.into_iter().map(replace).collect()
}
