use memq::Topic;

#[derive(Topic)]
#[topic(name = "orders", max = 0)]
struct Order;

fn main() {
    let _ = Order::SPEC;
}
