use memq::Topic;

#[derive(Topic)]
#[topic(name = "orders", ttl = "999999999999999999999d")]
struct Order;

fn main() {
    let _ = Order::SPEC;
}
