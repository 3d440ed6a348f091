use memq::Topic;
use serde::{Deserialize, Serialize};

#[derive(Serialize, Deserialize, Topic)]
#[topic(name = "orders", format = Postcard)]
enum Order {
    Placed(u64),
    #[serde(untagged)]
    Other(String),
}


fn main() {
    let _ = Order::SPEC;
}
