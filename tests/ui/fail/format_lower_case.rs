use memq::Topic;

#[derive(Topic)]
#[topic(name = "orders", format = json)]
struct Order;

fn main() {
    let _ = Order::SPEC;
}
