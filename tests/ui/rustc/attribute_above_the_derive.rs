use memq::Topic;

#[topic(name = "orders")]
#[derive(Topic)]
struct Order;

fn main() {
    let _ = Order::SPEC;
}
