use memq::Topic;
use serde::Serialize;

#[derive(Serialize, Topic)]
#[topic(name = "orders", format = Json)]
struct Order;

fn main() {
    let _ = Order::SPEC;
}
