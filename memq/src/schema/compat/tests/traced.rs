//! Layouts of types that are not easily read.

use std::collections::BTreeMap;
use std::num::{NonZeroI64, NonZeroU8};

use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use crate::schema::compat::layout::Layout;
use crate::schema::compat::trace;

fn layout<T: DeserializeOwned>() -> Value {
    let layout = trace::layout::<T>(&[("Aliased".into(), "a".into(), "old".into())]).unwrap();
    let json = layout.to_json();
    assert_eq!(Layout::from_json(&json), Some(layout));
    json
}

fn fault<T: DeserializeOwned>() -> (String, String) {
    let fault = trace::layout::<T>(&[]).unwrap_err();
    (fault.path, fault.why)
}

#[derive(Deserialize)]
#[expect(dead_code, reason = "only its layout is looked at")]
struct Node {
    value: u8,
    below: Vec<Node>,
    next: Option<Box<Node>>,
    name: String,
}

#[derive(Deserialize)]
#[expect(dead_code, reason = "only its layout is looked at")]
enum Sum {
    Both(Box<Sum>, Sign, Box<Sum>),
    Minus { of: Box<Sum> },
    All(Vec<Sum>),
    One(NonZeroU8),
    Nothing,
}

#[derive(Deserialize)]
enum Sign {
    Plus,
    Minus,
}

#[derive(Deserialize)]
#[expect(dead_code, reason = "only its layout is looked at")]
struct Wrap(Vec<Wrap>);

#[derive(Deserialize)]
#[expect(dead_code, reason = "only its layout is looked at")]
struct Of<T> {
    a: T,
}

#[derive(Deserialize)]
#[expect(dead_code, reason = "only its layout is looked at")]
struct Aliased {
    #[serde(alias = "old")]
    a: u8,
    b: u8,
}

/// Takes the number ten alone.
#[derive(Deserialize)]
#[serde(try_from = "u8")]
struct Ten;

impl TryFrom<u8> for Ten {
    type Error = String;

    fn try_from(number: u8) -> Result<Self, String> {
        if number == 10 { Ok(Self) } else { Err("this is not ten".to_owned()) }
    }
}

/// Takes nothing that a sample is like.
#[derive(Deserialize)]
#[serde(try_from = "String")]
struct Password;

impl TryFrom<String> for Password {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        if text == "open sesame" { Ok(Self) } else { Err("this is not it".to_owned()) }
    }
}

#[derive(Deserialize)]
#[expect(dead_code, reason = "only its layout is looked at")]
struct Door {
    ten: Ten,
    passwords: BTreeMap<u8, Vec<Password>>,
    behind: Behind,
}

#[derive(Deserialize)]
#[expect(dead_code, reason = "only its layout is looked at")]
struct Behind {
    password: Password,
    more: u8,
}

#[derive(Deserialize)]
#[serde(untagged)]
#[expect(dead_code, reason = "only its layout is looked at")]
enum Untagged {
    A(u8),
}

#[test]
fn types_that_hold_themselves_end() {
    assert_eq!(
        layout::<Node>(),
        json!({"struct": [
            {"name": "value", "type": "u8"},
            {"name": "below", "type": {"list": {"again": 1}}},
            {"name": "next", "type": {"option": {"again": 1}}},
            {"name": "name", "type": "str"},
        ]})
    );
    assert_eq!(
        layout::<Sum>(),
        json!({"enum": [
            {"name": "Both", "type": {"tuple": [
                {"again": 1},
                {"enum": [{"name": "Plus", "type": "unit"}, {"name": "Minus", "type": "unit"}]},
                {"again": 1},
            ]}},
            {"name": "Minus", "type": {"struct": [{"name": "of", "type": {"again": 1}}]}},
            {"name": "All", "type": {"list": {"again": 1}}},
            {"name": "One", "type": "u8"},
            {"name": "Nothing", "type": "unit"},
        ]})
    );
    assert_eq!(layout::<Wrap>(), json!({"list": {"again": 0}}));
}

#[test]
fn a_generic_type_in_itself_is_not_itself() {
    let inner = json!({"struct": [{"name": "a", "type": "u8"}]});
    assert_eq!(layout::<Of<Of<u8>>>(), json!({"struct": [{"name": "a", "type": inner}]}));
}

#[test]
fn aliases_are_told_from_names() {
    assert_eq!(
        layout::<Aliased>(),
        json!({"struct": [
            {"name": "a", "aliases": ["old"], "type": "u8"},
            {"name": "b", "type": "u8"},
        ]})
    );
    assert!(fault::<Aliased>().1.contains("add `#[derive(memq::Shape)]` to it"));
}

#[test]
fn types_of_the_standard_library_are_read() {
    assert_eq!(layout::<NonZeroI64>(), json!("i64"));
    assert_eq!(
        layout::<(Option<Option<bool>>, char, ())>(),
        json!({
            "tuple": [{"option": {"option": "bool"}}, "char", "unit"]
        })
    );
    assert_eq!(
        layout::<BTreeMap<u32, [u16; 2]>>(),
        json!({"map": ["u32", {"tuple": ["u16", "u16"]}]})
    );
    assert_eq!(
        layout::<std::net::Ipv4Addr>(),
        json!({"tuple": ["u8", "u8", "u8", "u8"]}),
        "the shorter form, which formats without names have"
    );
}

#[test]
fn what_takes_no_sample_is_named() {
    assert_eq!(layout::<Ten>(), json!("u8"));
    let (path, why) = fault::<Door>();
    assert_eq!(path, ".behind", "what comes after the password is not reached");
    assert_eq!(why, "this is not it");
    assert!(fault::<Untagged>().1.contains("`untagged`"));
    assert!(fault::<Value>().1.contains("a value of any shape"));
}

#[test]
fn other_words_are_no_layout() {
    for other in [
        json!("u7"),
        json!(7),
        json!({}),
        json!({"list": "u8", "option": "u8"}),
        json!({"map": ["u8"]}),
        json!({"struct": [{"name": "a"}]}),
        json!({"struct": [{"name": "a", "type": "u8", "aliases": [1]}]}),
        json!({"again": -1}),
    ] {
        assert_eq!(Layout::from_json(&other), None, "{other}");
    }
}
