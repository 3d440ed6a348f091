use memq::Topic;
use serde::{Deserialize, Serialize};

#[derive(Serialize, Deserialize, Topic)]
#[topic(name = "orders", format = Postcard)]
#[serde(tag = "kind")]
enum Order {
    Placed { customer: u64 },
    Cancelled,
}


fn main() {
    let _ = Order::SPEC;
}
