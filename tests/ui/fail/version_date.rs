use memq::Topic;

#[derive(Topic)]
#[topic(name = "orders", version = "2024-01-01")]
struct Order;

fn main() {
    let _ = Order::SPEC;
}
