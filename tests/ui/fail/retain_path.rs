use memq::Topic;

#[derive(Topic)]
#[topic(name = "orders", retain = memq::Retain::UntilConsumed)]
struct Order;

fn main() {
    let _ = Order::SPEC;
}
