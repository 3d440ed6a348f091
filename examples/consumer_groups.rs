//! Members of a group share the messages of a topic: each goes to one of them, and is acknowledged or
//! comes back.
//!
//! ```text
//! cargo run --example consumer_groups
//! ```

use std::time::Duration;

use memq::{Backoff, Broker, Consumer, Error, Offset, SettleError, Start, Topic};
use tokio_stream::StreamExt;

#[derive(Clone, Debug, Topic)]
#[topic(name = "orders")]
struct Order {
    #[topic(key)]
    customer: u32,
    item: &'static str,
}

#[tokio::main]
async fn main() -> Result<(), Error> {
    let broker = Broker::new();
    let orders = broker.publisher::<Order>().await?;
    let items = ["tea", "milk", "sugar", "cups", "spoons", "pot"];
    let order = |(customer, item)| Order { customer, item };
    orders.publish_batch((1..).zip(items).map(order)).await?;

    // Two members of one group share them. Another group gets all of them, too.
    let mut ann = join(&broker).await?;
    let mut bob = join(&broker).await?;
    let mut audit = broker.subscriber::<Order>().group("audit").await?;
    let (tea, milk) = (ann.recv().await?, bob.recv().await?);
    println!("ann has {}, bob has {}", tea.item, milk.item);
    assert_eq!((tea.offset(), milk.offset()), (Offset(0), Offset(1)));
    assert_eq!(audit.recv_batch(100).await?.len(), 6);

    // `ack` and it is done; `nack` and it comes back after the back-off; dropped, by a panic or a
    // killed task say, it comes back at once. What comes back is handed out before what is new.
    tea.ack();
    milk.nack();
    drop(ann.recv().await?);
    let sugar = bob.recv().await?;
    println!("{} came back, attempt {}", sugar.item, sugar.attempt());
    assert_eq!((sugar.item, sugar.attempt()), ("sugar", 2));
    tokio::time::sleep(Duration::from_millis(20)).await;
    let milk = ann.recv().await?;
    assert_eq!((milk.item, milk.attempt()), ("milk", 2));
    milk.ack();

    // A message waits while an earlier one of its key is not settled: the orders of a customer are
    // worked on in their order, whoever does it.
    orders.publish(order((3, "more sugar"))).await?;
    for expected in ["cups", "spoons", "pot"] {
        let next = ann.recv().await?;
        assert_eq!(next.item, expected);
        next.ack();
    }
    assert!(ann.try_recv()?.is_none());
    assert_eq!(ann.stats().map(|group| group.behind_key), Some(1));

    // A member that leaves gives back what it holds. Handed out again, it is no longer that member's to settle.
    drop(bob);
    let again = ann.recv().await?;
    assert_eq!((again.item, again.attempt()), ("sugar", 3));
    assert!(matches!(sugar.ack_confirmed().await, Err(SettleError::HandedOutAgain)));
    again.ack();
    ann.recv().await?.ack();

    let stats = ann.stats().expect("nobody deleted the group");
    println!("{} settled in {} deliveries", stats.settled, stats.delivered);
    assert_eq!((stats.settled, stats.delivered, stats.lag), (7, 10, 0));

    go_on_and_go_back(&broker, ann).await?;
    as_a_stream(&broker).await
}

/// The first member says how the group is; the others have to say the same, or nothing. The back-off
/// is a member's own.
async fn join(broker: &Broker) -> Result<Consumer<Order>, Error> {
    let group = broker.subscriber::<Order>().group("billing").max_attempts(3);
    Ok(group.backoff(Backoff::fixed(Duration::from_millis(5))).await?)
}

/// The group stays, and where it is, without members. `commit` and `seek` move all of it.
async fn go_on_and_go_back(broker: &Broker, ann: Consumer<Order>) -> Result<(), Error> {
    drop(ann);
    let orders = broker.publisher::<Order>().await?;
    orders.publish_batch((1..=4).map(|customer| Order { customer, item: "lemons" })).await?;
    let mut carl = join(broker).await?;
    let next = carl.recv().await?;
    println!("the group goes on at offset {}", next.offset());
    assert_eq!(next.offset(), Offset(7));
    // Done up to and including that offset, also what is in flight.
    carl.commit(Offset(8)).await?;
    assert!(matches!(next.ack_confirmed().await, Err(SettleError::AlreadySettled)));
    assert_eq!(carl.recv().await?.offset(), Offset(9));

    assert_eq!(carl.seek(Start::Earliest).await?, Offset(0));
    // Many at once, of different keys. Settled together, or each by itself.
    let batch = carl.recv_batch(100).await?;
    assert_eq!(batch.len(), 6);
    let first = batch.get(0).expect("there are six").offset();
    println!("after seek a batch of {}, from offset {first}", batch.len());
    batch.ack();
    Ok(())
}

/// After `close` the stream of deliveries ends, once everything is settled.
async fn as_a_stream(broker: &Broker) -> Result<(), Error> {
    broker.close("orders").await?;
    let mut rest = join(broker).await?.filter_map(Result::ok);
    let mut count = 0;
    while let Some(order) = rest.next().await {
        order.ack();
        count += 1;
    }
    println!("{count} more as a stream");
    assert_eq!(count, 5);
    Ok(())
}
