use memq::Topic;

#[derive(Topic)]
#[topic(nmae = "orders")]
struct Order;

fn main() {
    let _ = Order::SPEC;
}
