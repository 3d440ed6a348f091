use memq::Topic;
use serde::{Deserialize, Serialize};

#[derive(Serialize, Deserialize, Topic)]
#[topic(name = "orders", format = Postcard)]
#[serde(tag = "kind")]
struct Order {
    customer: u64,
}


fn main() {
    let _ = Order::SPEC;
}
