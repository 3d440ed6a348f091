//! Where a subscriber starts, and how it moves: a topic is a log, and reading takes nothing from it.
//!
//! ```text
//! cargo run --example replay
//! ```

use std::time::Duration;

use memq::{Broker, Error, Offset, RecvError, SeekError, Start, Subscriber, Topic};

/// Without a format a topic is native: values are shared inside the process, and need no serde.
#[derive(Clone, Debug, Topic)]
#[topic(name = "prices", max = 8)]
struct Price {
    cents: u64,
}

/// The clock stands still but for sleeps, which take no time. memq goes by it, so that programs with
/// times in them can be tested.
#[tokio::main(flavor = "current_thread", start_paused = true)]
async fn main() -> Result<(), Error> {
    let broker = Broker::new();
    let prices = broker.publisher::<Price>().await?;
    prices.publish_batch((100..104).map(|cents| Price { cents })).await?;
    tokio::time::sleep(Duration::from_secs(3_600)).await;
    prices.publish_batch((104..106).map(|cents| Price { cents })).await?;

    // Each starts where it says; they do not disturb each other.
    let subscribe = || broker.subscriber::<Price>();
    let mut all = subscribe().await?;
    let mut same = subscribe().from(Start::Earliest).await?;
    let mut new = subscribe().from(Start::Latest).await?;
    let mut third = subscribe().from(Offset(2)).await?;
    let mut recent = subscribe().from(Start::Ago(Duration::from_secs(60))).await?;
    let mut last = subscribe().from(Start::Last(3)).await?;
    assert_eq!(show("earliest", &mut all)?, [100, 101, 102, 103, 104, 105]);
    assert_eq!(show("earliest, said", &mut same)?, [100, 101, 102, 103, 104, 105]);
    assert!(show("latest", &mut new)?.is_empty());
    assert_eq!(show("offset 2", &mut third)?, [102, 103, 104, 105]);
    assert_eq!(show("the last minute", &mut recent)?, [104, 105]);
    assert_eq!(show("the last three", &mut last)?, [103, 104, 105]);

    // A message knows when it was stored, and that is a place to start too.
    all.seek(Offset(4)).await?;
    let since = all.recv().await?.published_at();
    let mut from_time = subscribe().from(since).await?;
    assert_eq!(show("a message's time", &mut from_time)?, [104, 105]);

    // `seek` moves a subscriber that is open. There is nothing beyond the next offset.
    assert_eq!(all.seek(Start::Earliest).await?, Offset(0));
    assert_eq!(show("after seek", &mut all)?, [100, 101, 102, 103, 104, 105]);
    let beyond = all.seek(Offset(99)).await.unwrap_err();
    assert!(matches!(beyond, SeekError::BeyondEnd { end: Offset(6), .. }));
    println!("{:<18}{beyond}", "seek to 99");

    // Four more than fit: retention removes the oldest. Who had not read them is told so once,
    // with the exact number, and goes on with the oldest kept.
    third.seek(Offset(0)).await?;
    prices.publish_batch((106..112).map(|cents| Price { cents })).await?;
    match third.recv().await {
        Err(error @ RecvError::Lagged { skipped, .. }) => {
            assert_eq!(skipped, 4);
            println!("{:<18}{error}", "after retention");
        }
        other => panic!("{other:?}"),
    }
    assert_eq!(show("then", &mut third)?, [104, 105, 106, 107, 108, 109, 110, 111]);
    Ok(())
}

/// Reads what there is now.
fn show(start: &str, subscriber: &mut Subscriber<Price>) -> Result<Vec<u64>, RecvError> {
    let mut cents = Vec::new();
    while let Some(price) = subscriber.try_recv()? {
        cents.push(price.cents);
    }
    println!("{start:<18}{cents:?}");
    Ok(cents)
}
