use memq::Topic;
use serde::{Deserialize, Serialize};

#[derive(Serialize, Deserialize, Topic)]
#[topic(name = "invoices", format = Json)]
struct OrderV1 {
    item: String,
}

#[derive(Serialize, Deserialize, Topic)]
#[topic(name = "orders", format = Json, version = 2, upcast_from = OrderV1)]
struct Order {
    item: String,
}

impl From<OrderV1> for Order {
    fn from(old: OrderV1) -> Self {
        Self { item: old.item }
    }
}

fn main() {}
