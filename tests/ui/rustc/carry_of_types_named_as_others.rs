use memq::Topic;
use serde::{Deserialize, Serialize};

mod own {
    use memq::Shape;
    use serde::{Deserialize, Serialize};

    #[derive(Serialize, Deserialize, Shape)]
    pub struct Duration {
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub seconds: Option<u32>,
    }

    #[derive(Serialize, Deserialize, Shape)]
    pub struct Order {
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub note: Option<u32>,
    }
}

#[derive(Serialize, Deserialize, Topic)]
#[topic(name = "orders", format = Postcard)]
struct Order {
    inner: own::Order,
}

#[derive(Serialize, Deserialize, Topic)]
#[topic(name = "times", format = Postcard)]
struct Timed {
    took: Vec<own::Duration>,
}

fn main() {}
