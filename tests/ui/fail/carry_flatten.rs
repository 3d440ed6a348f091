use memq::Topic;
use serde::{Deserialize, Serialize};

#[derive(Serialize, Deserialize, Topic)]
#[topic(name = "orders", format = Postcard)]
struct Order {
    customer: u64,
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
