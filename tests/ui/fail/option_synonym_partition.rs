use memq::Topic;

#[derive(Topic)]
#[topic(name = "orders", partition = 8)]
struct Order;

fn main() {
    let _ = Order::SPEC;
}
