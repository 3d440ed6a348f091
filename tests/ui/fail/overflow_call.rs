use memq::Topic;

#[derive(Topic)]
#[topic(name = "orders", overflow = Wait(10))]
struct Order;

fn main() {
    let _ = Order::SPEC;
}
