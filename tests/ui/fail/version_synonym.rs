use memq::Topic;

#[derive(Topic)]
#[topic(name = "orders", schema_version = 2)]
struct Order;

fn main() {
    let _ = Order::SPEC;
}
