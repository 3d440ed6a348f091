use memq::Topic;

#[derive(Topic)]
#[topic(name = "orders", version = 2, upcast_from = OrderV1)]
struct Order;

fn main() {
    let _ = Order::SPEC;
}
