use memq::Topic;

#[derive(Topic)]
#[topic(name = "orders", dedup = None)]
struct Order;

fn main() {
    let _ = Order::SPEC;
}
