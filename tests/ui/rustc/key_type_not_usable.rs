use memq::Topic;

#[derive(Topic)]
#[topic(name = "orders")]
struct Order {
    #[topic(key)]
    place: (i32, i32),
}

fn main() {}
