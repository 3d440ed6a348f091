use memq::Topic;
use serde::{Deserialize, Serialize};

#[derive(Serialize, Deserialize, Topic)]
#[topic(name = "orders", format = MessagePack)]
enum Order {
    Changed(Option<Box<Option<String>>>),
}


fn main() {
    let _ = Order::SPEC;
}
