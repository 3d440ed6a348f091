use memq::Topic;

#[derive(Topic)]
#[topic(name = "orders", retain = Explode)]
struct Order;

fn main() {
    let _ = Order::SPEC;
}
