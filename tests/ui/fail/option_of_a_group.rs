use memq::Topic;

#[derive(Topic)]
#[topic(name = "orders", group = "billing", dead_letter = "orders-dead", max_attempts = 5)]
#[topic(ack_deadline = "30s", dlq, concurrency = 4)]
struct Order;

fn main() {}
