use memq::Topic;

#[derive(Topic)]
#[topic(name = "orders", memq::max = 10)]
struct Order;

fn main() {
    let _ = Order::SPEC;
}
