//! What the derive writes, to the letter, and what it says where a feature of memq is off, which
//! no test of a whole program can show together with the features that are on.
//!
//! After a change run once with `MEMQ_BLESS=1`, and read what changed in `tests/snapshots`.

mod carry;

use proc_macro2::{TokenStream, TokenTree};
use syn::DeriveInput;

use crate::derive;
use crate::layout::Layout;
use crate::model::Features;

const ALL: Features = Features {
    json: true,
    messagepack: true,
    bincode: true,
    postcard: true,
    gzip: true,
    zstd: true,
};

const NO: Features = Features {
    json: false,
    messagepack: false,
    bincode: false,
    postcard: false,
    gzip: false,
    zstd: false,
};

fn item(text: &str) -> DeriveInput {
    syn::parse_str(text).unwrap_or_else(|error| panic!("{error}: {text}"))
}

/// The texts of all `compile_error!` in the output.
fn errors(input: &str, features: Features) -> Vec<String> {
    let item = item(input);
    match crate::check::check(&item, Layout::of(&item).as_ref(), features).topic {
        Ok(_) => Vec::new(),
        Err(error) => error.into_iter().map(|error| error.to_string()).collect(),
    }
}

fn snapshot(name: &str, input: &str) {
    written(name, derive(item(input), ALL));
}

fn written(name: &str, code: TokenStream) {
    let file = syn::parse2(code).expect("the derive writes Rust");
    let written = prettyplease::unparse(&file);
    let path =
        format!("{}/tests/snapshots/{name}.rs", std::env::var("CARGO_MANIFEST_DIR").unwrap());
    if std::env::var_os("MEMQ_BLESS").is_some() {
        std::fs::write(&path, written).unwrap();
        return;
    }
    let expected = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(written == expected, "{path} holds:\n{expected}\nwritten is:\n{written}");
}

#[test]
fn a_name_is_all_it_takes() {
    snapshot("smallest", r#"#[topic(name = "orders")] struct Order;"#);
}

#[test]
fn every_option_becomes_one_call() {
    snapshot(
        "all_options",
        r#"
        #[topic(name = "orders", format = Json, compress = Zstd, ttl = "1h 250ms", max = 10_000)]
        #[topic(max_bytes = "64MiB", overflow = Reject, partitions = 8, dedup = "2m")]
        #[topic(retain = UntilConsumed)]
        struct Order {
            #[topic(key)]
            customer: u64,
            item: String,
        }"#,
    );
}

#[test]
fn a_dictionary_is_in_the_program() {
    snapshot(
        "dictionary",
        r#"
        #[topic(name = "orders", format = Json, compress = Zstd(7, dict = "orders.dict"))]
        struct Order;"#,
    );
}

#[test]
fn paths_are_kept_as_they_are_written() {
    snapshot(
        "paths",
        r#"
        #[topic(
            name = names::ORDERS,
            codec = my::Codec<Self>,
            compress = Gzip(9),
            key_with = Self::key_of,
            crate = my::memq,
        )]
        enum Order { Placed(u64), Cancelled }"#,
    );
}

