use memq::Topic;
use serde::{Deserialize, Serialize};

#[derive(Serialize, Deserialize, Topic)]
#[topic(name = "frames", format = Json, footprint_with = Self::bytes)]
struct Frame(Vec<u8>);

impl Frame {
    fn bytes(&self) -> usize {
        self.0.len()
    }
}

fn main() {
    let _ = Frame::SPEC;
}
