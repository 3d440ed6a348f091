fn open<T: memq::Topic>() {}

struct Order;

fn main() {
    open::<Order>();
}
