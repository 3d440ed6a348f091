use memq::Topic;

#[derive(Topic)]
#[topic(name = "orders", format = Xml)]
struct Order;

fn main() {
    let _ = Order::SPEC;
}
