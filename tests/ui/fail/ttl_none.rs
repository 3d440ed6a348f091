use memq::Topic;

#[derive(Topic)]
#[topic(name = "orders", ttl = None)]
struct Order;

fn main() {
    let _ = Order::SPEC;
}
