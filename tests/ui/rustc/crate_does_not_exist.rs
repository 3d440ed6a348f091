use memq::Topic;

#[derive(Topic)]
#[topic(name = "orders", crate = queue)]
struct Order;

fn main() {}
