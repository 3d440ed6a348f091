use memq::Topic;

#[derive(Topic)]
#[topic(name = "orders", ttl = "1h 1h")]
struct Order;

fn main() {
    let _ = Order::SPEC;
}
