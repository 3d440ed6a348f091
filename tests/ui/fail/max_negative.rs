use memq::Topic;

#[derive(Topic)]
#[topic(name = "orders", max = -1)]
struct Order;

fn main() {
    let _ = Order::SPEC;
}
