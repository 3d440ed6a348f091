//! The code for a correct declaration: one impl of `Topic`, and for some a line that has its constants
//! evaluated at once. It checks nothing.
//!
//! Paths are absolute, since the user's scope may have an `Option` or a `memq` of its own. Tokens
//! that stand for a value carry its span, so that rustc points at `Json` in `format = Json`.

pub(crate) mod shape;

use std::time::Duration;

use proc_macro2::{Ident, Literal, Span, TokenStream, TokenTree};
use quote::{ToTokens, quote, quote_spanned};
use syn::{Attribute, Data, DeriveInput, Fields, Generics};

use crate::layout::Layout;
use crate::model::{Codec, Compress, Key, Limit, Name, Topic, Upcast};

/// The impl.
pub(crate) fn expand(input: &DeriveInput, layout: &Layout<'_>, topic: &Topic) -> TokenStream {
    let memq = &topic.memq;
    let ident = &input.ident;
    let codec = codec(memq, &topic.codec);
    let spec = spec(topic);
    let key = topic.key.as_ref().map(|key| key_fn(memq, key));
    let footprint = topic.footprint.as_ref().map(footprint_fn);
    // What is never bytes has nothing that could be told apart.
    let bytes = !topic.codec.is_native();
    let shape = bytes.then(|| shape::of_topic(input, memq, layout, topic.codec.refusal()));
    let aliases = bytes.then(|| shape::aliases(input, memq, layout));
    let lineage = topic.upcast.as_ref().map(|upcast| lineage(memq, upcast));
    let allow = allow(input, topic.upcast.is_some());
    let evaluated = evaluated(input, layout, topic, &allow);
    let generics = bounded(input, topic, &codec);
    let (impl_generics, type_generics, where_clause) = generics.split_for_impl();
    quote! {
        #[automatically_derived]
        #allow
        impl #impl_generics #memq::Topic for #ident #type_generics #where_clause {
            type Codec = #codec;
            const SPEC: #memq::TopicSpec = #spec;
            #shape
            #lineage
            #aliases
            #key
            #footprint
        }
        #evaluated
    }
}

