//! Old versions that are deprecated, and what is in them.

#![deny(warnings)]
#![allow(dead_code)]

use memq::{Shape, Topic};
use serde::{Deserialize, Serialize};

#[deprecated]
#[derive(Serialize, Deserialize, Shape)]
struct LineV1 {
    item: String,
}

#[deprecated]
#[derive(Serialize, Deserialize, Topic)]
#[topic(name = "orders", format = Postcard)]
struct OrderV1 {
    #[topic(key)]
    #[deprecated]
    customer: u64,
    #[allow(deprecated)]
    line: LineV1,
}

#[derive(Serialize, Deserialize, Topic)]
#[topic(name = "orders", format = Postcard, version = 2, upcast_from = OrderV1)]
struct Order {
    #[topic(key)]
    customer: u64,
    items: Vec<String>,
}

#[allow(deprecated)]
impl From<OrderV1> for Order {
    fn from(old: OrderV1) -> Self {
        Self { customer: old.customer, items: vec![old.line.item] }
    }
}

#[derive(Shape, Serialize, Deserialize)]
enum Step {
    #[deprecated]
    Old,
    New(#[deprecated] u32),
}

/// Who forbids to allow it is not in the way.
#[forbid(deprecated)]
mod strict {
    #[derive(serde::Serialize, serde::Deserialize, memq::Shape)]
    struct Line(u32);

    #[derive(serde::Serialize, serde::Deserialize, memq::Topic)]
    #[topic(name = "strict", format = Postcard)]
    struct Strict(Line);
}

fn main() {
    assert_eq!(Order::SPEC.schema_version(), 2);
}
