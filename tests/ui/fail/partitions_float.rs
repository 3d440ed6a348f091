use memq::Topic;

#[derive(Topic)]
#[topic(name = "orders", partitions = 1.5)]
struct Order;

fn main() {
    let _ = Order::SPEC;
}
