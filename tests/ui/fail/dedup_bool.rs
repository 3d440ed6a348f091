use memq::Topic;

#[derive(Topic)]
#[topic(name = "orders", dedup = true)]
struct Order;

fn main() {
    let _ = Order::SPEC;
}
