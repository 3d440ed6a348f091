use memq::Topic;

#[derive(Topic)]
#[topic(name = "orders", ttl = "5min")]
struct Order;

fn main() {
    let _ = Order::SPEC;
}
