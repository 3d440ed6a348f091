//! From entries to a topic: every option at most once, each with a value it can have, and all of
//! them together possible. It stops at no mistake and writes no code.

pub(crate) mod carry;
mod compress;
mod key;
pub(crate) mod value;
mod version;

use proc_macro2::{Ident, Span, TokenStream};
use syn::{Attribute, Data, DeriveInput, GenericParam, Lit, LitStr};

use crate::attr::{self, Entry, Form, Value};
use crate::expand;
use crate::layout::Layout;
use crate::mistake::Mistakes;
use crate::model::{Codec, Compress, Features, Key, Limit, Name, Topic, Upcast};
use crate::suggest::{self, COMPRESSIONS, FORMATS, OPTIONS, OVERFLOWS, RETAINS};

/// What the checks make of a declaration.
pub(crate) struct Checked {
    /// Where memq is, as far as `crate = …` can be trusted.
    pub(crate) memq: TokenStream,
    /// The name and the version as far as they are right, also where something else is wrong.
    pub(crate) known: (Option<LitStr>, Option<u16>),
    pub(crate) topic: Result<Topic, syn::Error>,
}

/// Checks everything.
pub(crate) fn check(
    input: &DeriveInput,
    layout: Option<&Layout<'_>>,
    features: Features,
) -> Checked {
    let mut mistakes = Mistakes::default();
    check_shape(input, &mut mistakes);
    let said = options(input, features, &mut mistakes);
    let key = key::check(input, said.key_with, &mut mistakes);
    if let (Some(layout), Some(codec)) = (layout, &said.codec) {
        carry::check(layout, codec, &mut mistakes);
    }
    let memq = said.memq.unwrap_or_else(expand::default_path);
    let version = said.version.map(|version| version.number);
    let known = match &said.name {
        Some(Name::Literal(name)) => (Some(name.clone()), version),
        _ => (None, version),
    };
    let topic = Topic {
        memq: memq.clone(),
        // Where it is missing there is a mistake, and nobody reads the name.
        name: said.name.unwrap_or_else(|| Name::Literal(LitStr::new("", Span::call_site()))),
        codec: said.codec.unwrap_or(Codec::Default),
        compress: said.compress.map(|(compress, _)| compress),
        ttl: said.ttl,
        max_messages: said.max_messages,
        max_bytes: said.max_bytes,
        overflow: said.overflow,
        partitions: said.partitions,
        dedup: said.dedup,
        retain: said.retain,
        key,
        footprint: said.footprint.map(|(path, _)| path),
        version,
        upcast: said.upcast.map(|(upcast, _)| upcast),
    };
    Checked { memq, known, topic: mistakes.into_error().map_or(Ok(topic), Err) }
}

/// The attributes called `topic`.
fn topic_attributes(attributes: &[Attribute]) -> impl Iterator<Item = &Attribute> {
    attributes.iter().filter(|attribute| attribute.path().is_ident("topic"))
}

/// What no option can help: unions and borrowed data.
fn check_shape(input: &DeriveInput, mistakes: &mut Mistakes) {
    if let Data::Union(data) = &input.data {
        mistakes.at(
            data.union_token.span,
            "a union cannot be a topic, since nothing says which of its fields is there: use an \
             enum",
        );
    }
    for param in input.generics.lifetimes() {
        let lifetime = &param.lifetime;
        mistakes.at(
            lifetime.ident.span(),
            format_args!(
                "a message outlives its publisher, so it cannot borrow for `{lifetime}`: own the \
                 data, as `String`, `Vec` or `Arc`, or borrow for `'static`"
            ),
        );
    }
}

/// What the attributes of the type say, as far as it is right.
#[derive(Default)]
struct Said {
    /// `crate`.
    memq: Option<TokenStream>,
    name: Option<Name>,
    /// `codec` or `format`.
    codec: Option<Codec>,
    /// With the place of the value.
    compress: Option<(Compress, Span)>,
    ttl: Option<std::time::Duration>,
    /// `max`.
    max_messages: Option<Limit>,
    /// `max_bytes`, or `max` with a unit.
    max_bytes: Option<Limit>,
    overflow: Option<Ident>,
    partitions: Option<u16>,
    dedup: Option<std::time::Duration>,
    retain: Option<Ident>,
    /// With the place of the word.
    key_with: Option<(Key, Span)>,
    /// `footprint_with`, with the place of the word.
    footprint: Option<(TokenStream, Span)>,
    version: Option<version::Version>,
    /// With the word that said it.
    upcast: Option<(Upcast, Ident)>,
}

