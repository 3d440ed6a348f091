//! A consumer that is killed after a dead letter is stored, and before its group knows.

use std::process::{Child, Stdio};
use std::sync::Arc;
use std::time::Duration;

use memq::{Broker, Consumer, Offset, RecvError};
use memq_nats_server::{Ledger, Mark, Proxy, Seen, Server, again, eventually, role};

use crate::kit::{Order, blocking, to};
use crate::support::each;

const ADDRESS: &str = "ADDRESS";

/// So long a message is kept for a consumer that says nothing any more.
const ACK_DEADLINE: Duration = Duration::from_secs(1);

/// Ends a process that is killed, also where the test fails before.
struct Killed(Child);

impl Drop for Killed {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

async fn member(broker: &Broker, max_attempts: u32) -> Consumer<Order> {
    let group = broker.subscriber::<Order>().group("billing").ack_deadline(ACK_DEADLINE);
    group.max_attempts(max_attempts).await.unwrap()
}

/// What the process does that is killed: the settling of its only message never arrives.
async fn bury(max_attempts: u32, bury: impl AsyncFnOnce(memq::Delivery<Order>)) {
    let broker = to(&std::env::var(ADDRESS).unwrap()).await.unwrap();
    let mut member = member(&broker, max_attempts).await;
    bury(member.recv().await.unwrap()).await;
    unreachable!("the group knows of it");
}

/// Runs the calling test again as a consumer that buries the only message, and kills it when the dead letter
/// is stored and the word to the group is on its way. What is left is for a member of this process.
async fn killed_in_between(server: &Arc<Server>, max_attempts: u32) -> (Broker, Consumer<Order>) {
    let proxy = Proxy::to(server.addr()).unwrap();
    let broker = to(&server.url()).await.unwrap();
    // Its options are those of whoever comes first.
    drop(member(&broker, max_attempts).await);
    let orders = broker.publisher::<Order>().await.unwrap();
    orders.publish(Order { publisher: 1, number: 0 }).await.unwrap();

    proxy.hold_at("+TERM");
    let mut consumer = again("consumer").unwrap();
    consumer.env(ADDRESS, proxy.url()).stdout(Stdio::null());
    let consumer = Killed(consumer.spawn().unwrap());
    let proxy = blocking(move || {
        eventually("the word to the group", || proxy.is_held().then_some(()));
        drop(consumer);
        proxy.cut();
        proxy
    })
    .await;
    drop(proxy);
    let letters = broker.stats("orders.billing.dead").await.unwrap();
    assert_eq!(letters.published, 1);
    let stats = broker.stats("orders").await.unwrap();
    assert_eq!(stats.group("billing").unwrap().lag, 1, "the group was told");
    let member = member(&broker, max_attempts).await;
    (broker, member)
}

/// The message is among the dead letters once, and nowhere else.
async fn is_dead_once(broker: &Broker, ledger: &Ledger, fault: &str) {
    let dead = broker.dead_letters::<Order>("billing");
    let mut letters = dead.subscriber().await.unwrap();
    let stats = broker.stats("orders").await.unwrap();
    assert_eq!(stats.group("billing").unwrap().lag, 0);
    broker.close("orders.billing.dead").await.unwrap();
    let mut seen = Seen::new();
    loop {
        match letters.recv().await {
            Ok(letter) => {
                let why = memq::DeadLetter::of(letter.headers()).unwrap();
                assert_eq!((why.offset, &*why.group), (Offset(0), "billing"));
                seen.push(letter.mark());
            }
            Err(RecvError::Closed) => break,
            Err(other) => panic!("{other:?}"),
        }
    }
    let report = ledger.compare(&seen);
    report.tell(fault);
    assert_eq!((report.lost, report.seen, report.doubled), (0, 1, 0), "{report}");
}

fn ledger() -> Ledger {
    let ledger = Ledger::new();
    ledger.acknowledged(Mark { publisher: 1, number: 0 });
    ledger
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_that_is_killed_while_it_rejects_leaves_one_dead_letter() {
    if role().is_some() {
        return bury(5, async |delivery| drop(delivery.reject_confirmed("torn").await)).await;
    }
    each(async |server| {
        let ledger = ledger();
        let (broker, mut member) = killed_in_between(&server, 5).await;
        // It comes to another member, which does the same.
        let delivery = member.recv().await.unwrap();
        assert_eq!((delivery.offset(), delivery.number), (Offset(0), 0));
        delivery.reject_confirmed("torn").await.unwrap();
        ledger.acknowledged(Mark { publisher: 1, number: 0 });
        let version = server.binary().version();
        is_dead_once(&broker, &ledger, &format!("a consumer killed, {version}")).await;
        // And it comes back once.
        let dead = broker.dead_letters::<Order>("billing");
        assert_eq!(dead.redrive(|_, _| true).await.unwrap().redriven, 1);
        assert_eq!(dead.redrive(|_, _| true).await.unwrap().redriven, 0);
        assert_eq!(member.recv().await.unwrap().number, 0);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_that_is_killed_after_the_last_attempt_leaves_one_dead_letter() {
    if role().is_some() {
        return bury(1, async |delivery| drop(delivery.nack_confirmed().await)).await;
    }
    each(async |server| {
        let ledger = ledger();
        let (broker, mut member) = killed_in_between(&server, 1).await;
        // Another member is not handed it any more: it buries it.
        broker.close("orders").await.unwrap();
        let ended = member.recv().await;
        assert!(matches!(ended, Err(RecvError::Closed)), "{ended:?}");
        ledger.acknowledged(Mark { publisher: 1, number: 0 });
        let version = server.binary().version();
        let fault = format!("a consumer killed after the last attempt, {version}");
        is_dead_once(&broker, &ledger, &fault).await;
    })
    .await;
}
