use memq::Topic;

#[derive(Topic)]
#[topic(name = "orders", partitions = PARTITIONS)]
struct Order;

fn main() {
    let _ = Order::SPEC;
}
