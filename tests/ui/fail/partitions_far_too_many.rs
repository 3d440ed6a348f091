use memq::Topic;

#[derive(Topic)]
#[topic(name = "orders", partitions = 99999999999999999999)]
struct Order;

fn main() {
    let _ = Order::SPEC;
}
