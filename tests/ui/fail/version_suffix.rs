use memq::Topic;

#[derive(Topic)]
#[topic(name = "orders", version = 2u8)]
struct Order;

fn main() {
    let _ = Order::SPEC;
}
