use memq::Topic;

#[derive(Topic)]
#[topic(name = "orders", codec = my::Codec)]
struct Order;

fn main() {}
