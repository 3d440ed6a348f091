use memq::Topic;
use serde::{Deserialize, Serialize};

#[derive(Serialize, Deserialize, Topic)]
#[topic(name = "orders", format = MessagePack)]
struct Order(u64, #[serde(skip_deserializing)] u64);


fn main() {
    let _ = Order::SPEC;
}
