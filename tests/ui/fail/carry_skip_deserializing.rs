use memq::Topic;
use serde::{Deserialize, Serialize};

#[derive(Serialize, Deserialize, Topic)]
#[topic(name = "orders", format = Postcard)]
struct Order {
    #[serde(skip_deserializing)]
    secret: String,
    customer: u64,
}


fn main() {
    let _ = Order::SPEC;
}
