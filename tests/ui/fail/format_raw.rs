use memq::Topic;

#[derive(Topic)]
#[topic(name = "orders", format = Raw)]
struct Order;

fn main() {
    let _ = Order::SPEC;
}
