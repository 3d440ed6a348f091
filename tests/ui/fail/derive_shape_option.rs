use memq::Shape;

#[derive(Shape)]
#[shape(name = "line")]
#[shape(format = Json)]
struct Line {
    item: String,
}

fn main() {
    let _ = Line::SHAPE;
}
