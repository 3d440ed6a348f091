use std::future::Future;

use memq::{Consumer, Topic};

async fn work<T, F, Fut>(consumer: Consumer<T>, handle: F)
where
    T: Topic + Clone,
    F: FnMut(T) -> Fut,
    Fut: Future<Output = Result<(), String>>,
{
    let _ = consumer.run(handle).await;
}

fn main() {}
