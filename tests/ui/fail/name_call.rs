use memq::Topic;

#[derive(Topic)]
#[topic(name = concat!("shop", ".orders"))]
struct Order;

fn main() {
    let _ = Order::SPEC;
}
