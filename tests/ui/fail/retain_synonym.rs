use memq::Topic;

#[derive(Topic)]
#[topic(name = "orders", retain = WorkQueue)]
struct Order;

fn main() {
    let _ = Order::SPEC;
}
