use memq::Topic;

#[derive(Topic)]
#[topic(name = "orders", partitions = 8, partitions = 16)]
struct Order;

fn main() {
    let _ = Order::SPEC;
}
