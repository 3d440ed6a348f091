use memq::Topic;

#[derive(Topic)]
#[topic(name = "bücher")]
struct Order;

fn main() {
    let _ = Order::SPEC;
}
