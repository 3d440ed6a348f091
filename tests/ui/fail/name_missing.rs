use memq::Topic;

#[derive(Topic)]
#[topic(max = 10)]
struct OrderLine;

fn main() {
    let _ = OrderLine::SPEC;
}
