//! Values that change their type.

use super::change;

mod imports {
    pub(super) use crate::schema::compat::tests::kit::Case;
    pub(super) use schemars::JsonSchema;
    pub(super) use serde::{Deserialize, Serialize};
    pub(super) use std::net::IpAddr;
    pub(super) use std::num::{NonZeroI32, NonZeroU32};
}

change! { wider_by_a_byte
    { pub(super) struct T { a: u8, b: u8 } } [T { a: 1, b: 0 }, T { a: 1, b: 255 }]
    { pub(super) struct T { a: u8, b: u16 } } [T { a: 1, b: 0 }, T { a: 1, b: u16::MAX }]
}

change! { wider
    { pub(super) struct T { a: u8, b: u16, c: u32 } } [T { a: 1, b: 0, c: 0 }, T { a: 1, b: u16::MAX, c: u32::MAX }]
    { pub(super) struct T { a: u8, b: u32, c: u128 } } [T { a: 1, b: 0, c: 0 }, T { a: 1, b: u32::MAX, c: u128::from(u64::MAX) }]
}

change! { wider_with_a_sign
    { pub(super) struct T { a: u8, b: i16, c: i32 } }
    [T { a: 1, b: -1, c: 1 }, T { a: 1, b: i16::MIN, c: i32::MIN }, T { a: 1, b: i16::MAX, c: i32::MAX }]
    { pub(super) struct T { a: u8, b: i32, c: i64 } }
    [T { a: 1, b: -1, c: 1 }, T { a: 1, b: i32::MIN, c: i64::MIN }, T { a: 1, b: i32::MAX, c: i64::MAX }]
}

change! { a_sign_from_now_on
    { pub(super) struct T { a: u8, b: u32 } } [T { a: 1, b: 1 }, T { a: 1, b: u32::MAX }]
    { pub(super) struct T { a: u8, b: i32 } } [T { a: 1, b: 1 }, T { a: 1, b: -1 }]
}

change! { wider_and_a_sign
    { pub(super) struct T { a: u8, b: u32 } } [T { a: 1, b: 1 }, T { a: 1, b: u32::MAX }]
    { pub(super) struct T { a: u8, b: i64 } } [T { a: 1, b: 1 }, T { a: 1, b: -1 }]
}

change! { as_large_as_the_machine
    { pub(super) struct T { a: u8, b: u32 } } [T { a: 1, b: 1 }, T { a: 1, b: u32::MAX }]
    { pub(super) struct T { a: u8, b: usize } } [T { a: 1, b: 1 }, T { a: 1, b: usize::MAX }]
}

change! { small_whole_to_floating
    { pub(super) struct T { a: u8, b: u32 } } [T { a: 1, b: 1 }, T { a: 1, b: u32::MAX }]
    { pub(super) struct T { a: u8, b: f64 } } [T { a: 1, b: 1.5 }, T { a: 1, b: -2.0 }]
}

change! { large_whole_to_floating
    { pub(super) struct T { a: u8, b: u64 } } [T { a: 1, b: 1 }, T { a: 1, b: u64::MAX }]
    { pub(super) struct T { a: u8, b: f64 } } [T { a: 1, b: 1.5 }]
}

change! { whole_to_single
    { pub(super) struct T { a: u8, b: u32 } } [T { a: 1, b: 1 }, T { a: 1, b: (1 << 24) + 1 }]
    { pub(super) struct T { a: u8, b: f32 } } [T { a: 1, b: 1.5 }]
}

change! { single_to_double
    { pub(super) struct T { a: u8, b: f32 } } [T { a: 1, b: 1.5 }, T { a: 1, b: 0.1 }]
    { pub(super) struct T { a: u8, b: f64 } } [T { a: 1, b: 1.5 }, T { a: 1, b: 1e300 }]
}

change! { zero_from_now_on
    { pub(super) struct T { a: NonZeroI32, b: NonZeroU32 } }
    [T { a: NonZeroI32::MIN, b: NonZeroU32::MIN }, T { a: NonZeroI32::MAX, b: NonZeroU32::MAX }]
    { pub(super) struct T { a: i32, b: u32 } } [T { a: 1, b: 1 }, T { a: 0, b: 0 }]
}

change! { whole_to_text
    { pub(super) struct T { a: u8, b: u32 } } [T { a: 1, b: 1 }, T { a: 1, b: 7 }]
    { pub(super) struct T { a: u8, b: String } } [T { a: 1, b: "x".into() }, T { a: 1, b: "7".into() }]
}

change! { boolean_to_whole
    { pub(super) struct T { a: u8, b: bool } } [T { a: 1, b: true }]
    { pub(super) struct T { a: u8, b: u8 } } [T { a: 1, b: 1 }]
}

change! { boolean_to_enum
    { pub(super) struct T { a: u8, b: bool } } [T { a: 1, b: true }]
    { pub(super) struct T { a: u8, b: B } pub(super) enum B { No, Yes } }
    [T { a: 1, b: B::Yes }, T { a: 1, b: B::No }]
}

change! { character_to_text
    { pub(super) struct T { a: u8, b: char } } [T { a: 1, b: 'x' }, T { a: 1, b: 'ß' }]
    { pub(super) struct T { a: u8, b: String } } [T { a: 1, b: "xy".into() }, T { a: 1, b: String::new() }]
}

change! { address_to_text
    { pub(super) struct T { a: u8, b: IpAddr } }
    [T { a: 1, b: [127, 0, 0, 1].into() }, T { a: 1, b: [0_u16; 8].into() }]
    { pub(super) struct T { a: u8, b: String } } [T { a: 1, b: "x".into() }]
}

change! { address_of_one_kind
    { pub(super) struct T { a: u8, b: std::net::Ipv4Addr } } [T { a: 1, b: [127, 0, 0, 1].into() }]
    { pub(super) struct T { a: u8, b: IpAddr } }
    [T { a: 1, b: [127, 0, 0, 1].into() }, T { a: 1, b: [0_u16; 8].into() }]
}

change! { time_to_seconds
    { pub(super) struct T { a: u8, b: std::time::Duration } }
    [T { a: 1, b: std::time::Duration::from_millis(1500) }]
    { pub(super) struct T { a: u8, b: u64 } } [T { a: 1, b: 1 }]
}

change! { text_to_any_value
    { pub(super) struct T { a: u8, b: String } } [T { a: 1, b: "x".into() }]
    { pub(super) struct T { a: u8, b: serde_json::Value } }
    [T { a: 1, b: "x".into() }, T { a: 1, b: 7.into() }]
}

change! { one_to_a_type_of_its_own
    { pub(super) struct T { a: u8, b: u32 } } [T { a: 1, b: 7 }]
    { pub(super) struct T { a: u8, b: N } pub(super) struct N(u32); } [T { a: 1, b: N(7) }]
}

pub(super) fn add(table: &mut super::Table) {
    wider_by_a_byte::add(table);
    wider::add(table);
    wider_with_a_sign::add(table);
    a_sign_from_now_on::add(table);
    wider_and_a_sign::add(table);
    as_large_as_the_machine::add(table);
    small_whole_to_floating::add(table);
    large_whole_to_floating::add(table);
    whole_to_single::add(table);
    single_to_double::add(table);
    zero_from_now_on::add(table);
    whole_to_text::add(table);
    boolean_to_whole::add(table);
    boolean_to_enum::add(table);
    character_to_text::add(table);
    address_to_text::add(table);
    address_of_one_kind::add(table);
    time_to_seconds::add(table);
    text_to_any_value::add(table);
    one_to_a_type_of_its_own::add(table);
}
