use memq::Topic;

trait Named {
    const NAME: &'static str;
}

impl Named for u8 {
    const NAME: &'static str = "bytes";
}

#[derive(Topic)]
#[topic(name = T::NAME)]
struct Order<'a, T: Named + 'a> {
    item: &'a T,
}

fn main() {
    let _ = Order::<'_, u8>::SPEC;
}