/// Reads all attributes of the type, and checks what needs several of them.
fn options(input: &DeriveInput, features: Features, mistakes: &mut Mistakes) -> Said {
    let example = format!("name = {}", name_of(input));
    let mut said = Said::default();
    let mut seen = Seen::default();
    let mut first = None;
    for attribute in topic_attributes(&input.attrs) {
        first.get_or_insert_with(|| attr::span(attribute));
        let found = attr::entries(attribute, &example, mistakes);
        if found.may_hold_name {
            seen.meant.push("name");
        }
        for entry in &found.entries {
            option(entry, input, features, &mut seen, &mut said, mistakes);
        }
    }
    let ident = &input.ident;
    match first {
        None => mistakes.at(
            ident.span(),
            format_args!("the topic of `{ident}` has no name: add `#[topic({example})]`"),
        ),
        Some(span) if !seen.tried("name") => {
            mistakes.at(span, format_args!("the topic of `{ident}` has no name: add `{example}`"))
        }
        Some(_) => {}
    }
    check_compression(&said, &seen, mistakes);
    let codec = match &said.codec {
        // A format that is not understood may be any.
        None if seen.tried("format") || seen.tried("codec") => None,
        codec => Some(codec.as_ref().unwrap_or(&Codec::Default)),
    };
    if let (Some((_, span)), Some(codec)) = (&said.footprint, codec) {
        if !codec.is_native() {
            mistakes.at(
                *span,
                "`footprint_with` is for native topics: of others the bytes are counted, so leave it out",
            );
        }
    }
    let tried = seen.tried("version");
    version::check(said.version.as_ref(), tried, said.upcast.as_ref(), codec, mistakes);
    said
}

/// The options there were, so that what is missing or rivals another is known.
#[derive(Default)]
struct Seen {
    /// Each at its first place, whether its value is right or not.
    words: Vec<Ident>,
    /// What words that are no options were probably meant as.
    meant: Vec<&'static str>,
}

impl Seen {
    /// Where an option first was.
    fn span(&self, option: &str) -> Option<Span> {
        self.words.iter().find(|word| *word == option).map(Ident::span)
    }

    /// Whether somebody wrote an option, or something like it.
    fn tried(&self, option: &str) -> bool {
        self.meant.contains(&option) || self.span(option).is_some()
    }
}

/// One entry of the type's attributes.
fn option(
    entry: &Entry,
    input: &DeriveInput,
    features: Features,
    seen: &mut Seen,
    said: &mut Said,
    mistakes: &mut Mistakes,
) {
    let word = entry.word.to_string();
    let span = entry.word.span();
    let Some(example) = OPTIONS.example(&word) else {
        let text = match word.as_str() {
            "key" => key::on_the_type(entry, input),
            _ => unknown(&word, &entry.form, seen),
        };
        return mistakes.at(span, text);
    };
    if let Some(first) = seen.span(&word) {
        return mistakes.twice(first, span, &format!("`{word}`"), "keep one");
    }
    seen.words.push(entry.word.clone());
    let value = match &entry.form {
        Form::Value(Value::Missing(_)) | Form::Bare => {
            return mistakes.at(span, format_args!("`{word}` needs a value: `{example}`"));
        }
        Form::Odd => {
            let text = format!("`{word}` takes its value after `=`: `{example}`");
            return mistakes.at(span, text);
        }
        Form::Value(value) => value,
    };
    let before = mistakes.count();
    match word.as_str() {
        "name" => {
            said.name = value::name(value, mistakes);
            if let Some(name) = &said.name {
                check_generic_name(name, value.span(), input, mistakes);
            }
        }
        "format" => match seen.span("codec") {
            Some(first) => mistakes.twice(first, span, "the codec", "keep `codec` or `format`"),
            None => said.codec = value::format(value, features, mistakes),
        },
        "codec" => match seen.span("format") {
            Some(first) => mistakes.twice(first, span, "the codec", "keep `codec` or `format`"),
            None => said.codec = value::type_path(value, mistakes).map(Codec::Path),
        },
        "compress" => {
            let compress = compress::compress(value, features, mistakes);
            said.compress = compress.map(|compress| (compress, value.span()));
        }
        "ttl" => said.ttl = value::ttl(value, mistakes),
        "max" => match value::max(value, mistakes) {
            Some(value::Max::Messages(limit)) => said.max_messages = Some(limit),
            Some(value::Max::Bytes(limit)) => match seen.span("max_bytes") {
                Some(first) => {
                    mistakes.twice(first, span, "the limit in bytes", "keep `max_bytes`");
                }
                None => said.max_bytes = Some(limit),
            },
            None => {}
        },
        "max_bytes" => {
            let limit = value::max_bytes(value, mistakes);
            match (seen.span("max"), said.max_bytes) {
                (Some(first), Some(_)) => {
                    mistakes.twice(first, span, "the limit in bytes", "keep `max_bytes`");
                }
                _ => said.max_bytes = limit,
            }
        }
        "overflow" => said.overflow = value::overflow(value, mistakes),
        "partitions" => said.partitions = value::partitions(value, mistakes),
        "dedup" => said.dedup = value::dedup(value, mistakes),
        "retain" => said.retain = value::retain(value, mistakes),
        "key_with" => {
            let path = value::function(value, mistakes);
            said.key_with = path.map(|path| (Key::With(path), span));
        }
        "footprint_with" => {
            said.footprint = value::footprint(value, mistakes).map(|path| (path, span));
        }
        "version" => said.version = version::version(value, mistakes),
        "upcast_from" | "try_upcast_from" => {
            let other = if word == "upcast_from" { "try_upcast_from" } else { "upcast_from" };
            match seen.span(other) {
                Some(first) => {
                    let remedy = "keep `upcast_from` or `try_upcast_from`";
                    mistakes.twice(first, span, "the older type", remedy);
                }
                None => said.upcast = version::upcast(&entry.word, value, input, mistakes),
            }
        }
        "crate" => said.memq = value::module(value, mistakes),
        _ => {}
    }
    if let (Value::Excess(_, token), true) = (value, mistakes.count() == before) {
        value::excess(&word, token, mistakes);
    }
}

