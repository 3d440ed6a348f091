use memq::Topic;

#[derive(Topic)]
#[topic(name = "orders", key_with = |order| order.key())]
struct Order;

fn main() {
    let _ = Order::SPEC;
}
