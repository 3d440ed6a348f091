use memq::Topic;

#[derive(Topic)]
#[topic(name = "orders", retain = until_consumed)]
struct Order;

fn main() {
    let _ = Order::SPEC;
}
