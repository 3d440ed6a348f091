use memq::Topic;
use serde::{Deserialize, Serialize};

trait Named {
    const NAME: &'static str;
}

struct Tea;

impl Named for Tea {
    const NAME: &'static str = "tea";
}

#[derive(Serialize, Deserialize, Topic)]
#[topic(name = T::NAME, format = Json)]
struct Order<T: Named> {
    item: T,
}

fn open<T: Topic>() {}

fn main() {
    open::<Order<Tea>>();
}
