use memq::Topic;

#[derive(Topic)]
#[topic(name = "orders", max = 10)]
#[topic(max = 20)]
struct Order;

fn main() {
    let _ = Order::SPEC;
}
