//! Fields that come, go, and change their names and places.

use super::change;

mod imports {
    pub(super) use crate::schema::compat::tests::kit::Case;
    pub(super) use schemars::JsonSchema;
    pub(super) use serde::{Deserialize, Serialize};
    pub(super) use std::collections::BTreeMap;
}

change! { nothing
    { pub(super) struct T { a: u8, b: Option<String>, c: Vec<(u8, bool)> } }
    [T { a: 1, b: None, c: vec![] }, T { a: 255, b: Some("x".into()), c: vec![(0, true), (1, false)] }]
    { pub(super) struct T { a: u8, b: Option<String>, c: Vec<(u8, bool)> } }
    [T { a: 1, b: None, c: vec![] }, T { a: 255, b: Some("x".into()), c: vec![(0, true), (1, false)] }]
}

change! { added_with_a_default
    { pub(super) struct T { a: u8, b: u8 } } [T { a: 1, b: 2 }]
    { pub(super) struct T { a: u8, b: u8, #[serde(default)] c: u8 } } [T { a: 1, b: 2, c: 3 }]
}

change! { added_and_needed
    { pub(super) struct T { a: u8, b: u8 } } [T { a: 1, b: 2 }]
    { pub(super) struct T { a: u8, b: u8, c: u8 } } [T { a: 1, b: 2, c: 3 }]
}

change! { added_as_an_option
    { pub(super) struct T { a: u8, b: u8 } } [T { a: 1, b: 2 }]
    { pub(super) struct T { a: u8, b: u8, c: Option<u8> } }
    [T { a: 1, b: 2, c: Some(3) }, T { a: 1, b: 2, c: None }]
}

change! { added_in_the_middle
    { pub(super) struct T { a: u8, b: u8 } } [T { a: 1, b: 2 }]
    { pub(super) struct T { a: u8, #[serde(default)] c: u8, b: u8 } } [T { a: 1, b: 2, c: 3 }]
}

change! { added_and_not_written
    { pub(super) struct T { a: u8, b: u8 } } [T { a: 1, b: 2 }]
    { pub(super) struct T { a: u8, b: u8, #[serde(skip)] _c: u8 } } [T { a: 1, b: 2, _c: 3 }]
}

change! { removed
    { pub(super) struct T { a: u8, b: u8, c: u8 } } [T { a: 1, b: 2, c: 3 }]
    { pub(super) struct T { a: u8, b: u8 } } [T { a: 1, b: 2 }]
}

change! { removed_with_a_default
    { pub(super) struct T { a: u8, b: u8, #[serde(default)] c: u8 } } [T { a: 1, b: 2, c: 3 }]
    { pub(super) struct T { a: u8, b: u8 } } [T { a: 1, b: 2 }]
}

change! { removed_where_unknown_fields_are_denied
    { #[serde(deny_unknown_fields)] pub(super) struct T { a: u8, b: u8, #[serde(default)] c: u8 } }
    [T { a: 1, b: 2, c: 3 }]
    { #[serde(deny_unknown_fields)] pub(super) struct T { a: u8, b: u8 } } [T { a: 1, b: 2 }]
}

change! { unknown_fields_denied_from_now_on
    { pub(super) struct T { a: u8, b: u8 } } [T { a: 1, b: 2 }]
    { #[serde(deny_unknown_fields)] pub(super) struct T { a: u8, b: u8 } } [T { a: 1, b: 2 }]
}

change! { renamed
    { pub(super) struct T { a: u8, b: u8 } } [T { a: 1, b: 2 }]
    { pub(super) struct T { a: u8, c: u8 } } [T { a: 1, c: 2 }]
    stricter [
        ("Postcard Bincode", Backward, "`b` may be another field than `c`, and is read as it"),
        ("Postcard Bincode", Forward, "`c` may be another field than `b`, and is read as it"),
    ]
}

change! { renamed_with_an_alias
    { pub(super) struct T { a: u8, b: u8 } } [T { a: 1, b: 2 }]
    { pub(super) struct T { a: u8, #[serde(alias = "b")] c: u8 } } [T { a: 1, c: 2 }]
    alias [["T", "c", "b"]]
}

change! { renamed_with_an_alias_below
    { pub(super) struct T { a: u8, i: I } pub(super) struct I { x: u8, y: u8 } }
    [T { a: 1, i: I { x: 1, y: 2 } }]
    { pub(super) struct T { a: u8, i: I } pub(super) struct I { x: u8, #[serde(alias = "y")] z: u8 } }
    [T { a: 1, i: I { x: 1, z: 2 } }]
    alias [["I", "z", "y"]]
}

change! { alias_of_a_field_that_is_written_as_well
    { pub(super) struct T { a: u8, b: u8, c: u8 } } [T { a: 1, b: 2, c: 3 }]
    { pub(super) struct T { a: u8, #[serde(alias = "b")] c: u8 } } [T { a: 1, c: 2 }]
    alias [["T", "c", "b"]]
}

change! { one_more_in_a_type_with_a_name_that_references_encode
    { pub(super) struct T { a: u8, i: I } #[schemars(rename = "an é / ~1 %41")] pub(super) struct I { x: u8 } }
    [T { a: 1, i: I { x: 1 } }]
    { pub(super) struct T { a: u8, i: I }
      #[schemars(rename = "an é / ~1 %41")] pub(super) struct I { x: u8, #[serde(default)] y: u8 } }
    [T { a: 1, i: I { x: 1, y: 2 } }]
}

change! { renamed_in_the_source_alone
    { pub(super) struct T { a: u8, b: u8 } } [T { a: 1, b: 2 }]
    { pub(super) struct T { a: u8, #[serde(rename = "b")] c: u8 } } [T { a: 1, c: 2 }]
}

change! { renamed_all
    { pub(super) struct T { one_a: u8, one_b: u8 } } [T { one_a: 1, one_b: 2 }]
    { #[serde(rename_all = "camelCase")] pub(super) struct T { one_a: u8, one_b: u8 } }
    [T { one_a: 1, one_b: 2 }]
    stricter [
        ("Postcard Bincode", Backward, "the fields may be others"),
        ("Postcard Bincode", Forward, "the fields may be others"),
    ]
}

change! { reordered
    { pub(super) struct T { a: u8, b: u8 } } [T { a: 1, b: 2 }]
    { pub(super) struct T { b: u8, a: u8 } } [T { a: 1, b: 2 }]
}

change! { reordered_with_other_types
    { pub(super) struct T { a: u8, b: String } } [T { a: 1, b: "x".into() }, T { a: 9, b: String::new() }]
    { pub(super) struct T { b: String, a: u8 } } [T { a: 1, b: "x".into() }, T { a: 9, b: String::new() }]
}

change! { an_option_from_now_on
    { pub(super) struct T { a: u8, b: u8 } } [T { a: 1, b: 2 }, T { a: 1, b: 0 }]
    { pub(super) struct T { a: u8, b: Option<u8> } } [T { a: 1, b: Some(2) }, T { a: 1, b: None }]
}

change! { no_option_any_more
    { pub(super) struct T { a: u8, b: Option<u8> } } [T { a: 1, b: Some(2) }, T { a: 1, b: None }]
    { pub(super) struct T { a: u8, #[serde(default)] b: u8 } } [T { a: 1, b: 2 }]
}

change! { a_default_from_now_on
    { pub(super) struct T { a: u8, b: u8 } } [T { a: 1, b: 2 }]
    { pub(super) struct T { a: u8, #[serde(default)] b: u8 } } [T { a: 1, b: 2 }]
}

change! { left_out_where_it_is_empty
    { pub(super) struct T { a: u8, b: Vec<u8> } } [T { a: 1, b: vec![] }, T { a: 1, b: vec![2] }]
    { pub(super) struct T { a: u8, #[serde(default, skip_serializing_if = "Vec::is_empty")] b: Vec<u8> } }
    [T { a: 1, b: vec![] }, T { a: 1, b: vec![2] }]
    stricter [("Postcard Bincode", Backward, "what has the type now cannot be carried, so nothing is said of it")]
}

change! { never_null_any_more
    { pub(super) struct T {
        a: u8,
        #[serde(skip_serializing_if = "Option::is_none")]
        b: Option<u8>,
    } }
    [T { a: 1, b: Some(2) }, T { a: 1, b: None }]
    { pub(super) struct T { a: u8, #[serde(default)] b: u8 } } [T { a: 1, b: 2 }]
    stricter [
        ("Json MessagePack", Backward, "when a field is skipped is not in the schema"),
    ]
}

change! { read_alone_from_now_on
    { pub(super) struct T { a: u8, b: u8 } } [T { a: 1, b: 2 }]
    { pub(super) struct T { a: u8, #[serde(rename = "b", skip_serializing, default)] _b: u8 } } [T { a: 1, _b: 0 }]
    stricter [("Postcard Bincode", Backward, "what has the type now cannot be carried")]
}

change! { a_struct_below_has_one_more
    { pub(super) struct T { a: u8, i: I } pub(super) struct I { x: u8, y: u8 } }
    [T { a: 1, i: I { x: 1, y: 2 } }]
    { pub(super) struct T { a: u8, i: I } pub(super) struct I { x: u8, y: u8, #[serde(default)] z: u8 } }
    [T { a: 1, i: I { x: 1, y: 2, z: 3 } }]
}

change! { a_list_below_needs_one_more
    { pub(super) struct T { a: u8, l: Vec<I> } pub(super) struct I { x: u8, y: u8 } }
    [T { a: 1, l: vec![I { x: 1, y: 2 }] }, T { a: 1, l: vec![] }]
    { pub(super) struct T { a: u8, l: Vec<I> } pub(super) struct I { x: u8, y: u8, z: u8 } }
    [T { a: 1, l: vec![I { x: 1, y: 2, z: 3 }] }]
}

change! { a_tree_has_one_more
    { pub(super) struct T { a: u8, l: Vec<T>, o: Option<Box<T>> } }
    [T { a: 1, l: vec![T { a: 2, l: vec![], o: None }], o: Some(Box::new(T { a: 3, l: vec![], o: None })) }]
    { pub(super) struct T { a: u8, l: Vec<T>, o: Option<Box<T>>, #[serde(default)] z: u8 } }
    [T { a: 1, l: vec![T { a: 2, l: vec![], o: None, z: 1 }], o: None, z: 7 }]
}

change! { flattened
    { pub(super) struct T { a: u8, x: u8, y: u8 } } [T { a: 1, x: 2, y: 3 }]
    { pub(super) struct T { a: u8, #[serde(flatten)] i: I } pub(super) struct I { x: u8, y: u8 } }
    [T { a: 1, i: I { x: 2, y: 3 } }]
}

change! { moved_into_a_struct
    { pub(super) struct T { a: u8, x: u8, y: u8 } } [T { a: 1, x: 2, y: 3 }]
    { pub(super) struct T { a: u8, i: I } pub(super) struct I { x: u8, y: u8 } }
    [T { a: 1, i: I { x: 2, y: 3 } }]
    stricter [
        ("Postcard Bincode", Backward, "a struct in place of its fields is another type"),
        ("Postcard Bincode", Forward, "fields in place of a struct are other types"),
    ]
}

change! { keeps_what_it_does_not_know
    { pub(super) struct T { a: u8, b: u8 } } [T { a: 1, b: 2 }]
    { pub(super) struct T { a: u8, b: u8, #[serde(flatten)] more: BTreeMap<String, u8> } }
    [T { a: 1, b: 2, more: BTreeMap::new() }, T { a: 1, b: 2, more: [("z".into(), 3)].into() }]
}

pub(super) fn add(table: &mut super::Table) {
    nothing::add(table);
    added_with_a_default::add(table);
    added_and_needed::add(table);
    added_as_an_option::add(table);
    added_in_the_middle::add(table);
    added_and_not_written::add(table);
    removed::add(table);
    removed_with_a_default::add(table);
    removed_where_unknown_fields_are_denied::add(table);
    unknown_fields_denied_from_now_on::add(table);
    renamed::add(table);
    renamed_with_an_alias::add(table);
    renamed_with_an_alias_below::add(table);
    alias_of_a_field_that_is_written_as_well::add(table);
    one_more_in_a_type_with_a_name_that_references_encode::add(table);
    renamed_in_the_source_alone::add(table);
    renamed_all::add(table);
    reordered::add(table);
    reordered_with_other_types::add(table);
    an_option_from_now_on::add(table);
    no_option_any_more::add(table);
    a_default_from_now_on::add(table);
    left_out_where_it_is_empty::add(table);
    never_null_any_more::add(table);
    read_alone_from_now_on::add(table);
    a_struct_below_has_one_more::add(table);
    a_list_below_needs_one_more::add(table);
    a_tree_has_one_more::add(table);
    flattened::add(table);
    moved_into_a_struct::add(table);
    keeps_what_it_does_not_know::add(table);
}
