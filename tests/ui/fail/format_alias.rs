use memq::Topic;

#[derive(Topic)]
#[topic(name = "orders", format = msgpack)]
struct Order;

fn main() {
    let _ = Order::SPEC;
}
