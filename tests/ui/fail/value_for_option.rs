use memq::Topic;

#[derive(Topic)]
#[topic(name = "orders", Json)]
struct Order;

fn main() {
    let _ = Order::SPEC;
}
