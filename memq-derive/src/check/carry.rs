//! What serde is told about a type and its format cannot carry: it would fail at the first message, or
//! read other values than were written. Each rule was seen to hold; `tests/carry.rs` shows them.

use proc_macro2::Ident;
use syn::{GenericArgument, PathArguments, Type};

use crate::layout::{Body, Field, Fields, Layout, Style, Variant};
use crate::mistake::Mistakes;
use crate::model::Codec;

/// Refuses what the format cannot carry.
pub(super) fn check(layout: &Layout<'_>, codec: &Codec, mistakes: &mut Mistakes) {
    let Codec::Builtin(format) = codec else { return };
    match format.to_string().as_str() {
        "Postcard" | "Bincode" => {
            for (word, why) in needs_names(layout) {
                let remedy = "or use a format that writes names: `format = Json` or `format = \
                              MessagePack`";
                mistakes.at(word.span(), format_args!("`{format}` {why}, {remedy}"));
            }
        }
        "Json" | "MessagePack" => {
            for (word, why) in needs_places(layout) {
                mistakes.at(
                    word.span(),
                    format_args!("`{format}` writes fields without names by their places, {why}"),
                );
            }
            let null = if format == "Json" { "null" } else { "nil" };
            for option in double_options(layout) {
                mistakes.at(
                    option.span(),
                    format_args!(
                        "`{format}` writes `Some(None)` and `None` as the same {null}, so one is read \
                         as the other: use an enum with three variants, `#[serde(with = \"…\")]` such \
                         as `serde_with::rust::double_option`, or `format = Postcard`"
                    ),
                );
            }
        }
        _ => {}
    }
}

/// The words that only formats carry which write names, each with the reason and half of the remedy.
pub(crate) fn needs_names<'a>(layout: &'a Layout<'_>) -> Vec<(&'a Ident, String)> {
    let mut found = Vec::new();
    let words = &layout.words;
    let way = Way::of(layout);
    // With both the type's own fields and variants are never seen.
    if !way.written && !way.read {
        return found;
    }
    match &layout.body {
        Body::Struct(fields) => {
            if let (Some(tag), true) = (words.get("tag"), way.both()) {
                let text = "reads fields by their places, and a struct's `tag` is written before \
                            them and read by nobody: remove `tag`";
                found.push((tag, text.into()));
            }
            // Serde writes and reads the one field of it, whatever is said there.
            if words.get("transparent").is_none() {
                in_fields(fields, way, fields.style == Style::Newtype, &mut found);
            }
        }
        Body::Enum(variants) => {
            if let (Some(word), true) = (words.get("untagged"), way.read) {
                found.push((word, UNTAGGED.into()));
            }
            if let (Some(word), true) = (words.get("tag"), way.read) {
                let both = if words.get("content").is_some() { " and `content`" } else { "" };
                found.push((
                    word,
                    format!(
                        "reads no names, so a `tag` cannot be looked for: remove `tag`{both}, since \
                         the number of the variant is always written"
                    ),
                ));
            }
            in_variants(variants, way, &mut found);
        }
    }
    found
}

const UNTAGGED: &str = "does not say which type a value has, so no variant can be told by its looks: \
                        remove `untagged`";

/// Which ways serde goes through the type itself, and not through one that it is converted to.
#[derive(Clone, Copy)]
struct Way {
    written: bool,
    read: bool,
}

impl Way {
    fn of(layout: &Layout<'_>) -> Self {
        Self {
            written: layout.words.get("into").is_none(),
            read: layout.words.any(&["from", "try_from"]).is_none(),
        }
    }

    fn both(self) -> bool {
        self.written && self.read
    }
}

fn in_variants<'a>(variants: &'a [Variant<'_>], way: Way, found: &mut Vec<(&'a Ident, String)>) {
    for (at, variant) in variants.iter().enumerate() {
        if let (Some(word), true) = (variant.words.get("untagged"), way.read) {
            found.push((word, UNTAGGED.into()));
        }
        let after = variants[at + 1..].iter().any(Variant::crosses);
        if let (Some(word), true, true) = (variant.words.unread(), after, way.both()) {
            let ident = variant.ident;
            found.push((
                word,
                format!(
                    "writes the number of a variant, which serde counts with `{ident}` where it \
                     writes and without it where it reads: move `{ident}` to the end"
                ),
            ));
        }
        if variant.crosses() {
            in_fields(&variant.fields, way, false, found);
        }
    }
}

/// `alone` is the one field of a newtype struct, which is written and read whatever is said.
fn in_fields<'a>(
    fields: &'a Fields<'_>,
    way: Way,
    alone: bool,
    found: &mut Vec<(&'a Ident, String)>,
) {
    for field in &fields.all {
        let words = &field.words;
        let (unwritten, unread) = (words.unwritten(), words.unread());
        match (unwritten, unread) {
            // Left out both ways.
            (Some(_), Some(_)) => continue,
            _ if alone => {}
            (Some(word), None) if way.both() => found.push((
                word,
                "reads fields by their places, so what is read must be written: write `skip` to \
                 leave the field out both ways"
                    .into(),
            )),
            (None, Some(word)) if way.both() => found.push((
                word,
                "reads fields by their places, so what is written must be read: write `skip` to \
                 leave the field out both ways"
                    .into(),
            )),
            _ => {}
        }
        if let Some(word) = words.get("flatten") {
            found.push((
                word,
                "writes no names, so nothing says which fields belong to a flattened one: remove \
                 `flatten`"
                    .into(),
            ));
        }
        let sometimes = words.get("skip_serializing_if").filter(|_| unwritten.is_none());
        if let (Some(word), true) = (sometimes, way.both() && fields.style != Style::Newtype) {
            found.push((
                word,
                "reads fields by their places, so leaving one out moves those after it: remove \
                 `skip_serializing_if`"
                    .into(),
            ));
        }
    }
}

