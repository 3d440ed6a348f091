use memq::Topic;

#[derive(Topic)]
#[topic(name = "orders", retain = 7)]
struct Order;

fn main() {
    let _ = Order::SPEC;
}
