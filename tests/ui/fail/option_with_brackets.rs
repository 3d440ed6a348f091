use memq::Topic;

#[derive(Topic)]
#[topic(name = "orders", ttl("1h"), max: 10)]
struct Order;

fn main() {
    let _ = Order::SPEC;
}
