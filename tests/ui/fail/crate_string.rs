use memq::Topic;

#[derive(Topic)]
#[topic(name = "orders", crate = "memq")]
struct Order;

fn main() {
    let _ = Order::SPEC;
}
