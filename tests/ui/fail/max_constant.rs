use memq::Topic;

#[derive(Topic)]
#[topic(name = "orders", max = MAX_ORDERS)]
struct Order;

fn main() {
    let _ = Order::SPEC;
}
