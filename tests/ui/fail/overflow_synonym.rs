use memq::Topic;

#[derive(Topic)]
#[topic(name = "orders", overflow = Block)]
struct Order;

fn main() {
    let _ = Order::SPEC;
}
