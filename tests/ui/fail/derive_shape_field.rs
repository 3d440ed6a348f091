use memq::Shape;

#[derive(Shape)]
enum Line {
    #[shape(skip)]
    Item(String),
    Service {
        #[shape(crate = memq)]
        name: String,
    },
}

fn main() {
    let _ = Line::SHAPE;
}
