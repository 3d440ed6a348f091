use memq::Topic;
use serde::{Deserialize, Serialize};

#[derive(Serialize, Deserialize, Topic)]
#[topic(name = "orders", format = Json)]
struct OrderV1 {
    item: String,
}

#[derive(Serialize, Deserialize, Topic)]
#[topic(name = "orders", format = Json, version = 2, try_upcast_from = OrderV1)]
struct Order {
    item: String,
}


fn main() {}
