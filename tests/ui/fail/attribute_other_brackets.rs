use memq::Topic;

#[derive(Topic)]
#[topic { name = "orders" }]
struct Order;

fn main() {
    let _ = Order::SPEC;
}
