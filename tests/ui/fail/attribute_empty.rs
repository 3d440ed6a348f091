use memq::Topic;

#[derive(Topic)]
#[topic()]
struct Order;

fn main() {
    let _ = Order::SPEC;
}
