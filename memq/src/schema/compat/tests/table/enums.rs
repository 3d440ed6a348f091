//! Enums in all of serde's forms.

use super::change;

mod imports {
    pub(super) use crate::schema::compat::tests::kit::Case;
    pub(super) use schemars::JsonSchema;
    pub(super) use serde::{Deserialize, Serialize};
}

change! { variant_added
    { pub(super) struct T { a: u8, k: K } pub(super) enum K { A, B(u8) } }
    [T { a: 1, k: K::A }, T { a: 1, k: K::B(2) }]
    { pub(super) struct T { a: u8, k: K } pub(super) enum K { A, B(u8), C { x: u8 } } }
    [T { a: 1, k: K::A }, T { a: 1, k: K::B(2) }, T { a: 1, k: K::C { x: 3 } }]
}

change! { variant_added_to_names
    { pub(super) struct T { a: u8, k: K } pub(super) enum K { A, B } }
    [T { a: 1, k: K::A }, T { a: 1, k: K::B }]
    { pub(super) struct T { a: u8, k: K } pub(super) enum K { A, B, C } }
    [T { a: 1, k: K::A }, T { a: 1, k: K::B }, T { a: 1, k: K::C }]
}

change! { variant_added_before_others
    { pub(super) struct T { a: u8, k: K } pub(super) enum K { A, B } }
    [T { a: 1, k: K::A }, T { a: 1, k: K::B }]
    { pub(super) struct T { a: u8, k: K } pub(super) enum K { C, A, B } }
    [T { a: 1, k: K::A }, T { a: 1, k: K::B }, T { a: 1, k: K::C }]
}

change! { variants_reordered
    { pub(super) struct T { a: u8, k: K } pub(super) enum K { A, B } }
    [T { a: 1, k: K::A }, T { a: 1, k: K::B }]
    { pub(super) struct T { a: u8, k: K } pub(super) enum K { B, A } }
    [T { a: 1, k: K::A }, T { a: 1, k: K::B }]
}

change! { variant_removed
    { pub(super) struct T { a: u8, k: K } pub(super) enum K { A, B(u8), C } }
    [T { a: 1, k: K::A }, T { a: 1, k: K::B(2) }, T { a: 1, k: K::C }]
    { pub(super) struct T { a: u8, k: K } pub(super) enum K { A, B(u8) } }
    [T { a: 1, k: K::A }, T { a: 1, k: K::B(2) }]
}

change! { variant_renamed
    { pub(super) struct T { a: u8, k: K } pub(super) enum K { A, B(u8) } }
    [T { a: 1, k: K::A }, T { a: 1, k: K::B(2) }]
    { pub(super) struct T { a: u8, k: K } pub(super) enum K { A, C(u8) } }
    [T { a: 1, k: K::A }, T { a: 1, k: K::C(2) }]
}

