use memq::Topic;

#[derive(Topic)]
#[topic(name = "orders", format = Json)]
struct Order;

fn main() {
    let _ = Order::SPEC;
}
