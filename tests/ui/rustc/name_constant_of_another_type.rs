use memq::Topic;

const ORDERS: u64 = 7;

#[derive(Topic)]
#[topic(name = ORDERS)]
struct Order;

fn main() {}
