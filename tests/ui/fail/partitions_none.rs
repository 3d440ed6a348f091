use memq::Topic;

#[derive(Topic)]
#[topic(name = "orders", partitions = None)]
struct Order;

fn main() {
    let _ = Order::SPEC;
}
