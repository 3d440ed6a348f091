use memq::Topic;
use serde::{Deserialize, Serialize};

#[derive(Serialize, Deserialize, Topic)]
#[topic(name = "orders", format = Bincode)]
enum Order {
    Placed(u64),
    #[serde(skip)]
    Draft,
    Cancelled,
}


fn main() {
    let _ = Order::SPEC;
}
