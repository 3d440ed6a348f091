use memq::Topic;

#[derive(Topic)]
#[topic(name = "orders", = 10, max = 10)]
struct Order;

fn main() {
    let _ = Order::SPEC;
}
