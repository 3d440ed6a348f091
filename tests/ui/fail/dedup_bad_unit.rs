use memq::Topic;

#[derive(Topic)]
#[topic(name = "orders", dedup = "2min")]
struct Order;

fn main() {
    let _ = Order::SPEC;
}
