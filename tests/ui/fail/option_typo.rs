use memq::Topic;

#[derive(Topic)]
#[topic(name = "orders", ovreflow = Wait)]
struct Order;

fn main() {
    let _ = Order::SPEC;
}
