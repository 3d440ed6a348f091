use memq::Topic;

#[derive(Topic)]
#[topic(name = "orders", version = 2, version = 3)]
struct Order;

fn main() {
    let _ = Order::SPEC;
}
