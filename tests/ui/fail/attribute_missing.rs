use memq::Topic;

#[derive(Topic)]
struct Order;

fn main() {
    let _ = Order::SPEC;
}
