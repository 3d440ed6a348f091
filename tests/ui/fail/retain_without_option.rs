use memq::Topic;

#[derive(Topic)]
#[topic(name = "orders", UntilConsumed)]
struct Order;

fn main() {
    let _ = Order::SPEC;
}
