use memq::Topic;

#[derive(Topic)]
#[topic(name = "orders", format = Json, upcast_from = OrderV1)]
struct Order;

fn main() {
    let _ = Order::SPEC;
}
