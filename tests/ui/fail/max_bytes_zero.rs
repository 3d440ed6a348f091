use memq::Topic;

#[derive(Topic)]
#[topic(name = "orders", max_bytes = "0B")]
struct Order;

fn main() {
    let _ = Order::SPEC;
}
