use memq::Topic;

#[derive(Topic)]
#[topic(name = "orders", version = VERSION)]
struct Order;

fn main() {
    let _ = Order::SPEC;
}
