use memq::Topic;

#[derive(Topic)]
#[topic(name = "orders", retention = "7d")]
struct Order;

fn main() {
    let _ = Order::SPEC;
}
