use memq::Topic;

#[derive(Topic)]
#[topic(name = "orders", version = 0)]
struct Order;

fn main() {
    let _ = Order::SPEC;
}
