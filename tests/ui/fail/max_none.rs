use memq::Topic;

#[derive(Topic)]
#[topic(name = "orders", max = None)]
struct Order;

fn main() {
    let _ = Order::SPEC;
}
