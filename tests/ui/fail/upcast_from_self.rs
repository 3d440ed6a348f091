use memq::Topic;

#[derive(Topic)]
#[topic(name = "orders", format = Json, version = 2, try_upcast_from = Self)]
struct Order;

fn main() {
    let _ = Order::SPEC;
}