/// What lets the code name deprecated things, as older versions are: the type itself and what it is made
/// of, and the type before it, of which that is not known: so programs that forbid the lint can't name one.
/// Elsewhere nothing.
pub(crate) fn allow(input: &DeriveInput, has_older: bool) -> Option<TokenStream> {
    let is_deprecated =
        |attrs: &[Attribute]| attrs.iter().any(|attribute| attribute.path().is_ident("deprecated"));
    let any_of = |fields: &Fields| fields.iter().any(|field| is_deprecated(&field.attrs));
    let inside = match &input.data {
        Data::Struct(data) => any_of(&data.fields),
        Data::Enum(data) => {
            data.variants.iter().any(|v| is_deprecated(&v.attrs) || any_of(&v.fields))
        }
        Data::Union(_) => false,
    };
    (has_older || inside || is_deprecated(&input.attrs)).then(|| quote!(#[allow(deprecated)]))
}

/// The way from the next older type. The call is at its path: rustc may have to refuse the type.
fn lineage(memq: &TokenStream, upcast: &Upcast) -> TokenStream {
    let from = &upcast.from;
    let span = last_span(from);
    let at = respan(memq.clone(), span);
    let way = Ident::new(if upcast.fallible { "try_from" } else { "from" }, here(span));
    let call = quote_spanned!(here(span)=> #at::schema::Lineage::#way::<#from>());
    quote!(const LINEAGE: #memq::schema::Lineage<Self> = #call;)
}

/// Constants that may turn out wrong are evaluated here, not where the topic is first used. Those of a
/// generic type have to wait for its arguments.
fn evaluated(
    input: &DeriveInput,
    layout: &Layout<'_>,
    topic: &Topic,
    allow: &Option<TokenStream>,
) -> Option<TokenStream> {
    if !input.generics.params.is_empty() {
        return None;
    }
    let (memq, ident) = (&topic.memq, &input.ident);
    let lineage = topic.upcast.is_some().then(|| {
        quote! {
            #allow
            const _: #memq::schema::Lineage<#ident> = <#ident as #memq::Topic>::LINEAGE;
        }
    });
    let carried = topic.codec.refusal().and_then(|refusal| {
        let carried = shape::carried(input, memq, layout, refusal)?;
        Some(quote! {
            #allow
            const _: () = { #carried };
        })
    });
    Some(quote!(#lineage #carried))
}

/// A generic type is a topic wherever its message can be one: the bounds of the trait are asked of
/// the whole type, so that the user does not repeat them for each parameter.
fn bounded(input: &DeriveInput, topic: &Topic, codec: &TokenStream) -> Generics {
    let mut generics = input.generics.clone();
    let params: Vec<String> = generics.type_params().map(|param| param.ident.to_string()).collect();
    if generics.params.is_empty() {
        return generics;
    }
    let memq = &topic.memq;
    let predicates = &mut generics.make_where_clause().predicates;
    predicates.push(syn::parse_quote! {
        Self: ::core::marker::Send + ::core::marker::Sync + 'static
    });
    // A native message needs nothing else.
    if !topic.codec.is_native() {
        predicates.push(syn::parse_quote!(#codec: #memq::Codec<Self>));
    }
    // Of a type that is always the same, the call says more than a bound.
    if let Some(Upcast { from, .. }) = &topic.upcast {
        if mentions(from, &params) {
            predicates.push(syn::parse_quote!(#from: #memq::Topic));
        }
    }
    if let Some(Key::Field(_, ty)) = &topic.key {
        if mentions(&ty.to_token_stream(), &params) {
            predicates.push(syn::parse_quote!(#ty: #memq::TopicKey));
        }
    }
    generics
}

/// Whether one of these words is anywhere in the tokens.
pub(crate) fn mentions(tokens: &TokenStream, words: &[String]) -> bool {
    tokens.clone().into_iter().any(|token| match token {
        TokenTree::Ident(ident) => words.contains(&ident.to_string()),
        TokenTree::Group(group) => mentions(&group.stream(), words),
        _ => false,
    })
}

fn codec(memq: &TokenStream, codec: &Codec) -> TokenStream {
    match codec {
        Codec::Default => quote!(#memq::codec::Native),
        Codec::Path(path) => path.clone(),
        Codec::Builtin(word) => {
            let memq = respan(memq.clone(), word.span());
            quote_spanned!(here(word.span())=> #memq::codec::#word)
        }
    }
}

fn spec(topic: &Topic) -> TokenStream {
    let memq = &topic.memq;
    let mut spec = match &topic.name {
        Name::Literal(name) => quote!(#memq::TopicSpec::new(#name)),
        Name::Path(path) => {
            let span = last_span(path);
            let memq = respan(memq.clone(), span);
            quote_spanned!(here(span)=> #memq::TopicSpec::new(#path))
        }
    };
    if let Some(version) = topic.version {
        let version = Literal::u16_unsuffixed(version);
        spec.extend(quote!(.version(#version)));
    }
    if let Some(Compress { kind, level, dictionary }) = &topic.compress {
        spec.extend(match level {
            None => quote!(.compression(#memq::Compression::#kind)),
            Some(level) => {
                let level = i32_literal(*level);
                quote!(.compression_level(#memq::Compression::#kind, #level))
            }
        });
        if let Some(path) = dictionary {
            // The whole call is at the path: rustc may have to refuse the file, or what is in it.
            let memq = respan(memq.clone(), path.span());
            spec = quote_spanned! {here(path.span())=>
                #memq::TopicSpec::dictionary(#spec, ::core::include_bytes!(#path))
            };
        }
    }
    if let Some(ttl) = topic.ttl {
        let ttl = duration(ttl);
        spec.extend(quote!(.ttl(#ttl)));
    }
    if let Some(limit) = topic.max_messages {
        let max = limit_literal(limit);
        spec.extend(quote!(.max_messages(#max)));
    }
    if let Some(limit) = topic.max_bytes {
        let max = limit_literal(limit);
        spec.extend(quote!(.max_bytes(#max)));
    }
    if let Some(overflow) = &topic.overflow {
        spec.extend(quote!(.overflow(#memq::Overflow::#overflow)));
    }
    if let Some(partitions) = topic.partitions {
        let partitions = Literal::u16_unsuffixed(partitions);
        spec.extend(quote!(.partitions(#partitions)));
    }
    if let Some(window) = topic.dedup {
        let window = duration(window);
        spec.extend(quote!(.dedup(#window)));
    }
    if let Some(retain) = &topic.retain {
        spec.extend(quote!(.retain(#memq::Retain::#retain)));
    }
    spec
}

fn key_fn(memq: &TokenStream, key: &Key) -> TokenStream {
    let body = match key {
        // The whole call has the span of the field's type, which is what rustc may have to refuse.
        Key::Field(member, ty) => {
            let span = last_span(&ty.to_token_stream());
            let memq = respan(memq.clone(), span);
            let member = respan(member.to_token_stream(), span);
            quote_spanned!(here(span)=> #memq::TopicKey::to_key(&self.#member))
        }
        Key::With(path) => call(path),
    };
    quote! {
        fn key(&self) -> ::core::option::Option<#memq::Key<'_>> {
            #body
        }
    }
}

fn footprint_fn(path: &TokenStream) -> TokenStream {
    let body = call(path);
    quote! {
        fn footprint(&self) -> ::core::primitive::usize {
            #body
        }
    }
}

/// The function of this path, of the message.
fn call(path: &TokenStream) -> TokenStream {
    let self_ = quote_spanned!(here(last_span(path))=> (self));
    quote!(#path #self_)
}

fn duration(duration: Duration) -> TokenStream {
    let seconds = Literal::u64_unsuffixed(duration.as_secs());
    let nanos = Literal::u32_unsuffixed(duration.subsec_nanos());
    quote!(::core::time::Duration::new(#seconds, #nanos))
}

fn limit_literal(limit: Limit) -> Literal {
    // Without a suffix: where `usize` is too small for it, rustc says so, and at the right place.
    let mut literal = Literal::u64_unsuffixed(limit.count);
    literal.set_span(limit.span);
    literal
}

fn i32_literal(level: i32) -> TokenStream {
    let literal = Literal::u32_unsuffixed(level.unsigned_abs());
    if level < 0 { quote!(-#literal) } else { quote!(#literal) }
}

/// A span at that place with the names of the derive's call, not those of a macro around it.
fn here(span: Span) -> Span {
    Span::call_site().located_at(span)
}

/// The same tokens at one place.
fn respan(tokens: TokenStream, span: Span) -> TokenStream {
    let move_token = |mut token: TokenTree| {
        token.set_span(token.span().located_at(span));
        token
    };
    tokens.into_iter().map(move_token).collect()
}

/// The last word, which names the thing.
fn last_span(tokens: &TokenStream) -> Span {
    let is_ident = |token: &TokenTree| matches!(token, TokenTree::Ident(_));
    let all: Vec<TokenTree> = tokens.clone().into_iter().collect();
    let last = all.iter().rev().find(|token| is_ident(token)).or(all.last());
    last.map_or_else(Span::call_site, TokenTree::span)
}

/// memq's usual path.
pub(crate) fn default_path() -> TokenStream {
    let memq = Ident::new("memq", Span::call_site());
    quote!(::#memq)
}
