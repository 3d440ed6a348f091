use memq::Topic;

#[derive(Topic)]
#[topic(name = "orders", ttl =, max = 10)]
struct Order;

fn main() {
    let _ = Order::SPEC;
}