#[test]
fn a_generic_type_asks_the_bounds_of_the_whole() {
    snapshot(
        "generic",
        r#"
        #[topic(name = <T as Named>::NAME, format = Postcard, compress = Zstd(-7))]
        struct Order<T: Named = Tea, const N: usize = 3>([T; N], #[topic(key)] T::Key)
        where
            T: Clone;"#,
    );
}

#[test]
fn versions_and_older_types_are_constants() {
    snapshot(
        "upcast",
        r#"
        #[topic(name = "orders", format = Postcard, version = 3, try_upcast_from = v2::Order)]
        struct Order {
            #[serde(rename = "client", alias = "customer")]
            customer_id: u64,
            #[serde(default)]
            lines: Vec<Line>,
            earlier: Option<Box<Order>>,
            #[serde(skip)]
            cached: Cache,
        }"#,
    );
}

#[test]
fn what_serde_is_told_is_in_the_fingerprint() {
    snapshot(
        "serde_words",
        r#"
        #[topic(name = "orders", format = Json)]
        #[serde(tag = "kind", content = "of", rename_all = "snake_case")]
        enum Order {
            #[serde(alias = "ordered")]
            PlacedNow(u64, #[serde(with = "cents")] Money),
            #[serde(rename = "gone", rename_all = "camelCase")]
            Cancelled {
                #[serde(skip_serializing_if = "Option::is_none")]
                why_so: Option<String>,
                #[serde(flatten)]
                more: Extra,
            },
            #[serde(skip)]
            Draft,
        }"#,
    );
    snapshot(
        "converted",
        r#"
        #[topic(name = "orders", format = MessagePack)]
        #[serde(try_from = "Wire<u8>", into = "Wire<u8>")]
        struct Order { item: Item }"#,
    );
}

#[test]
fn a_shape_is_what_serde_makes_of_a_type() {
    let shape = |name: &str, input: &str| written(name, crate::shape::derive(&item(input)));
    shape(
        "shape",
        r#"
        struct Line<T: Clone, const N: usize>
        where
            T: Copy,
        {
            #[serde(alias = "name")]
            item: T,
            counts: [u32; N],
            next: Option<Box<Self>>,
            extra: Extra<T>,
        }"#,
    );
    shape(
        "shape_of_an_enum",
        r#"
        #[shape(crate = my::memq)]
        enum State { Placed, Sent { #[serde(flatten)] how: How }, Gone(u8, u16) }"#,
    );
    shape("shape_of_a_union", "union Bits { number: u64, bits: [u8; 8] }");
}

#[test]
fn an_impl_holds_the_place_of_a_wrong_type() {
    snapshot(
        "fallback",
        r#"
        #[topic(nmae = "orders", crate = my::memq)]
        struct Order<'a, T: 'a>(&'a [T]) where [T]: Fn(&'a str);"#,
    );
}

#[test]
fn a_format_whose_feature_is_off_names_it() {
    for (word, feature) in [
        ("Json", "json"),
        ("MessagePack", "messagepack"),
        ("Bincode", "bincode"),
        ("Postcard", "postcard"),
    ] {
        let input = format!(r#"#[topic(name = "orders", format = {word})] struct Order;"#);
        assert_eq!(
            errors(&input, NO),
            [format!(
                "format `{word}` needs memq's feature `{feature}`: `memq = {{ version = \"0.1\", \
                 features = [\"{feature}\"] }}`"
            )]
        );
        assert!(errors(&input, ALL).is_empty());
    }
}

#[test]
fn a_compression_whose_feature_is_off_names_it() {
    let some = Features { json: true, ..NO };
    for (value, word, feature) in
        [("Gzip", "Gzip", "gzip"), ("Zstd", "Zstd", "zstd"), ("Zstd(99)", "Zstd", "zstd")]
    {
        let input = format!(
            r#"#[topic(name = "orders", format = Json, compress = {value})] struct Order;"#
        );
        assert_eq!(
            errors(&input, some),
            [format!(
                "compression `{word}` needs memq's feature `{feature}`: `memq = {{ version = \
                 \"0.1\", features = [\"{feature}\"] }}`"
            )]
        );
    }
}

#[test]
fn native_topics_and_no_compression_need_no_feature() {
    let input = r#"#[topic(name = "orders", format = Native, compress = None)] struct Order;"#;
    assert!(errors(input, NO).is_empty());
    let input = r#"#[topic(name = "orders", codec = my::Codec)] struct Order;"#;
    assert!(errors(input, NO).is_empty());
}

#[test]
fn no_attribute_makes_it_panic_or_write_nonsense() {
    let whole: Vec<TokenTree> = r#"name = "orders", format = Json, codec = a::B<C, D>, ttl = "1h",
        compress = Zstd(-3), max = -1, key, overflow = Wait, crate = x, key_with = <A as B>::c,
        partitions = 8, version = 2, upcast_from = Old, dedup = "2m", retain = UntilConsumed, compress = Gzip(3, dict = "a")"#
        .parse::<TokenStream>()
        .unwrap()
        .into_iter()
        .collect();
    let check = |tokens: TokenStream| {
        let input = quote::quote! {
            #[topic(#tokens)]
            struct Order<'a, T> {
                #[topic(#tokens)]
                item: &'a T,
            }
        };
        let input = syn::parse2(input).unwrap();
        assert!(syn::parse2::<syn::File>(derive(input, ALL)).is_ok(), "{tokens}");
    };
    for from in 0..whole.len() {
        for to in from..=whole.len() {
            check(whole[from..to].iter().cloned().collect());
            check(whole[..from].iter().chain(&whole[to..]).cloned().collect());
        }
        for with in &whole {
            let (before, after) = whole.split_at(from);
            check(before.iter().chain([with]).chain(after).cloned().collect());
        }
    }
}
