use memq::Topic;

#[derive(Topic)]
#[topic(name = "orders", ttl = "1.5h")]
struct Order;

fn main() {
    let _ = Order::SPEC;
}
