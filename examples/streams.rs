//! Receiving in other ways: as a `Stream`, many at once, filtered, with a deadline, without waiting.
//!
//! ```text
//! cargo run --example streams
//! ```

use std::time::Duration;

use memq::{Broker, Error, Topic};
use tokio_stream::StreamExt;

#[derive(Clone, Debug, PartialEq, Topic)]
#[topic(name = "visits")]
struct Visit {
    #[topic(key)]
    page: &'static str,
    millis: u64,
}

#[tokio::main]
async fn main() -> Result<(), Error> {
    let broker = Broker::new();
    let visits = broker.publisher::<Visit>().await?;
    let mut early = broker.subscriber::<Visit>().await?;

    // Nothing is there yet: the one does not wait, the other does for a while.
    assert!(early.try_recv()?.is_none());
    assert!(early.recv_timeout(Duration::from_millis(10)).await?.is_none());

    let pages = ["/", "/tea", "/cart", "/tea", "/"];
    let list = (0..1_000).map(|i| Visit { page: pages[i as usize % 5], millis: i % 100 });
    let offsets = visits.publish_batch(list).await?;
    assert_eq!(offsets.len(), 1_000);

    // A batch takes what is there, up to so many; it waits for the first only.
    let batch = early.recv_batch(300).await?;
    let millis: u64 = batch.iter().map(|visit| visit.millis).sum();
    println!("a batch of {}, {millis} ms in all", batch.len());
    assert_eq!(batch.len(), 300);

    // A filter spares the reader what it does not want; statistics still count it.
    let mut slow = broker.subscriber::<Visit>().filter(|visit: &Visit| visit.millis >= 90).await?;
    let slow_ones = slow.recv_batch(1_000).await?;
    println!("{} slow ones, {} filtered", slow_ones.len(), slow.stats().filtered);
    assert_eq!((slow_ones.len(), slow.stats().filtered), (100, 900));

    // After close, readers drain what there is, and a stream ends.
    broker.close("visits").await?;

    // `next` needs no trait. The end is `None`, and errors are items.
    let mut rest = 0;
    while let Some(visit) = early.next().await {
        assert_eq!(visit?.offset().0, 300 + rest);
        rest += 1;
    }
    println!("{rest} after the batch");
    assert_eq!(rest, 700);

    // With the adapters of a stream library.
    let pages: Vec<&str> = broker
        .subscriber::<Visit>()
        .await?
        .filter_map(Result::ok)
        .filter(|visit| visit.page != "/")
        .map(|visit| visit.page)
        .take(4)
        .collect()
        .await;
    println!("{pages:?}");
    assert_eq!(pages, ["/tea", "/cart", "/tea", "/tea"]);
    Ok(())
}
