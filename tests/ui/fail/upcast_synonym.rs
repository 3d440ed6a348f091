use memq::Topic;

#[derive(Topic)]
#[topic(name = "orders", format = Json, version = 2, migrate_from = OrderV1)]
struct Order;

fn main() {
    let _ = Order::SPEC;
}
