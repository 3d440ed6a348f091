use memq::Topic;
use serde::{Deserialize, Serialize};

#[derive(Serialize, Deserialize, Topic)]
#[topic(name = "orders", format = Postcard)]
#[serde(rename_all = "camelCase")]
struct Order {
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    all_lines: Vec<Line>,
    #[serde(flatten)]
    line: Line,
}

#[derive(Serialize, Deserialize)]
struct Line {
    item: String,
}

fn main() {
    let _ = Order::SPEC;
}