/// The words that leave a field out of a list, so that those after it are read as others.
pub(crate) fn needs_places<'a>(layout: &'a Layout<'_>) -> Vec<(&'a Ident, &'static str)> {
    let mut found = Vec::new();
    if !Way::of(layout).both() || layout.words.get("transparent").is_some() {
        return found;
    }
    let (own, variants) = match &layout.body {
        Body::Struct(fields) => (Some(fields), &[][..]),
        Body::Enum(variants) => (None, &variants[..]),
    };
    let own = own.filter(|fields| fields.style == Style::Tuple);
    let variants = variants.iter().filter(|variant| variant.crosses()).map(|v| &v.fields);
    let variants = variants.filter(|f| matches!(f.style, Style::Tuple | Style::Newtype));
    for fields in own.into_iter().chain(variants) {
        let mut last = true;
        for field in fields.all.iter().rev() {
            let words = &field.words;
            let left_out = match (words.unwritten(), words.unread()) {
                (Some(_), Some(_)) => continue,
                (None, Some(word)) => {
                    found.push((
                        word,
                        "so what is written must be read: write `skip` to leave the field out both \
                         ways, or give the fields names",
                    ));
                    None
                }
                (None, None) if fields.style == Style::Newtype => None,
                (unwritten, None) => unwritten.or(words.get("skip_serializing_if")),
            };
            // An end that is missing can be filled up, but not that of a list that is none.
            last &= fields.style == Style::Tuple;
            let defaulted = words.any(&["default"]).or(layout.words.get("default")).is_some();
            if let (Some(word), false) = (left_out, last && defaulted) {
                found.push((
                    word,
                    "and leaving one out moves those after it: remove this word, or give the fields \
                     names",
                ));
            }
            last = false;
        }
    }
    found
}

/// The fields with an option in an option, which has one `null` for two values.
pub(crate) fn double_options<'a>(layout: &'a Layout<'_>) -> impl Iterator<Item = &'a Ident> {
    layout.fields().flat_map(|fields| &fields.all).filter_map(double_option)
}

fn double_option<'a>(field: &'a Field<'_>) -> Option<&'a Ident> {
    let words = &field.words;
    let own_way = words.any(&["with", "serialize_with", "deserialize_with"]);
    if own_way.is_some() || words.unwritten().is_some() || words.unread().is_some() {
        return None;
    }
    nested_option(field.ty)
}

/// The outer of two options with nothing between them that is written.
fn nested_option(ty: &Type) -> Option<&Ident> {
    if let Some((option, inner)) = option(ty) {
        if option_behind_pointers(inner) {
            return Some(option);
        }
    }
    inner(ty).into_iter().find_map(nested_option)
}

fn option_behind_pointers(ty: &Type) -> bool {
    match ty {
        Type::Paren(inner) => option_behind_pointers(&inner.elem),
        Type::Group(inner) => option_behind_pointers(&inner.elem),
        Type::Reference(inner) => option_behind_pointers(&inner.elem),
        _ if option(ty).is_some() => true,
        _ => match generic(ty) {
            Some((ident, arguments)) if POINTERS.contains(&&*ident.to_string()) => {
                arguments.last().is_some_and(|inner| option_behind_pointers(inner))
            }
            _ => false,
        },
    }
}

fn option(ty: &Type) -> Option<(&Ident, &Type)> {
    match generic(ty)? {
        (ident, arguments) if ident == "Option" => Some((ident, arguments.first()?)),
        _ => None,
    }
}

/// What serde writes as what is in it.
const POINTERS: [&str; 10] =
    ["Box", "Rc", "Arc", "Cow", "Cell", "RefCell", "Mutex", "RwLock", "Reverse", "Wrapping"];

/// What is known to write all that is in it.
const COLLECTIONS: [&str; 11] = [
    "Option",
    "Result",
    "Vec",
    "VecDeque",
    "LinkedList",
    "BinaryHeap",
    "HashMap",
    "HashSet",
    "BTreeMap",
    "BTreeSet",
    "Range",
];

/// The types that are written where this one is, as far as that is known.
fn inner(ty: &Type) -> Vec<&Type> {
    match ty {
        Type::Paren(ty) => vec![&ty.elem],
        Type::Group(ty) => vec![&ty.elem],
        Type::Reference(ty) => vec![&ty.elem],
        Type::Array(ty) => vec![&ty.elem],
        Type::Slice(ty) => vec![&ty.elem],
        Type::Tuple(ty) => ty.elems.iter().collect(),
        _ => match generic(ty) {
            Some((ident, arguments)) => {
                let ident = ident.to_string();
                let known = POINTERS.contains(&&*ident) || COLLECTIONS.contains(&&*ident);
                if known { arguments } else { Vec::new() }
            }
            None => Vec::new(),
        },
    }
}

/// The last word of a path, with the types in its brackets.
fn generic(ty: &Type) -> Option<(&Ident, Vec<&Type>)> {
    let Type::Path(path) = ty else { return None };
    let last = path.path.segments.last()?;
    let PathArguments::AngleBracketed(arguments) = &last.arguments else { return None };
    let types = arguments.args.iter().filter_map(|argument| match argument {
        GenericArgument::Type(ty) => Some(ty),
        _ => None,
    });
    Some((&last.ident, types.collect()))
}
