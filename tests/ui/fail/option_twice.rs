use memq::Topic;

#[derive(Topic)]
#[topic(name = "orders", ttl = "1h", ttl = "2h")]
struct Order;

fn main() {
    let _ = Order::SPEC;
}