change! { variant_renamed_with_an_alias
    { pub(super) struct T { a: u8, k: K } pub(super) enum K { A, B(u8), D } }
    [T { a: 1, k: K::A }, T { a: 1, k: K::B(2) }, T { a: 1, k: K::D }]
    { pub(super) struct T { a: u8, k: K }
      pub(super) enum K { A, #[serde(alias = "B")] C(u8), #[serde(alias = "D")] E } }
    [T { a: 1, k: K::A }, T { a: 1, k: K::C(2) }, T { a: 1, k: K::E }]
    alias [["K", "C", "B"], ["K", "E", "D"]]
}

change! { variant_holds_something_from_now_on
    { pub(super) struct T { a: u8, k: K } pub(super) enum K { A, B } }
    [T { a: 1, k: K::A }, T { a: 1, k: K::B }]
    { pub(super) struct T { a: u8, k: K } pub(super) enum K { A, B(u8) } }
    [T { a: 1, k: K::A }, T { a: 1, k: K::B(2) }]
}

change! { variant_has_fields_from_now_on
    { pub(super) struct T { a: u8, k: K } pub(super) enum K { A, B(u8) } }
    [T { a: 1, k: K::A }, T { a: 1, k: K::B(2) }]
    { pub(super) struct T { a: u8, k: K } pub(super) enum K { A, B { x: u8 } } }
    [T { a: 1, k: K::A }, T { a: 1, k: K::B { x: 2 } }]
}

change! { variant_has_one_field_more
    { pub(super) struct T { a: u8, k: K } pub(super) enum K { A, B { x: u8, y: u8 } } }
    [T { a: 1, k: K::A }, T { a: 1, k: K::B { x: 2, y: 3 } }]
    { pub(super) struct T { a: u8, k: K } pub(super) enum K { A, B { x: u8, y: u8, #[serde(default)] z: u8 } } }
    [T { a: 1, k: K::A }, T { a: 1, k: K::B { x: 2, y: 3, z: 4 } }]
}

change! { tagged_variant_added
    { pub(super) struct T { a: u8, k: K } #[serde(tag = "t")] pub(super) enum K { A, B(I) }
      pub(super) struct I { x: u8, y: u8 } }
    [T { a: 1, k: K::A }, T { a: 1, k: K::B(I { x: 2, y: 3 }) }]
    { pub(super) struct T { a: u8, k: K } #[serde(tag = "t")] pub(super) enum K { C { z: u8 }, A, B(I) }
      pub(super) struct I { x: u8, y: u8 } }
    [T { a: 1, k: K::A }, T { a: 1, k: K::B(I { x: 2, y: 3 }) }, T { a: 1, k: K::C { z: 4 } }]
}

change! { tagged_variant_renamed_with_an_alias
    { pub(super) struct T { a: u8, k: K } #[serde(tag = "t")] pub(super) enum K { A, B { x: u8 } } }
    [T { a: 1, k: K::A }, T { a: 1, k: K::B { x: 2 } }]
    { pub(super) struct T { a: u8, k: K }
      #[serde(tag = "t")] pub(super) enum K { A, #[serde(alias = "B")] C { x: u8 } } }
    [T { a: 1, k: K::A }, T { a: 1, k: K::C { x: 2 } }]
    alias [["K", "C", "B"]]
}

change! { tagged_variant_needs_one_more
    { pub(super) struct T { a: u8, k: K } #[serde(tag = "t")] pub(super) enum K { A, B { x: u8 } } }
    [T { a: 1, k: K::A }, T { a: 1, k: K::B { x: 2 } }]
    { pub(super) struct T { a: u8, k: K } #[serde(tag = "t")] pub(super) enum K { A, B { x: u8, z: u8 } } }
    [T { a: 1, k: K::A }, T { a: 1, k: K::B { x: 2, z: 3 } }]
}

change! { tag_renamed
    { pub(super) struct T { a: u8, k: K } #[serde(tag = "t")] pub(super) enum K { A, B { x: u8 } } }
    [T { a: 1, k: K::A }, T { a: 1, k: K::B { x: 2 } }]
    { pub(super) struct T { a: u8, k: K } #[serde(tag = "u")] pub(super) enum K { A, B { x: u8 } } }
    [T { a: 1, k: K::A }, T { a: 1, k: K::B { x: 2 } }]
}

change! { tagged_from_now_on
    { pub(super) struct T { a: u8, k: K } pub(super) enum K { A { y: u8 }, B { x: u8 } } }
    [T { a: 1, k: K::A { y: 1 } }, T { a: 1, k: K::B { x: 2 } }]
    { pub(super) struct T { a: u8, k: K } #[serde(tag = "u")] pub(super) enum K { A { y: u8 }, B { x: u8 } } }
    [T { a: 1, k: K::A { y: 1 } }, T { a: 1, k: K::B { x: 2 } }]
}

change! { tagged_with_content_variant_added
    { pub(super) struct T { a: u8, k: K } #[serde(tag = "t", content = "c")] pub(super) enum K { A, B(u8, u8) } }
    [T { a: 1, k: K::A }, T { a: 1, k: K::B(2, 3) }]
    { pub(super) struct T { a: u8, k: K }
      #[serde(tag = "t", content = "c")] pub(super) enum K { A, B(u8, u8), C { x: u8 } } }
    [T { a: 1, k: K::A }, T { a: 1, k: K::B(2, 3) }, T { a: 1, k: K::C { x: 4 } }]
}

change! { untagged_variant_added_last
    { pub(super) struct T { a: u8, k: K } #[serde(untagged)] pub(super) enum K { A(u8), B { x: u8, y: u8 } } }
    [T { a: 1, k: K::A(2) }, T { a: 1, k: K::B { x: 2, y: 3 } }]
    { pub(super) struct T { a: u8, k: K }
      #[serde(untagged)] pub(super) enum K { A(u8), B { x: u8, y: u8 }, C(String) } }
    [T { a: 1, k: K::A(2) }, T { a: 1, k: K::B { x: 2, y: 3 } }, T { a: 1, k: K::C("x".into()) }]
}

change! { untagged_variant_added_before_others
    { pub(super) struct T { a: u8, k: K } #[serde(untagged)] pub(super) enum K { A(u8), B { x: u8, y: u8 } } }
    [T { a: 1, k: K::A(2) }, T { a: 1, k: K::B { x: 2, y: 3 } }]
    { pub(super) struct T { a: u8, k: K }
      #[serde(untagged)] pub(super) enum K { C(String), A(u8), B { x: u8, y: u8 } } }
    [T { a: 1, k: K::A(2) }, T { a: 1, k: K::B { x: 2, y: 3 } }, T { a: 1, k: K::C("x".into()) }]
}

change! { untagged_variant_that_takes_another_ones_values
    { pub(super) struct T { a: u8, k: K } #[serde(untagged)] pub(super) enum K { B { x: u8, y: u8 } } }
    [T { a: 1, k: K::B { x: 2, y: 3 } }]
    { pub(super) struct T { a: u8, k: K }
      #[serde(untagged)] pub(super) enum K { C { x: u8 }, B { x: u8, y: u8 } } }
    [T { a: 1, k: K::C { x: 2 } }]
    named true
}

change! { untagged_variant_that_needs_no_field_from_now_on
    { pub(super) struct T { a: u8, k: K } #[serde(untagged)] pub(super) enum K { A { x: u8 }, B { y: u8 } } }
    [T { a: 1, k: K::A { x: 2 } }, T { a: 1, k: K::B { y: 3 } }]
    { pub(super) struct T { a: u8, k: K }
      #[serde(untagged)] pub(super) enum K { A { #[serde(default)] x: u8 }, B { y: u8 } } }
    [T { a: 1, k: K::A { x: 2 } }]
}

change! { one_or_many
    { pub(super) struct T { a: u8, k: u8 } } [T { a: 1, k: 2 }]
    { pub(super) struct T { a: u8, k: K } #[serde(untagged)] pub(super) enum K { One(u8), Many(Vec<u8>) } }
    [T { a: 1, k: K::One(2) }, T { a: 1, k: K::Many(vec![3, 4]) }]
}

change! { any_other_variant_from_now_on
    { pub(super) struct T { a: u8, k: K } pub(super) enum K { A, B } }
    [T { a: 1, k: K::A }, T { a: 1, k: K::B }]
    { pub(super) struct T { a: u8, k: K } pub(super) enum K { A, #[serde(other)] O } }
    [T { a: 1, k: K::A }, T { a: 1, k: K::O }]
}

change! { result_of_a_wider_type
    { pub(super) struct T { a: u8, k: Result<u16, String> } }
    [T { a: 1, k: Ok(2) }, T { a: 1, k: Err("x".into()) }]
    { pub(super) struct T { a: u8, k: Result<u32, String> } }
    [T { a: 1, k: Ok(u32::MAX) }, T { a: 1, k: Err("x".into()) }]
}

pub(super) fn add(table: &mut super::Table) {
    variant_added::add(table);
    variant_added_to_names::add(table);
    variant_added_before_others::add(table);
    variants_reordered::add(table);
    variant_removed::add(table);
    variant_renamed::add(table);
    variant_renamed_with_an_alias::add(table);
    variant_holds_something_from_now_on::add(table);
    variant_has_fields_from_now_on::add(table);
    variant_has_one_field_more::add(table);
    tagged_variant_added::add(table);
    tagged_variant_renamed_with_an_alias::add(table);
    tagged_variant_needs_one_more::add(table);
    tag_renamed::add(table);
    tagged_from_now_on::add(table);
    tagged_with_content_variant_added::add(table);
    untagged_variant_added_last::add(table);
    untagged_variant_added_before_others::add(table);
    untagged_variant_that_takes_another_ones_values::add(table);
    untagged_variant_that_needs_no_field_from_now_on::add(table);
    one_or_many::add(table);
    any_other_variant_from_now_on::add(table);
    result_of_a_wider_type::add(table);
}
