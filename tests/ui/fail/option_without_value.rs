use memq::Topic;

#[derive(Topic)]
#[topic(name = "orders", ttl)]
struct Order;

fn main() {
    let _ = Order::SPEC;
}
