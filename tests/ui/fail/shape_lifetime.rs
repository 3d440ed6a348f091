use memq::Topic;

#[derive(Topic)]
#[topic(name = "orders")]
struct Order<'a>
where
    str: 'a,
{
    item: &'a str,
}

fn main() {
    let _ = Order::<'_>::SPEC;
}
