use memq::Topic;

#[derive(Topic)]
#[topic(name = "")]
struct Order;

fn main() {
    let _ = Order::SPEC;
}
