//! What a codec sees of a type, as constants: the fingerprint, and what is asked of the types inside.
//!
//! Names and words of serde are in the text of the fingerprint; the types of fields are asked for
//! theirs where they have one, which the compiler knows and this crate does not.

use std::fmt::Write;

use proc_macro2::{Ident, Literal, Span, TokenStream};
use quote::{ToTokens, quote, quote_spanned};
use syn::{DeriveInput, GenericArgument, PathArguments, Type};

use super::{allow, here, last_span, mentions, respan};
use crate::layout::{Body, Field, Fields, Layout, Style, spelled, spelled_in};

/// The impl of `Shape`. `refusals` are the constants that say why formats cannot carry it, each with what
/// is so in the type itself.
pub(crate) fn expand(
    input: &DeriveInput,
    memq: &TokenStream,
    layout: &Layout<'_>,
    refusals: [(&str, Option<String>); 2],
) -> TokenStream {
    let ident = &input.ident;
    let mut generics = input.generics.clone();
    for param in generics.type_params_mut() {
        param.bounds.push(syn::parse_quote!(#memq::Shape));
    }
    let (impl_generics, type_generics, where_clause) = generics.split_for_impl();
    let writer = Writer { memq, input };
    let shape = writer.fingerprint(layout);
    let spelled = writer.spelled();
    let inner = writer.asked(layout);
    let refusals = refusals.into_iter().filter_map(|(constant, text)| {
        let constant = Ident::new(constant, Span::call_site());
        let why = match text {
            Some(text) => quote!(::core::option::Option::Some(#text)),
            None if inner.is_empty() => return None,
            None => quote! {{
                #spelled
                #memq::schema::probe::first(&[#(#memq::schema::probe::Of::<#inner>::#constant),*])
            }},
        };
        Some(quote! {
            const #constant: ::core::option::Option<&'static ::core::primitive::str> = #why;
        })
    });
    let aliases = writer.aliases(layout);
    let allow = allow(input, false);
    quote! {
        #[automatically_derived]
        #allow
        impl #impl_generics #memq::Shape for #ident #type_generics #where_clause {
            const SHAPE: #memq::schema::Fingerprint = {
                #spelled
                #shape
            };
            #(#refusals)*
            #aliases
        }
    }
}

/// The constant of a topic. In a generic one it fails where a type inside says by the constant `refusal`
/// that the topic's format cannot carry it; for others that is asked beside it.
pub(super) fn of_topic(
    input: &DeriveInput,
    memq: &TokenStream,
    layout: &Layout<'_>,
    refusal: Option<&str>,
) -> TokenStream {
    let writer = Writer { memq, input };
    let shape = writer.fingerprint(layout);
    let generic = !input.generics.params.is_empty();
    let asked = refusal.filter(|_| generic).and_then(|refusal| writer.carried(layout, refusal));
    let asked = asked.unwrap_or_else(|| writer.spelled());
    quote! {
        const SHAPE: ::core::option::Option<#memq::schema::Fingerprint> = {
            #asked
            ::core::option::Option::Some(#shape)
        };
    }
}

/// Statements that fail where a type inside says by the constant `refusal` that it is not carried; `None`
/// where none may.
pub(super) fn carried(
    input: &DeriveInput,
    memq: &TokenStream,
    layout: &Layout<'_>,
    refusal: &str,
) -> Option<TokenStream> {
    Writer { memq, input }.carried(layout, refusal)
}

/// The function that tells aliases, where there may be any.
pub(super) fn aliases(input: &DeriveInput, memq: &TokenStream, layout: &Layout<'_>) -> TokenStream {
    Writer { memq, input }.aliases(layout)
}

struct Writer<'a> {
    memq: &'a TokenStream,
    input: &'a DeriveInput,
}

impl Writer<'_> {
    /// Types without a shape have one in words, where this is in scope. In a type whose fields all have
    /// one it is not used.
    fn spelled(&self) -> TokenStream {
        let memq = self.memq;
        quote!(use #memq::schema::probe::Spelled as _;)
    }

    fn carried(&self, layout: &Layout<'_>, refusal: &str) -> Option<TokenStream> {
        let asked = self.asked(layout);
        let asks = asked.iter().map(|ty| {
            let span = last_span(&ty.to_token_stream());
            let constant = Ident::new(refusal, here(span));
            let memq = respan(self.memq.clone(), span);
            quote_spanned! {here(span)=>
                #memq::schema::probe::carried(#memq::schema::probe::Of::<#ty>::#constant);
            }
        });
        let spelled = self.spelled();
        (!asked.is_empty()).then(|| quote!(#spelled #(#asks)*))
    }

    fn fingerprint(&self, layout: &Layout<'_>) -> TokenStream {
        let mut print = Print { writer: self, text: String::new(), code: None };
        print.layout(layout);
        print.flush();
        print.code.unwrap_or_default()
    }

    /// A type that would need the constant it is asked for, as far as its name tells.
    fn is_recursive(&self, ty: &Type) -> bool {
        spelled_in(&self.input.ident, ty) != spelled(ty)
            || mentions(&ty.to_token_stream(), &["Self".into()])
    }

    /// The types that may have something to say of themselves.
    fn asked(&self, layout: &Layout<'_>) -> Vec<Type> {
        let words = &layout.words;
        let from = words.text("from").or(words.text("try_from"));
        let types: Vec<Type> = match (words.text("into"), from) {
            // The type's own fields are in no message.
            (Some(into), Some(from)) => {
                [into, from].iter().filter_map(|t| t.parse().ok()).collect()
            }
            _ => {
                let fields = layout.fields().flat_map(|fields| &fields.all);
                let fields = fields.filter(|field| {
                    let words = &field.words;
                    let crosses = words.unwritten().is_none() || words.unread().is_none();
                    // How else a field is written is not known.
                    crosses && words.any(&["with", "serialize_with", "deserialize_with"]).is_none()
                });
                fields.map(|field| field.ty.clone()).collect()
            }
        };
        let mut seen = Vec::new();
        let mut asked = Vec::new();
        for ty in types.iter().flat_map(|ty| self.finite(ty)) {
            let spelled = spelled(ty);
            if !is_plain(ty) && !seen.contains(&spelled) {
                seen.push(spelled);
                asked.push(ty.clone());
            }
        }
        asked
    }

    /// The type, if it is not recursive; and if it is, those in its brackets that are not.
    fn finite<'t>(&self, ty: &'t Type) -> Vec<&'t Type> {
        if !self.is_recursive(ty) {
            return vec![ty];
        }
        parts(ty).into_iter().flat_map(|part| self.finite(part)).collect()
    }

    fn aliases(&self, layout: &Layout<'_>) -> TokenStream {
        let memq = self.memq;
        let container = &layout.name;
        let out = Ident::new("out", Span::mixed_site());
        let mut own = TokenStream::new();
        let mut add = |words: &crate::serde::Words, name: &str| {
            for alias in words.texts("alias") {
                own.extend(quote!(#out.add(#container, #name, #alias);));
            }
        };
        if let Body::Enum(variants) = &layout.body {
            for variant in variants {
                add(&variant.words, &variant.name);
            }
        }
        for field in layout.fields().flat_map(|fields| &fields.all) {
            add(&field.words, &field.name);
        }
        let inner = self.asked(layout);
        if own.is_empty() && inner.is_empty() {
            return own;
        }
        let spelled = self.spelled();
        quote! {
            fn aliases(#out: &mut #memq::schema::Aliases) {
                #spelled
                if #out.enter::<Self>() {
                    #own
                    #(#memq::schema::probe::Of::<#inner>::aliases(#out);)*
                }
            }
        }
    }
}

/// A fingerprint as it is written down: text is gathered until a type stands between.
struct Print<'a> {
    writer: &'a Writer<'a>,
    text: String,
    code: Option<TokenStream>,
}

impl Print<'_> {
    fn layout(&mut self, layout: &Layout<'_>) {
        let words = &layout.words;
        if let Some(into) = words.text("into") {
            // Its own fields are in no message.
            self.text.push_str("into");
            return self.converted(into);
        }
        for word in ["from", "try_from"] {
            if let Some(from) = words.text(word) {
                self.text.push_str(word);
                self.converted(from);
            }
        }
        for word in ["transparent", "untagged"] {
            if words.get(word).is_some() {
                self.word(word);
            }
        }
        for word in ["tag", "content"] {
            if let Some(text) = words.text(word) {
                self.word(&format!("{word}={:?}", text.value()));
            }
        }
        match &layout.body {
            Body::Struct(fields) => self.fields(fields),
            Body::Enum(variants) => {
                self.word("enum");
                for variant in variants {
                    self.word(&format!("{:?}", variant.name));
                    for word in ["untagged", "skip", "skip_serializing", "skip_deserializing"] {
                        if variant.words.get(word).is_some() {
                            self.word(word);
                        }
                    }
                    self.with(&variant.words);
                    if variant.words.unwritten().is_none() || variant.words.unread().is_none() {
                        self.fields(&variant.fields);
                    }
                }
            }
        }
    }

    fn fields(&mut self, fields: &Fields<'_>) {
        self.word(match fields.style {
            Style::Unit => "unit",
            Style::Newtype => "newtype",
            Style::Tuple => "tuple",
            Style::Struct => "struct",
        });
        for field in &fields.all {
            // What is left out both ways is not there.
            if field.words.unwritten().is_none() || field.words.unread().is_none() {
                self.field(field, fields.style);
            }
        }
    }

    fn field(&mut self, field: &Field<'_>, style: Style) {
        if style == Style::Struct {
            self.word(&format!("{:?}", field.name));
        }
        for word in ["flatten", "skip_serializing", "skip_deserializing", "skip_serializing_if"] {
            if field.words.get(word).is_some() {
                self.word(word);
            }
        }
        self.with(&field.words);
        self.ty(field.ty);
    }

    fn with(&mut self, words: &crate::serde::Words) {
        for word in ["with", "serialize_with"] {
            if let Some(path) = words.text(word) {
                self.word(&format!("{word}={:?}", path.value()));
            }
        }
    }

    fn word(&mut self, word: &str) {
        let space = if self.text.is_empty() { "" } else { " " };
        // Writing to a `String` cannot fail.
        let _ = write!(self.text, "{space}{word}");
    }

    /// A type that serde converts to or from, named in a text.
    fn converted(&mut self, text: &syn::LitStr) {
        match text.parse::<Type>() {
            Ok(ty) => self.ty(&ty),
            // Serde refuses it.
            Err(_) => self.word(&text.value()),
        }
    }

    fn ty(&mut self, ty: &Type) {
        self.flush();
        let memq = self.writer.memq;
        let Some(code) = &mut self.code else { return };
        if self.writer.is_recursive(ty) {
            let spelled = spelled_in(&self.writer.input.ident, ty);
            code.extend(quote!(.and(#spelled)));
        }
        for ty in self.writer.finite(ty) {
            let spelled = spelled(ty);
            code.extend(quote!(.field(#memq::schema::probe::Of::<#ty>::SHAPE, #spelled)));
        }
    }

    /// The text so far, as a call.
    fn flush(&mut self) {
        let text = Literal::string(&std::mem::take(&mut self.text));
        let memq = self.writer.memq;
        match &mut self.code {
            None => self.code = Some(quote!(#memq::schema::Fingerprint::of(#text))),
            Some(code) if text.to_string() != "\"\"" => code.extend(quote!(.and(#text))),
            Some(_) => {}
        }
    }
}

/// The types that a type is put together from, as far as its name tells.
fn parts(ty: &Type) -> Vec<&Type> {
    match ty {
        Type::Tuple(ty) => ty.elems.iter().collect(),
        Type::Array(ty) => vec![&ty.elem],
        Type::Slice(ty) => vec![&ty.elem],
        Type::Reference(ty) => vec![&ty.elem],
        Type::Paren(ty) => vec![&ty.elem],
        Type::Group(ty) => vec![&ty.elem],
        Type::Path(path) => match path.path.segments.last().map(|last| &last.arguments) {
            Some(PathArguments::AngleBracketed(arguments)) => arguments
                .args
                .iter()
                .filter_map(|argument| match argument {
                    GenericArgument::Type(ty) => Some(ty),
                    _ => None,
                })
                .collect(),
            _ => Vec::new(),
        },
        _ => Vec::new(),
    }
}

/// Whether a type has no aliases and carries no words of serde, as far as its name tells.
fn is_plain(ty: &Type) -> bool {
    const WORDS: [&str; 18] = [
        "bool", "char", "f32", "f64", "i8", "i16", "i32", "i64", "i128", "isize", "u8", "u16",
        "u32", "u64", "u128", "usize", "str", "String",
    ];
    const HOLDERS: [&str; 4] = ["Option", "Vec", "Box", "Arc"];
    match ty {
        Type::Tuple(ty) => ty.elems.iter().all(is_plain),
        Type::Array(ty) => is_plain(&ty.elem),
        Type::Slice(ty) => is_plain(&ty.elem),
        Type::Reference(ty) => is_plain(&ty.elem),
        Type::Paren(ty) => is_plain(&ty.elem),
        Type::Group(ty) => is_plain(&ty.elem),
        // One in a module may be anybody's.
        Type::Path(path) if path.qself.is_none() && path.path.segments.len() == 1 => {
            path.path.segments.last().is_some_and(|word| match &word.arguments {
                PathArguments::None => WORDS.iter().any(|plain| word.ident == plain),
                PathArguments::AngleBracketed(arguments) => {
                    let plain = |it: &_| matches!(it, GenericArgument::Type(ty) if is_plain(ty));
                    HOLDERS.iter().any(|holder| word.ident == holder)
                        && arguments.args.iter().all(plain)
                }
                PathArguments::Parenthesized(_) => false,
            })
        }
        _ => false,
    }
}
