use memq::Topic;

#[derive(Topic)]
#[topic(name = b"orders")]
struct Order;

fn main() {
    let _ = Order::SPEC;
}
