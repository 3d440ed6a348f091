use memq::Topic;

#[derive(Topic)]
#[topic(name = "orders", format = Json, version = 2, upcast_from = 1)]
struct Order;

fn main() {
    let _ = Order::SPEC;
}
