use memq::Topic;

#[derive(Topic)]
#[topic(name = "orders", retain = "UntilConsumed")]
struct Order;

fn main() {
    let _ = Order::SPEC;
}
