use memq::Topic;

#[derive(Topic)]
#[topic(name = "orders", ttl = "0s")]
struct Order;

fn main() {
    let _ = Order::SPEC;
}
