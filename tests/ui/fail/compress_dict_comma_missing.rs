use memq::Topic;
use serde::{Deserialize, Serialize};

#[derive(Serialize, Deserialize, Topic)]
#[topic(name = "orders", format = Json, compress = Zstd(dict = "orders.dict" 3))]
struct Order;

fn main() {
    let _ = Order::SPEC;
}
