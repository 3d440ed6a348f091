use memq::Topic;
use serde::{Deserialize, Serialize};

#[derive(Serialize, Deserialize, Topic)]
#[topic(name = "orders", format = Bincode)]
#[serde(untagged)]
enum Order {
    Placed(u64),
    Cancelled { reason: String },
}


fn main() {
    let _ = Order::SPEC;
}
