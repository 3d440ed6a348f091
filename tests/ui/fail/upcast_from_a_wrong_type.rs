use memq::Topic;
use serde::{Deserialize, Serialize};

#[derive(Serialize, Deserialize, Topic)]
#[topic(name = "orders", fromat = Json)]
struct OrderV1;

#[derive(Serialize, Deserialize, Topic)]
#[topic(name = "orders", format = Json, version = 2, upcast_from = OrderV1)]
struct Order;

impl From<OrderV1> for Order {
    fn from(_: OrderV1) -> Self {
        Self
    }
}

fn main() {
    let _ = Order::SPEC;
}
