use memq::Topic;

#[derive(Topic)]
#[topic(name = "frames", footprint_with = 64)]
struct Frame(Vec<u8>);

fn main() {
    let _ = Frame::SPEC;
}
