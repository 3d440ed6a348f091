use memq::Topic;

#[derive(Topic)]
#[topic(name = 2026)]
struct Order;

fn main() {
    let _ = Order::SPEC;
}
