use memq::Topic;

#[derive(Topic)]
#[topic(name = "orders", overflow = memq::Overflow::Wait)]
struct Order;

fn main() {
    let _ = Order::SPEC;
}
