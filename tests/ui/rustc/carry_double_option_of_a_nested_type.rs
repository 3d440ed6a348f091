use memq::{Shape, Topic};
use serde::{Deserialize, Serialize};

#[derive(Serialize, Deserialize, Shape)]
struct Line {
    note: Option<Option<String>>,
}

#[derive(Serialize, Deserialize, Shape)]
struct Part {
    lines: Vec<Line>,
}

#[derive(Serialize, Deserialize, Topic)]
#[topic(name = "orders", format = Json)]
struct Order {
    customer: u64,
    parts: Option<Part>,
}

#[derive(Serialize, Deserialize, Topic)]
#[topic(name = "carts", format = MessagePack)]
struct Cart(Part);

#[derive(Serialize, Deserialize, Shape)]
struct Pair(#[serde(skip_serializing_if = "Option::is_none")] Option<u8>, u8);

#[derive(Serialize, Deserialize, Topic)]
#[topic(name = "pairs", format = Json)]
struct Pairs {
    pairs: Vec<Pair>,
}

// With places each value has bytes of its own.
#[derive(Serialize, Deserialize, Topic)]
#[topic(name = "parts", format = Postcard)]
struct Parts(Vec<Part>);

fn main() {}
