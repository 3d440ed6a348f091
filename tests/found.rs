//! What groups should do and do not yet; each test quotes what is said of it.

mod common;

use common::{Order, paused};
use memq::{Broker, DeadLetter, Offset, OpenError, Start};

async fn with_orders(orders: &[(u64, &str)]) -> Broker {
    let broker = Broker::new();
    let publisher = broker.publisher::<Order>().await.unwrap();
    for (customer, item) in orders {
        publisher.publish(Order::new(*customer, item)).await.unwrap();
    }
    broker
}

/// `redrive`: "Publishes the dead letters for which this is true". A dead letter that is left holds up
/// those of its key behind it: they are neither redriven nor counted as left.
#[test]
fn a_dead_letter_that_is_left_does_not_hold_up_others_of_its_key() {
    paused().block_on(async {
        let broker = with_orders(&[(7, "tea"), (7, "milk")]).await;
        let mut billing = broker.subscriber::<Order>().group("billing").await.unwrap();
        billing.recv().await.unwrap().reject("no such customer");
        billing.recv().await.unwrap().reject("the bank is closed");

        let dead = broker.dead_letters::<Order>("billing");
        let filter = |_: &Order, why: &DeadLetter| why.reason.contains("bank");
        let done = dead.redrive(filter).await.unwrap();
        assert_eq!((done.redriven, done.left), (1, 1));
    });
}

/// `Consumer::seek`: "`Start::Committed` gives up what is in flight, and nothing else". It hands out
/// again what is settled behind the first that is not, and forgets attempts.
#[test]
fn seeking_to_committed_keeps_what_is_settled() {
    paused().block_on(async {
        let broker = with_orders(&[(1, "tea"), (2, "milk")]).await;
        let mut billing = broker.subscriber::<Order>().group("billing").await.unwrap();
        let tea = billing.recv().await.unwrap();
        billing.recv().await.unwrap().ack_confirmed().await.unwrap();

        assert_eq!(billing.seek(Start::Committed).await.unwrap(), Offset(0));
        drop(tea);
        let tea = billing.try_recv().unwrap().unwrap();
        assert_eq!(tea.offset(), Offset(0));
        let milk = billing.try_recv().unwrap();
        assert!(milk.is_none(), "settled, and handed out again: {milk:?}");
    });
}

/// `ConsumerBuilder`: "a member that says something else is refused with `GroupConflict`". One that
/// says `max_attempts` of a group without a dead-letter topic is let in, and there are no attempts.
#[test]
fn max_attempts_conflict_with_a_group_without_dead_letters() {
    paused().block_on(async {
        let broker = Broker::new();
        let billing = || broker.subscriber::<Order>().group("billing");
        let _first = billing().without_dead_letters().await.unwrap();
        let second = billing().max_attempts(3).await;
        assert!(matches!(second, Err(OpenError::GroupConflict(_))), "{second:?}");
    });
}

/// Nothing is said of it, but a consumer that is refused should leave no topic behind.
#[test]
fn a_refused_consumer_creates_no_dead_letter_topic() {
    paused().block_on(async {
        let broker = Broker::new();
        let billing = || broker.subscriber::<Order>().group("billing");
        let _first = billing().without_dead_letters().await.unwrap();
        assert!(billing().dead_letter("orders.unpaid").await.is_err());
        let topics = broker.topics().await.unwrap();
        assert_eq!(topics.len(), 1, "{topics:?}");
    });
}