/// What to say about a word that is no option.
fn unknown(word: &str, form: &Form, seen: &mut Seen) -> String {
    // `Json` alone is a value without its option.
    let kinds = [
        ("format", &FORMATS),
        ("compress", &COMPRESSIONS),
        ("overflow", &OVERFLOWS),
        ("retain", &RETAINS),
    ];
    for (option, values) in kinds {
        if let (Form::Bare, Some(example)) = (form, values.example(word)) {
            seen.meant.push(option);
            return format!("`{word}` is a value: write `{example}`");
        }
    }
    // Elsewhere retention is a time, or a policy.
    if let ("retention", Form::Value(Value::Literal(Lit::Str(_) | Lit::Int(_)))) = (word, form) {
        return OPTIONS.called(word, "ttl");
    }
    if let Some(text) = suggest::elsewhere(word) {
        return text;
    }
    seen.meant.extend(OPTIONS.meant(word));
    OPTIONS.unknown(word)
}

/// Compression works on bytes, and native messages are none.
fn check_compression(said: &Said, seen: &Seen, mistakes: &mut Mistakes) {
    let Some((compress, span)) = &said.compress else { return };
    let kind = &compress.kind;
    let reason = match &said.codec {
        _ if kind == "None" => return,
        Some(codec) if codec.is_native() => "native messages",
        Some(_) => return,
        // A format that is not understood may be any.
        None if seen.tried("format") || seen.tried("codec") => return,
        None => "without a format messages",
    };
    mistakes.at(
        *span,
        format_args!(
            "{reason} are never bytes, so `{kind}` has nothing to compress: write a format, such \
             as `format = Json`, or remove `compress`"
        ),
    );
}

/// A generic type is many types, and each needs a topic of its own.
fn check_generic_name(name: &Name, span: Span, input: &DeriveInput, mistakes: &mut Mistakes) {
    let depends = match name {
        Name::Literal(_) => false,
        Name::Path(path) => {
            let mut words = vec![input.ident.to_string(), "Self".into()];
            words.extend(parameters(input).map(Ident::to_string));
            expand::mentions(path, &words)
        }
    };
    if let (false, Some(param)) = (depends, parameters(input).next()) {
        mistakes.at(
            span,
            format_args!(
                "every `{param}` would share this name, and two types cannot share a topic: name a \
                 constant that depends on `{param}`, such as `name = {}`",
                name_of(input)
            ),
        );
    }
}

/// The type and const parameters.
fn parameters(input: &DeriveInput) -> impl Iterator<Item = &Ident> {
    input.generics.params.iter().filter_map(|param| match param {
        GenericParam::Type(param) => Some(&param.ident),
        GenericParam::Const(param) => Some(&param.ident),
        GenericParam::Lifetime(_) => None,
    })
}

/// A constant that can depend on the parameters.
fn name_of(input: &DeriveInput) -> String {
    match (input.generics.type_params().next(), parameters(input).next()) {
        (Some(param), _) => format!("{}::NAME", param.ident),
        (None, Some(_)) => "Self::NAME".into(),
        (None, None) => format!("{:?}", suggest::topic_name(&input.ident.to_string())),
    }
}
