use memq::Topic;

#[derive(Topic)]
#[topic = "orders"]
struct Order;

fn main() {
    let _ = Order::SPEC;
}
