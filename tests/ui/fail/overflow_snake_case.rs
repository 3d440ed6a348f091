use memq::Topic;

#[derive(Topic)]
#[topic(name = "orders", overflow = drop_oldest)]
struct Order;

fn main() {
    let _ = Order::SPEC;
}
