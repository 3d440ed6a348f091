use memq::Topic;

#[derive(Topic)]
#[topic(name = "shop/orders")]
struct Order;

fn main() {
    let _ = Order::SPEC;
}
