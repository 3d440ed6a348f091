//! Dead-letter topics that were deleted, and messages that died before.

use memq::{AdminError, Broker, DeadLetter, Error, OpenError, Record};

use crate::common::{Order, paused};

#[test]
fn letters_of_a_key_are_in_its_partition_also_in_a_topic_that_was_created_again() {
    paused().block_on(async {
        let broker = Broker::new();
        let graves = async |partitions| {
            broker.topic("orders.billing.dead").partitions(partitions).create().await.unwrap();
        };
        graves(4).await;
        let orders = broker.topic("orders").publisher().await.unwrap();
        let mut billing = broker.topic("orders").subscriber().group("billing").await.unwrap();
        broker.delete("orders.billing.dead").await.unwrap();
        graves(8).await;
        for number in 0..6_u8 {
            orders.publish(Record::new(vec![number]).with_key("tea")).await.unwrap();
            billing.recv().await.unwrap().reject("no");
        }
        let mut dead = broker.topic("orders.billing.dead").subscriber().group("g").await.unwrap();
        let first = dead.recv().await.unwrap();
        assert_eq!(first.partition(), memq::Key::from("tea").partition(8));
        assert!(dead.try_recv().unwrap().is_none(), "two of one key are in flight");
        first.ack();
        for number in 1..6 {
            let next = dead.recv().await.unwrap();
            assert_eq!((&next.bytes()[..], next.partition()), (&[number][..], 1.into()));
            next.ack();
        }
    });
}

#[test]
fn a_redrive_creates_no_topic() {
    paused().block_on(async {
        let broker = Broker::new();
        broker.publisher::<Order>().await.unwrap().publish(Order::new(1, "tea")).await.unwrap();
        let mut billing = broker.subscriber::<Order>().group("billing").await.unwrap();
        let dead = broker.dead_letters::<Order>("billing");
        // Where nothing has died there is nothing to do.
        assert_eq!(dead.redrive(|_, _| true).await.unwrap().redriven, 0);
        billing.recv().await.unwrap().reject("no");
        broker.delete("orders.billing.dead").await.unwrap();
        for (dead, name) in
            [(dead.clone(), "orders.billing.dead"), (dead.in_topic("graves"), "graves")]
        {
            let refused = dead.redrive(|_, _| true).await.unwrap_err();
            let Error::Admin(AdminError::NotFound { topic }) = refused else { panic!("{refused}") };
            assert_eq!(topic, name);
        }
        assert_eq!(broker.topics().await.unwrap().len(), 1);
        assert_eq!(broker.stats("orders").await.unwrap().next.0, 1);
    });
}

#[test]
fn a_redrive_that_finds_its_group_made_by_others_says_so() {
    paused().block_on(async {
        let broker = Broker::new();
        broker.publisher::<Order>().await.unwrap().publish(Order::new(1, "tea")).await.unwrap();
        let mut billing = broker.subscriber::<Order>().group("billing").await.unwrap();
        billing.recv().await.unwrap().reject("no");
        let dead = broker.dead_letters::<Order>("billing");
        let others = dead.subscriber().group("memq-redrive").await.unwrap();
        let refused = dead.redrive(|_, _| true).await.unwrap_err();
        let Error::Open(OpenError::GroupConflict(why)) = refused else { panic!("{refused}") };
        assert_eq!((&*why.group, &*why.topic), ("memq-redrive", "orders.billing.dead"));
        drop(others);
    });
}

#[test]
fn a_dead_letter_that_died_itself_goes_back_all_the_way() {
    paused().block_on(async {
        let broker = Broker::new();
        let orders = broker.publisher::<Order>().await.unwrap();
        orders.publish(Order::new(1, "tea")).header("trace", "4bf92f").await.unwrap();
        let mut billing = broker.subscriber::<Order>().group("billing").await.unwrap();
        billing.recv().await.unwrap().reject("first");
        let graves = "orders.billing.dead";
        let mut digging = broker.topic(graves).subscriber().group("digging").await.unwrap();
        digging.recv().await.unwrap().reject("second");

        let mut deep = broker.topic("orders.billing.dead.digging.dead").subscriber().await.unwrap();
        let why = DeadLetter::of(deep.recv().await.unwrap().headers()).unwrap();
        assert_eq!((&*why.reason, &*why.topic), ("second", graves));
        let done = broker.topic(graves).dead_letters("digging").redrive(|_, _| true).await.unwrap();
        assert_eq!((done.redriven, done.left), (1, 0));
        let again = digging.recv().await.unwrap();
        let why = DeadLetter::of(again.headers()).unwrap();
        assert_eq!((&*why.reason, &*why.topic), ("first", "orders"));
        again.ack();

        // The one that it was, and the one that it is again.
        let done = broker.dead_letters::<Order>("billing").redrive(|_, _| true).await.unwrap();
        assert_eq!((done.redriven, done.left), (2, 0));
        for _ in 0..2 {
            let order = billing.recv().await.unwrap();
            assert_eq!(order.headers().iter().collect::<Vec<_>>(), [("trace", "4bf92f")]);
            order.ack();
        }
    });
}
