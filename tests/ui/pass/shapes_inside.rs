//! `#[derive(Shape)]` on all that it takes, under any name of memq, and what it sees of a change.

#![forbid(unused_imports)]
#![deny(warnings)]
#![allow(dead_code)]

use std::collections::HashMap;
use std::marker::PhantomData;

use memq as mq;
use memq::schema::Fingerprint;
use serde::{Deserialize, Serialize};

#[derive(Serialize, Deserialize, mq::Shape)]
#[shape(crate = mq)]
#[serde(rename_all = "camelCase")]
struct Line<T> {
    #[serde(alias = "name")]
    item_name: T,
    #[serde(rename = "n")]
    count: u8,
}

#[derive(Serialize, Deserialize, memq::Shape)]
enum Tree {
    Leaf,
    Branch(Box<Tree>, Vec<Self>),
    Named { line: Line<String>, #[serde(alias = "extra")] more: HashMap<String, Line<u8>> },
}

#[derive(memq::Shape)]
struct Borrowed<'a, T: ?Sized, const N: usize>(&'a str, [u8; N], PhantomData<T>);

struct Foreign;

#[derive(memq::Shape)]
struct Holds(Foreign);

#[derive(memq::Shape)]
struct Nothing;

#[derive(Serialize, Deserialize, memq::Topic, memq::Shape)]
#[topic(name = "orders", format = Postcard)]
struct Order {
    lines: Vec<Line<String>>,
    trees: Option<Tree>,
    earlier: Option<Box<Order>>,
}

/// Each is another type of the same name.
macro_rules! print {
    ($($item:tt)*) => {{
        #[derive(Serialize, Deserialize, memq::Shape)]
        $($item)*
        <Point as memq::Shape>::SHAPE
    }};
}

fn main() {
    let plain = print!(struct Point { x: u8, y: u8 });
    // What no byte shows.
    for same in [
        print!(#[serde(deny_unknown_fields)] #[doc = "One."] struct Point { x: u8, y: u8 }),
        print!(struct Point { #[serde(rename = "x")] a: u8, #[serde(default, alias = "z")] y: u8 }),
        print!(struct Point { x: u8, #[serde(skip)] z: u8, y: u8 }),
        print!(struct Point { x: core::primitive::u8, y: u8 }),
        print!(struct Point { x: Box<u8>, y: u8 }),
    ] {
        assert_eq!(plain, same);
    }
    let mut others = vec![
        plain,
        print!(struct Point { y: u8, x: u8 }),
        print!(struct Point { x: u8, y: u16 }),
        print!(struct Point { x: u8 }),
        print!(struct Point { x: u8, y: u8, z: u8 }),
        print!(struct Point { x: u8, z: u8 }),
        print!(struct Point { x: Option<u8>, y: u8 }),
        print!(#[serde(rename_all = "UPPERCASE")] struct Point { x: u8, y: u8 }),
        print!(struct Point(u8, u8);),
        print!(struct Point(u8);),
        print!(struct Point;),
        print!(enum Point { X(u8), Y(u8) }),
        print!(enum Point { Y(u8), X(u8) }),
        print!(enum Point { X(u8), #[serde(skip)] Z(u8), Y(u8) }),
        print!(enum Point { X { x: u8 }, Y(u8) }),
        print!(#[serde(tag = "t")] enum Point { X { x: u8 }, Y { y: u8 } }),
        print!(#[serde(tag = "u")] enum Point { X { x: u8 }, Y { y: u8 } }),
        print!(#[serde(untagged)] enum Point { X { x: u8 }, Y { y: u8 } }),
        print!(struct Point { x: u8, #[serde(skip_serializing_if = "Option::is_none")] y: Option<u8> }),
        print!(struct Point { x: u8, y: Option<u8> }),
        print!(struct Point { x: u8, #[serde(flatten)] y: HashMap<String, u8> }),
        print!(struct Point { x: u8, y: HashMap<String, u8> }),
        print!(struct Point { x: u8, y: Line<u8> }),
        print!(struct Point { x: u8, y: Line<u16> }),
        <Borrowed<'static, u8, 3> as memq::Shape>::SHAPE,
        <Borrowed<'static, u8, 4> as memq::Shape>::SHAPE,
        <Tree as memq::Shape>::SHAPE,
        <Holds as memq::Shape>::SHAPE,
    ];
    let all = others.len();
    others.sort_by_key(|print: &Fingerprint| print.as_u64());
    others.dedup();
    assert_eq!(others.len(), all);
    assert_eq!(<Nothing as memq::Shape>::SHAPE, print!(struct Point;));

    assert_eq!(<Order as memq::Topic>::SHAPE, Some(<Order as memq::Shape>::SHAPE));
    let mut aliases = memq::schema::Aliases::new();
    <Order as memq::Topic>::aliases(&mut aliases);
    let aliases: Vec<_> = aliases.iter().collect();
    assert_eq!(
        aliases,
        [("Line", "itemName", "name"), ("Tree", "more", "extra"), ("Line", "itemName", "name")]
    );
}
