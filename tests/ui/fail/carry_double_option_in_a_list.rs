use memq::Topic;
use serde::{Deserialize, Serialize};

#[derive(Serialize, Deserialize, Topic)]
#[topic(name = "orders", format = Json)]
struct Order {
    notes: Vec<Option<Option<String>>>,
}


fn main() {
    let _ = Order::SPEC;
}
