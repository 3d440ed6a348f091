use memq::Topic;

#[derive(Topic)]
fn order() {}

fn main() {
    order();
}
