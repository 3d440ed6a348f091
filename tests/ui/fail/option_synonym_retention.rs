use memq::Topic;

#[derive(Topic)]
#[topic(name = "orders", retention = UntilConsumed)]
struct Order;

fn main() {
    let _ = Order::SPEC;
}
