use memq::Topic;
use serde::{Deserialize, Serialize};

#[derive(Serialize, Deserialize, Topic)]
#[topic(name = "orders", format = Bincode)]
#[serde(tag = "kind", content = "of")]
enum Order {
    Placed { customer: u64 },
    Cancelled(String),
}


fn main() {
    let _ = Order::SPEC;
}
