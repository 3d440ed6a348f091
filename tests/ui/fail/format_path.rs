use memq::Topic;

#[derive(Topic)]
#[topic(name = "orders", format = memq::codec::Json)]
struct Order;

fn main() {
    let _ = Order::SPEC;
}
