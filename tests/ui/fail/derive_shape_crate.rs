use memq::Shape;

#[derive(Shape)]
#[shape(crate = memq, crate = "memq")]
struct Line {
    item: String,
}

#[derive(Shape)]
#[shape(crate)]
struct Other;

#[derive(Shape)]
#[shape]
struct Third;

fn main() {
    let _ = (Line::SHAPE, Other::SHAPE, Third::SHAPE);
}
