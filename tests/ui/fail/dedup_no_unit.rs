use memq::Topic;

#[derive(Topic)]
#[topic(name = "orders", dedup = "120")]
struct Order;

fn main() {
    let _ = Order::SPEC;
}
