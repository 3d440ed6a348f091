//! `#[serde(tag)]` on a struct, which writes a field that no schema has.

use super::change;

mod imports {
    pub(super) use crate::schema::compat::tests::kit::Case;
    pub(super) use schemars::JsonSchema;
    pub(super) use serde::{Deserialize, Serialize};
    pub(super) use std::collections::BTreeMap;
}

change! { read_as_a_map
    { #[serde(tag = "t")] pub(super) struct T { a: u8 } } [T { a: 1 }]
    { #[serde(transparent)] pub(super) struct T { a: BTreeMap<String, u8> } } [T { a: [("a".into(), 1)].into() }]
    stricter [("Json MessagePack", Forward, "of a tag nothing is known")]
}

change! { unknown_fields_denied
    { pub(super) struct T { a: u8, i: I } #[serde(tag = "t")] pub(super) struct I { x: u8 } }
    [T { a: 1, i: I { x: 1 } }]
    { pub(super) struct T { a: u8, i: I } #[serde(deny_unknown_fields)] pub(super) struct I { x: u8 } }
    [T { a: 1, i: I { x: 1 } }]
    stricter [("Json MessagePack Postcard Bincode", Forward, "of a tag nothing is known")]
}

change! { a_field_of_the_name_of_the_tag
    { pub(super) struct T { a: u8, l: Vec<Option<I>> } #[serde(tag = "t")] pub(super) struct I { x: u8 } }
    [T { a: 1, l: vec![Some(I { x: 1 })] }]
    { pub(super) struct T { a: u8, l: Vec<Option<I>> } pub(super) struct I { x: u8, #[serde(default)] t: u8 } }
    [T { a: 1, l: vec![Some(I { x: 1, t: 2 })] }]
}

change! { in_a_variant_of_an_untagged_enum
    { pub(super) struct T { a: u8, k: K } #[serde(untagged)] pub(super) enum K { A(u8), B(I) }
      #[serde(tag = "t")] pub(super) struct I { x: u8 } }
    [T { a: 1, k: K::B(I { x: 1 }) }]
    { pub(super) struct T { a: u8, k: K } #[serde(untagged)] pub(super) enum K { A(u8), B(I) }
      #[serde(deny_unknown_fields)] pub(super) struct I { x: u8 } }
    [T { a: 1, k: K::B(I { x: 1 }) }]
    stricter [("Json MessagePack", Forward, "of a tag nothing is known")]
}

change! { one_variant_instead
    { pub(super) struct T { a: u8, i: I } #[serde(tag = "t")] pub(super) enum I { I { x: u8 } } }
    [T { a: 1, i: I::I { x: 1 } }]
    { pub(super) struct T { a: u8, i: I } #[serde(tag = "t")] pub(super) enum I { I { x: u8, #[serde(default)] y: u8 } } }
    [T { a: 1, i: I::I { x: 1, y: 2 } }]
}

// The struct itself, in a type that changes elsewhere.
change! { beside_another_change
    { pub(super) struct T { a: u8, i: I } #[serde(tag = "t")] pub(super) struct I { x: u8 } }
    [T { a: 1, i: I { x: 1 } }]
    { pub(super) struct T { a: u8, #[serde(default)] b: u8, i: I } #[serde(tag = "t")] pub(super) struct I { x: u8 } }
    [T { a: 1, b: 2, i: I { x: 1 } }]
    stricter [
        ("Json MessagePack", Backward, "of a tag nothing is known"),
        ("Json MessagePack", Forward, "of a tag nothing is known"),
    ]
}

pub(super) fn add(table: &mut super::Table) {
    read_as_a_map::add(table);
    unknown_fields_denied::add(table);
    a_field_of_the_name_of_the_tag::add(table);
    in_a_variant_of_an_untagged_enum::add(table);
    one_variant_instead::add(table);
    beside_another_change::add(table);
}
