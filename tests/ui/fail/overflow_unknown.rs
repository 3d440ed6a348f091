use memq::Topic;

#[derive(Topic)]
#[topic(name = "orders", overflow = Explode)]
struct Order;

fn main() {
    let _ = Order::SPEC;
}
