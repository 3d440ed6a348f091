use memq::Topic;

#[derive(Topic)]
#[topic(name = "orders", partitions = "many")]
struct Order;

fn main() {
    let _ = Order::SPEC;
}
