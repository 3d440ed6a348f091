use memq::Topic;

#[derive(Topic)]
#[topic(name = "orders", format = Custom)]
struct Order;

fn main() {
    let _ = Order::SPEC;
}
