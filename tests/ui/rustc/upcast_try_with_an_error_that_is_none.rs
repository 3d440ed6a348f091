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

impl TryFrom<OrderV1> for Order {
    type Error = ();

    fn try_from(old: OrderV1) -> Result<Self, ()> {
        Ok(Self { item: old.item })
    }
}

fn main() {}
