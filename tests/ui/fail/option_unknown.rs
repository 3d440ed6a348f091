use memq::Topic;

#[derive(Topic)]
#[topic(name = "orders", color = Red)]
struct Order;

fn main() {
    let _ = Order::SPEC;
}
