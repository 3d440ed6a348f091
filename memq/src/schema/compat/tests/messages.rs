//! What is said: the path, what does not fit, and what to do.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::kit::{Case, Side};
use crate::options::Format::{self, Json, MessagePack, Postcard};
use crate::schema::compat::Break;
use crate::schema::compat::Direction::{self, Backward, Forward};

/// What is said of a change, one way.
fn verdict<Old: Case, New: Case>(format: Format, direction: Direction) -> Vec<Break> {
    Side::new::<Old>(format, &[]).verdict(&Side::new::<New>(format, &[]), direction)
}

macro_rules! types {
    ($($module:ident { $($item:item)* })*) => { $(
        mod $module {
            use super::{Case, Deserialize, JsonSchema, Serialize};
            $(#[derive(Debug, Serialize, Deserialize, JsonSchema)] $item)*
            impl Case for T { const ALIASES: &[[&str; 3]] = &[]; }
        }
    )* };
}

types! {
    plain { pub(super) struct T { lines: Vec<Line> } pub(super) struct Line { item: u32 } }
    coloured { pub(super) struct T { lines: Vec<Line> } pub(super) struct Line { item: u32, colour: String } }
    narrow { pub(super) struct T { lines: Vec<Line> } pub(super) struct Line { item: u16 } }
    closed { #[serde(deny_unknown_fields)] pub(super) struct T {} }
    turned { pub(super) struct T { lines: Vec<Line> } pub(super) struct Line { colour: String, item: u32 } }
    hued { pub(super) struct T { lines: Vec<Line> } pub(super) struct Line { item: u32, hue: String } }
    kinds { pub(super) struct T { kind: Kind } pub(super) enum Kind { Tea, Coffee { cups: u8 } } }
    tea { pub(super) struct T { kind: Kind } pub(super) enum Kind { Tea } }
    ranged { pub(super) struct T { #[schemars(extend("multipleOf" = 5))] of: u8, other: u8 } }
    unranged { pub(super) struct T { of: u8, other: u8 } }
    ranged_again { pub(super) struct T { #[schemars(extend("multipleOf" = 5))] of: u8, #[serde(default)] other: u16 } }
}

macro_rules! says {
    ($old:ident to $new:ident, $format:expr, $direction:expr, $($text:expr),* $(,)?) => {{
        let breaks = verdict::<$old::T, $new::T>($format, $direction);
        let texts: Vec<String> = breaks.iter().map(ToString::to_string).collect();
        let expected: Vec<&str> = vec![$($text),*];
        assert_eq!(texts, expected);
    }};
}

#[test]
fn a_field_that_is_needed_and_lacking_is_named_with_its_path() {
    says!(
        plain to coloured, Json, Backward,
        "`.lines[].colour`: new readers need this field, old records lack it; give it `#[serde(default)]`",
    );
    says!(plain to coloured, MessagePack, Forward,);
    says!(
        coloured to plain, Json, Forward,
        "`.lines[].colour`: old readers need this field, new records lack it; keep it, or give it \
         `#[serde(default)]` in every reader before it goes",
    );
    says!(
        plain to coloured, Postcard, Backward,
        "`.lines[].colour`: new readers read this field, old records lack it, and Postcard knows no \
         default; keep the fields, or raise `version` and give the type an `upcast_from`",
    );
}

#[test]
fn a_number_that_does_not_fit_is_told() {
    says!(
        plain to narrow, Json, Backward,
        "`.lines[].item`: old records may have 4294967295 here, new readers take 65535 at most; keep \
         the wider type, or raise `version` and give the type an `upcast_from`",
    );
    says!(plain to narrow, Postcard, Forward,);
}

#[test]
fn a_field_that_is_denied_is_told() {
    says!(
        plain to closed, Json, Backward,
        "`.lines`: old records have this field, new readers deny unknown fields; keep it, say its old \
         name by `#[serde(alias = \"lines\")]`, or take `#[serde(deny_unknown_fields)]` away",
    );
}

#[test]
fn a_variant_that_is_not_known_is_named() {
    says!(
        kinds to tea, Json, Backward,
        "`.kind`: old records may have `Coffee` here, which new readers do not know; keep the variant, \
         or say its old name by `#[serde(alias = \"Coffee\")]`",
    );
    says!(
        tea to kinds, Postcard, Forward,
        "`.kind.Coffee`: new records may have this variant, which old readers do not know; update every \
         reader before anybody writes it, and check `Mode::Backward`",
    );
}

#[test]
fn another_order_and_another_name_are_told_apart() {
    says!(
        coloured to turned, Postcard, Backward,
        "`.lines[].colour`: old records have `item` in the place where new readers read `colour`; keep \
         the order of the fields",
        "`.lines[].item`: old records have `colour` in the place where new readers read `item`; keep the \
         order of the fields",
    );
    says!(
        coloured to hued, Postcard, Backward,
        "`.lines[].hue`: old records have `colour` in the place where new readers read `hue`; where only \
         the name is new, give `hue` `#[serde(alias = \"colour\")]`; else raise `version`",
    );
    says!(
        coloured to hued, Postcard, Forward,
        "`.lines[].colour`: new records have `hue` in the place where old readers read `colour`; where \
         only the name is new, give `hue` `#[serde(alias = \"colour\")]`; else raise `version`",
    );
}

/// Nothing is guessed of what is not understood, unless it has not changed.
#[test]
fn a_keyword_that_is_not_known_cannot_be_judged() {
    let breaks = verdict::<unranged::T, ranged::T>(Json, Backward);
    assert_eq!(breaks.len(), 1);
    assert!(!breaks[0].judged);
    assert_eq!(breaks[0].path, ".of");
    assert!(breaks[0].problem.contains("`multipleOf`"), "{}", breaks[0]);
    says!(ranged to ranged_again, Json, Backward,);
}
