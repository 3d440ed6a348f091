use memq::Topic;

#[derive(Topic)]
#[topic(name = "orders", version = 65_536)]
struct Order;

fn main() {
    let _ = Order::SPEC;
}
