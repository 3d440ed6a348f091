use memq::Shape;

#[derive(Shape)]
union Line {
    number: u64,
    bits: [u8; 8],
}

fn main() {
    let _ = Line::SHAPE;
}
