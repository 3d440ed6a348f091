use memq::Topic;

#[derive(Topic)]
#[topic(name = "orders", version = 1.1)]
struct Order;

fn main() {
    let _ = Order::SPEC;
}
