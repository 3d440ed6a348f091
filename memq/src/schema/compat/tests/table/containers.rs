//! Lists, tuples, maps and bytes.

use super::change;

mod imports {
    pub(super) use crate::schema::compat::tests::kit::{Blob, Case};
    pub(super) use schemars::JsonSchema;
    pub(super) use serde::{Deserialize, Serialize};
    pub(super) use std::collections::{BTreeMap, BTreeSet};
}

change! { tuple_grows
    { pub(super) struct T { a: u8, l: (u8, u8) } } [T { a: 1, l: (2, 3) }]
    { pub(super) struct T { a: u8, l: (u8, u8, u8) } } [T { a: 1, l: (2, 3, 4) }]
}

change! { tuple_grows_with_a_default
    { pub(super) struct T(u8, u8); } [T(2, 3)]
    { pub(super) struct T(u8, u8, #[serde(default)] u8); } [T(2, 3, 4)]
}

change! { tuple_reordered
    { pub(super) struct T { a: u8, l: (u8, String) } } [T { a: 1, l: (2, "x".into()) }]
    { pub(super) struct T { a: u8, l: (String, u8) } } [T { a: 1, l: ("x".into(), 2) }]
}

change! { tuple_widened
    { pub(super) struct T { a: u8, l: (u16, String) } } [T { a: 1, l: (u16::MAX, "x".into()) }]
    { pub(super) struct T { a: u8, l: (u32, String) } } [T { a: 1, l: (u32::MAX, "x".into()) }]
}

change! { tuple_to_struct
    { pub(super) struct T { a: u8, l: (u8, String) } } [T { a: 1, l: (2, "x".into()) }]
    { pub(super) struct T { a: u8, l: I } pub(super) struct I { x: u8, y: String } }
    [T { a: 1, l: I { x: 2, y: "x".into() } }]
}

change! { array_grows
    { pub(super) struct T { a: u8, l: [u8; 2] } } [T { a: 1, l: [2, 3] }]
    { pub(super) struct T { a: u8, l: [u8; 3] } } [T { a: 1, l: [2, 3, 4] }]
}

change! { array_to_list
    { pub(super) struct T { a: u8, l: [u8; 2] } } [T { a: 1, l: [2, 3] }]
    { pub(super) struct T { a: u8, l: Vec<u8> } } [T { a: 1, l: vec![2, 3] }, T { a: 1, l: vec![] }]
}

change! { list_to_set
    { pub(super) struct T { a: u8, l: Vec<u8> } } [T { a: 1, l: vec![2, 3] }, T { a: 1, l: vec![2, 2] }]
    { pub(super) struct T { a: u8, l: BTreeSet<u8> } } [T { a: 1, l: [2, 3].into() }]
}

change! { list_of_a_wider_type
    { pub(super) struct T { a: u8, l: Vec<u16> } } [T { a: 1, l: vec![] }, T { a: 1, l: vec![u16::MAX] }]
    { pub(super) struct T { a: u8, l: Vec<u64> } } [T { a: 1, l: vec![] }, T { a: 1, l: vec![u64::MAX] }]
}

change! { list_of_options
    { pub(super) struct T { a: u8, l: Vec<u8> } } [T { a: 1, l: vec![2, 0] }]
    { pub(super) struct T { a: u8, l: Vec<Option<u8>> } } [T { a: 1, l: vec![Some(2), None] }]
}

change! { one_to_a_list
    { pub(super) struct T { a: u8, l: u8 } } [T { a: 1, l: 2 }]
    { pub(super) struct T { a: u8, l: Vec<u8> } } [T { a: 1, l: vec![2] }, T { a: 1, l: vec![] }]
}

change! { option_to_list
    { pub(super) struct T { a: u8, l: Option<u16> } } [T { a: 1, l: None }, T { a: 1, l: Some(300) }]
    { pub(super) struct T { a: u8, l: Vec<u16> } } [T { a: 1, l: vec![2] }, T { a: 1, l: vec![] }, T { a: 1, l: vec![3, 4] }]
}

change! { bytes_from_now_on
    { pub(super) struct T { a: u8, l: Vec<u8> } } [T { a: 1, l: vec![2, 255] }, T { a: 1, l: vec![] }]
    { pub(super) struct T { a: u8, l: Blob } } [T { a: 1, l: Blob(vec![2, 255]) }, T { a: 1, l: Blob(vec![]) }]
}

change! { text_to_bytes
    { pub(super) struct T { a: u8, l: String } } [T { a: 1, l: "x".into() }]
    { pub(super) struct T { a: u8, l: Blob } } [T { a: 1, l: Blob(vec![255]) }]
}

change! { map_of_a_wider_type
    { pub(super) struct T { a: u8, m: BTreeMap<String, u16> } } [T { a: 1, m: [("k".into(), u16::MAX)].into() }]
    { pub(super) struct T { a: u8, m: BTreeMap<String, u32> } } [T { a: 1, m: [("k".into(), u32::MAX)].into() }]
}

change! { map_of_structs_with_one_more
    { pub(super) struct T { a: u8, m: BTreeMap<String, I> } pub(super) struct I { x: u8, y: u8 } }
    [T { a: 1, m: [("k".into(), I { x: 1, y: 2 })].into() }, T { a: 1, m: BTreeMap::new() }]
    { pub(super) struct T { a: u8, m: BTreeMap<String, I> } pub(super) struct I { x: u8, y: u8, z: u8 } }
    [T { a: 1, m: [("k".into(), I { x: 1, y: 2, z: 3 })].into() }]
}

change! { keys_to_text
    { pub(super) struct T { a: u8, m: BTreeMap<u32, u8> } } [T { a: 1, m: [(7, 2)].into() }]
    { pub(super) struct T { a: u8, m: BTreeMap<String, u8> } } [T { a: 1, m: [("x".into(), 2)].into() }]
}

change! { keys_with_a_sign
    { pub(super) struct T { a: u8, m: BTreeMap<u32, u8> } } [T { a: 1, m: [(7, 2), (u32::MAX, 3)].into() }]
    { pub(super) struct T { a: u8, m: BTreeMap<i64, u8> } } [T { a: 1, m: [(-7, 2), (7, 3)].into() }]
}

change! { keys_of_a_narrower_type
    { pub(super) struct T { a: u8, m: BTreeMap<u64, u8> } } [T { a: 1, m: [(7, 2), (u64::MAX, 3)].into() }]
    { pub(super) struct T { a: u8, m: BTreeMap<u16, u8> } } [T { a: 1, m: [(7, 2), (u16::MAX, 3)].into() }]
}

change! { keys_to_booleans
    { pub(super) struct T { a: u8, l: Vec<BTreeMap<String, u8>> } } [T { a: 1, l: vec![[("x".into(), 2)].into()] }]
    { pub(super) struct T { a: u8, l: Vec<BTreeMap<bool, u8>> } } [T { a: 1, l: vec![[(true, 2)].into()] }]
}

change! { keys_of_an_enum
    { pub(super) struct T { a: u8, m: BTreeMap<K, u8> }
      #[derive(PartialEq, Eq, PartialOrd, Ord)] pub(super) enum K { A, B } }
    [T { a: 1, m: [(K::A, 2), (K::B, 2)].into() }, T { a: 1, m: BTreeMap::new() }]
    { pub(super) struct T { a: u8, m: BTreeMap<K, u8> }
      #[derive(PartialEq, Eq, PartialOrd, Ord)] pub(super) enum K { A, B, C } }
    [T { a: 1, m: [(K::A, 2), (K::C, 2)].into() }]
}

change! { struct_to_map
    { pub(super) struct T { a: u8, m: I } pub(super) struct I { x: u8, y: u8 } }
    [T { a: 1, m: I { x: 2, y: 3 } }]
    { pub(super) struct T { a: u8, m: BTreeMap<String, u8> } }
    [T { a: 1, m: BTreeMap::new() }, T { a: 1, m: [("x".into(), 2), ("y".into(), 3)].into() }]
}

change! { map_to_list_of_pairs
    { pub(super) struct T { a: u8, m: BTreeMap<String, u8> } } [T { a: 1, m: [("x".into(), 2)].into() }]
    { pub(super) struct T { a: u8, m: Vec<(String, u8)> } } [T { a: 1, m: vec![("x".into(), 2)] }]
}

pub(super) fn add(table: &mut super::Table) {
    tuple_grows::add(table);
    tuple_grows_with_a_default::add(table);
    tuple_reordered::add(table);
    tuple_widened::add(table);
    tuple_to_struct::add(table);
    array_grows::add(table);
    array_to_list::add(table);
    list_to_set::add(table);
    list_of_a_wider_type::add(table);
    list_of_options::add(table);
    one_to_a_list::add(table);
    option_to_list::add(table);
    bytes_from_now_on::add(table);
    text_to_bytes::add(table);
    map_of_a_wider_type::add(table);
    map_of_structs_with_one_more::add(table);
    keys_to_text::add(table);
    keys_with_a_sign::add(table);
    keys_of_a_narrower_type::add(table);
    keys_to_booleans::add(table);
    keys_of_an_enum::add(table);
    struct_to_map::add(table);
    map_to_list_of_pairs::add(table);
}
