use memq::Topic;

#[derive(Topic)]
#[topic(name = "orders", overflow = "DropOldest")]
struct Order;

fn main() {
    let _ = Order::SPEC;
}
