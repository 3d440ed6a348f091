use memq::Topic;

#[derive(Topic)]
#[topic(name = "orders", version = 2, partitions = 8, upcast_from = Old)]
struct Order;

fn main() {
    let _ = Order::SPEC;
}
