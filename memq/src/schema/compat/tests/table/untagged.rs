//! Variants of `untagged` enums, of which the first that takes a value gets it.

use super::change;

mod imports {
    pub(super) use crate::schema::compat::tests::kit::Case;
    pub(super) use schemars::JsonSchema;
    pub(super) use serde::{Deserialize, Serialize};
    pub(super) use std::collections::BTreeMap;
}

change! { unchanged_beside_a_new_field
    { #[serde(untagged)] pub(super) enum K { A(u8), B(u16), C { x: u8, y: u8 }, D { x: u16 } }
      pub(super) struct T { a: u8, k: K } }
    [T { a: 1, k: K::A(2) }, T { a: 1, k: K::B(300) }, T { a: 1, k: K::C { x: 1, y: 2 } }, T { a: 1, k: K::D { x: 300 } }]
    { #[serde(untagged)] pub(super) enum K { A(u8), B(u16), C { x: u8, y: u8 }, D { x: u16 } }
      pub(super) struct T { a: u8, #[serde(default)] b: u8, k: K } }
    [T { a: 1, b: 2, k: K::A(2) }, T { a: 1, b: 2, k: K::B(300) }]
    named true
}

change! { first_of_two_numbers_widened
    { pub(super) struct T { a: u8, k: K } #[serde(untagged)] pub(super) enum K { A(u8), B(u16) } }
    [T { a: 1, k: K::A(2) }, T { a: 1, k: K::B(300) }]
    { pub(super) struct T { a: u8, k: K } #[serde(untagged)] pub(super) enum K { A(u16), B(u16) } }
    [T { a: 1, k: K::A(300) }]
    named true
}

change! { both_of_two_numbers_widened
    { pub(super) struct T { a: u8, k: K } #[serde(untagged)] pub(super) enum K { A(u8), B(u16) } }
    [T { a: 1, k: K::A(2) }, T { a: 1, k: K::B(300) }]
    { pub(super) struct T { a: u8, k: K } #[serde(untagged)] pub(super) enum K { A(u16), B(u32) } }
    [T { a: 1, k: K::A(300) }, T { a: 1, k: K::B(70_000) }]
    named true
}

change! { first_of_two_numbers_widened_in_part
    { pub(super) struct T { a: u8, k: K } #[serde(untagged)] pub(super) enum K { A(u8), B(u32) } }
    [T { a: 1, k: K::A(2) }, T { a: 1, k: K::B(300) }]
    { pub(super) struct T { a: u8, k: K } #[serde(untagged)] pub(super) enum K { A(u16), B(u32) } }
    [T { a: 1, k: K::A(300) }, T { a: 1, k: K::B(70_000) }]
    named true
}

change! { last_of_two_numbers_widened
    { pub(super) struct T { a: u8, k: K } #[serde(untagged)] pub(super) enum K { A(u8), B(u16) } }
    [T { a: 1, k: K::A(2) }, T { a: 1, k: K::B(300) }]
    { pub(super) struct T { a: u8, k: K } #[serde(untagged)] pub(super) enum K { A(u8), B(u32) } }
    [T { a: 1, k: K::A(3) }, T { a: 1, k: K::B(70_000) }]
    named true
}

change! { field_of_an_earlier_struct_widened
    { pub(super) struct T { a: u8, k: K } #[serde(untagged)] pub(super) enum K { A { x: u8 }, B { x: u16, y: u8 } } }
    [T { a: 1, k: K::A { x: 2 } }, T { a: 1, k: K::B { x: 300, y: 1 } }]
    { pub(super) struct T { a: u8, k: K } #[serde(untagged)] pub(super) enum K { A { x: u16 }, B { x: u16, y: u8 } } }
    [T { a: 1, k: K::A { x: 300 } }]
    named true
}

change! { field_of_an_earlier_type_widened
    { pub(super) struct T { a: u8, k: K } #[serde(untagged)] pub(super) enum K { A(I), B(J) }
      pub(super) struct I { x: u8 } pub(super) struct J { x: u16, y: u8 } }
    [T { a: 1, k: K::A(I { x: 2 }) }, T { a: 1, k: K::B(J { x: 300, y: 1 }) }]
    { pub(super) struct T { a: u8, k: K } #[serde(untagged)] pub(super) enum K { A(I), B(J) }
      pub(super) struct I { x: u16 } pub(super) struct J { x: u16, y: u8 } }
    [T { a: 1, k: K::A(I { x: 300 }) }]
    named true
}

change! { field_of_an_earlier_struct_removed
    { pub(super) struct T { a: u8, k: K }
      #[serde(untagged)] pub(super) enum K { A { x: u8, y: Option<u8> }, B { x: u8, y: Option<String> } } }
    [T { a: 1, k: K::A { x: 2, y: Some(1) } }, T { a: 1, k: K::B { x: 2, y: Some("z".into()) } }]
    { pub(super) struct T { a: u8, k: K }
      #[serde(untagged)] pub(super) enum K { A { x: u8 }, B { x: u8, y: Option<String> } } }
    [T { a: 1, k: K::A { x: 2 } }]
    named true
}

change! { earlier_struct_denies_no_unknown_fields_any_more
    { pub(super) struct T { a: u8, k: K } #[serde(untagged)] pub(super) enum K { A(I), B(J) }
      #[serde(deny_unknown_fields)] pub(super) struct I { x: u8 }
      pub(super) struct J { x: u8, #[serde(skip_serializing_if = "Option::is_none")] y: Option<u8> } }
    [T { a: 1, k: K::A(I { x: 2 }) }, T { a: 1, k: K::B(J { x: 2, y: Some(1) }) }]
    { pub(super) struct T { a: u8, k: K } #[serde(untagged)] pub(super) enum K { A(I), B(J) }
      pub(super) struct I { x: u8 }
      pub(super) struct J { x: u8, #[serde(skip_serializing_if = "Option::is_none")] y: Option<u8> } }
    [T { a: 1, k: K::A(I { x: 2 }) }]
    named true
}

change! { whole_and_floating_numbers
    { pub(super) struct T { a: u8, k: K } #[serde(untagged)] pub(super) enum K { A(u8), B(f64) } }
    [T { a: 1, k: K::A(2) }, T { a: 1, k: K::B(1.5) }]
    { pub(super) struct T { a: u8, k: K } #[serde(untagged)] pub(super) enum K { A(f32), B(f64) } }
    [T { a: 1, k: K::B(1.0 / 3.0) }]
    named true
}

change! { list_of_an_earlier_variant_widened
    { pub(super) struct T { a: u8, k: K } #[serde(untagged)] pub(super) enum K { A(Vec<u8>), B(Vec<u16>) } }
    [T { a: 1, k: K::A(vec![2]) }, T { a: 1, k: K::B(vec![300]) }]
    { pub(super) struct T { a: u8, k: K } #[serde(untagged)] pub(super) enum K { A(Vec<u16>), B(Vec<u16>) } }
    [T { a: 1, k: K::A(vec![300]) }]
    named true
}

change! { struct_before_a_list_that_it_takes
    { pub(super) struct T { a: u8, k: K } #[serde(untagged)] pub(super) enum K { B(Vec<u8>) } }
    [T { a: 1, k: K::B(vec![2]) }, T { a: 1, k: K::B(vec![2, 3]) }]
    { pub(super) struct T { a: u8, k: K } #[serde(untagged)] pub(super) enum K { A(I), B(Vec<u8>) }
      pub(super) struct I { x: u8, y: u8 } }
    [T { a: 1, k: K::A(I { x: 2, y: 3 }) }]
    named true
}

change! { struct_before_a_list_of_others
    { pub(super) struct T { a: u8, k: K } #[serde(untagged)] pub(super) enum K { B(Vec<u8>) } }
    [T { a: 1, k: K::B(vec![2]) }, T { a: 1, k: K::B(vec![2, 3]) }]
    { pub(super) struct T { a: u8, k: K } #[serde(untagged)] pub(super) enum K { A(I), B(Vec<u8>) }
      pub(super) struct I { x: String, y: u8 } }
    [T { a: 1, k: K::A(I { x: "z".into(), y: 3 }) }]
    named true
}

change! { map_before_a_struct
    { pub(super) struct T { a: u8, k: K } #[serde(untagged)] pub(super) enum K { B { x: u8 } } }
    [T { a: 1, k: K::B { x: 2 } }]
    { pub(super) struct T { a: u8, k: K } #[serde(untagged)] pub(super) enum K { A(BTreeMap<String, u8>), B { x: u8 } } }
    [T { a: 1, k: K::A([("z".into(), 3)].into()) }]
    named true
}

change! { text_before_a_name
    { pub(super) struct T { a: u8, k: K } #[serde(untagged)] pub(super) enum K { A(N), B(N2) }
      pub(super) enum N { X } pub(super) enum N2 { Y } }
    [T { a: 1, k: K::A(N::X) }, T { a: 1, k: K::B(N2::Y) }]
    { pub(super) struct T { a: u8, k: K } #[serde(untagged)] pub(super) enum K { A(String), B(N2) }
      pub(super) enum N2 { Y } }
    [T { a: 1, k: K::A("z".into()) }]
    named true
}

change! { two_numbers_become_one
    { pub(super) struct T { a: u8, k: K } #[serde(untagged)] pub(super) enum K { A(u8), B(u16) } }
    [T { a: 1, k: K::A(2) }, T { a: 1, k: K::B(300) }]
    { pub(super) struct T { a: u8, k: u32 } }
    [T { a: 1, k: 300 }, T { a: 1, k: 70_000 }]
}

change! { default_in_an_earlier_struct_unchanged
    { pub(super) struct T { a: u8, k: K }
      #[serde(untagged)] pub(super) enum K { A { x: u8, #[serde(default)] z: u8 }, B { x: u16, z: u8 } } }
    [T { a: 1, k: K::A { x: 2, z: 1 } }, T { a: 1, k: K::B { x: 300, z: 1 } }]
    { pub(super) struct T { a: u8, #[serde(default)] b: u8, k: K }
      #[serde(untagged)] pub(super) enum K { A { x: u8, #[serde(default)] z: u8 }, B { x: u16, z: u8 } } }
    [T { a: 1, b: 1, k: K::A { x: 2, z: 1 } }, T { a: 1, b: 1, k: K::B { x: 300, z: 1 } }]
    named true
}

pub(super) fn add(table: &mut super::Table) {
    unchanged_beside_a_new_field::add(table);
    first_of_two_numbers_widened::add(table);
    both_of_two_numbers_widened::add(table);
    first_of_two_numbers_widened_in_part::add(table);
    last_of_two_numbers_widened::add(table);
    field_of_an_earlier_struct_widened::add(table);
    field_of_an_earlier_type_widened::add(table);
    field_of_an_earlier_struct_removed::add(table);
    earlier_struct_denies_no_unknown_fields_any_more::add(table);
    whole_and_floating_numbers::add(table);
    list_of_an_earlier_variant_widened::add(table);
    struct_before_a_list_that_it_takes::add(table);
    struct_before_a_list_of_others::add(table);
    map_before_a_struct::add(table);
    text_before_a_name::add(table);
    two_numbers_become_one::add(table);
    default_in_an_earlier_struct_unchanged::add(table);
}
