use memq::Topic;

#[derive(Topic)]
#[topic(name = "orders", format = Json, version = 2, upcast_from = OrderV1, try_upcast_from = OrderV1)]
struct Order;

fn main() {
    let _ = Order::SPEC;
}
