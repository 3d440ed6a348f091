use memq::Topic;

#[derive(Topic)]
#[topic(name = "orders", dedup = "0s")]
struct Order;

fn main() {
    let _ = Order::SPEC;
}
