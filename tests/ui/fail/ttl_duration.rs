use memq::Topic;

#[derive(Topic)]
#[topic(name = "orders", ttl = Duration::from_secs(60))]
struct Order;

fn main() {
    let _ = Order::SPEC;
}
