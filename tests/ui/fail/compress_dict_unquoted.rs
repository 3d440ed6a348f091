use memq::Topic;
use serde::{Deserialize, Serialize};

#[derive(Serialize, Deserialize, Topic)]
#[topic(name = "orders", format = Json, compress = Zstd(dict = orders.dict))]
struct Order;

fn main() {
    let _ = Order::SPEC;
}
