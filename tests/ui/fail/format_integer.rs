use memq::Topic;

#[derive(Topic)]
#[topic(name = "orders", format = 1)]
struct Order;

fn main() {
    let _ = Order::SPEC;
}
