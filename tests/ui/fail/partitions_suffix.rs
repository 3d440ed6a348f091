use memq::Topic;

#[derive(Topic)]
#[topic(name = "orders", partitions = 8k)]
struct Order;

fn main() {
    let _ = Order::SPEC;
}
