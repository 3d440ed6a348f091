use memq::Topic;

#[derive(Topic)]
#[topic(name = "orders", format = Json, codec = Utf8)]
struct Order;

fn main() {
    let _ = Order::SPEC;
}
