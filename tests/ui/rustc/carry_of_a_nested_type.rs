use memq::{Shape, Topic};
use serde::{Deserialize, Serialize};

#[derive(Serialize, Deserialize, Shape)]
struct Line {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    note: Option<String>,
    item: String,
}

#[derive(Serialize, Deserialize, Shape)]
struct Part {
    lines: Vec<Line>,
}

#[derive(Serialize, Deserialize, Topic)]
#[topic(name = "orders", format = Postcard)]
struct Order {
    customer: u64,
    parts: Option<Part>,
}

fn main() {}
