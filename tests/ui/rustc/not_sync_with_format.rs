use memq::Topic;
use serde::{Deserialize, Serialize};

#[derive(Serialize, Deserialize, Topic)]
#[topic(name = "orders", format = Json)]
struct Order {
    item: std::cell::Cell<u8>,
}

fn main() {}
