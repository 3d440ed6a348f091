//! What becomes of messages that cannot be worked on: a group gives them up, keeps them with the
//! reason in its dead-letter topic, and hands them out again when you say so.
//!
//! ```text
//! cargo run --example dead_letters
//! ```

use memq::{Backoff, Broker, Consumer, DeadLetter, Error, RecvError, Topic};
use serde::{Deserialize, Serialize};

#[derive(Debug, Serialize, Deserialize, Topic)]
#[topic(name = "payments", format = Json)]
struct Payment {
    #[topic(key)]
    account: String,
    cents: u64,
}

#[tokio::main]
async fn main() -> Result<(), Error> {
    let broker = Broker::new();
    let payments = broker.publisher::<Payment>().await?;
    for (account, cents) in [("ann", 250), ("nobody", 100), ("bob", 400), ("carl", 0)] {
        let payment = Payment { account: account.into(), cents };
        payments.publish(payment).header("trace", account).await?;
    }
    // Not every record is a payment: this one is published by name, as bytes.
    broker.topic("payments").publisher().await?.publish_bytes(r#"{"account":"dora"}"#).await?;

    let mut bank =
        broker.subscriber::<Payment>().group("bank").max_attempts(3).backoff(Backoff::NONE).await?;
    let mut booked = Vec::new();
    while let Some(payment) = bank.try_recv()? {
        match book(&payment) {
            Ok(()) => {
                booked.push(payment.account.clone());
                payment.ack();
            }
            // Once more, and after the third attempt no more.
            Err(Refusal::Now) => payment.nack(),
            // That would fail each time: given up at once, with the reason.
            Err(Refusal::Always(why)) => payment.reject(why),
        }
    }
    println!("booked: {booked:?}");
    assert_eq!(booked, ["ann", "carl"]);
    let stats = bank.stats().expect("nobody deleted the group");
    assert_eq!((stats.settled, stats.dead_lettered, stats.lag), (2, 3, 0));

    read(&broker).await?;
    redrive(&broker, &mut bank).await
}

enum Refusal {
    Now,
    Always(&'static str),
}

fn book(payment: &Payment) -> Result<(), Refusal> {
    match &*payment.account {
        "nobody" => Err(Refusal::Always("there is no such account")),
        "bob" => Err(Refusal::Now),
        _ => Ok(()),
    }
}

/// Dead letters are messages of an ordinary topic. Beside the value, key and headers they had, they
/// say why they are there.
async fn read(broker: &Broker) -> Result<(), Error> {
    let dead = broker.dead_letters::<Payment>("bank");
    println!("in {}:", dead.topic().await?);
    let mut letters = dead.subscriber().await?;
    let mut reasons = Vec::new();
    loop {
        match letters.try_recv() {
            Ok(Some(letter)) => {
                let why = DeadLetter::of(letter.headers()).expect("it is a dead letter");
                let DeadLetter { reason, offset, attempts, .. } = &why;
                println!("  offset {offset}, attempts {attempts}, {}: {reason}", letter.account);
                assert_eq!(letter.headers().get("trace"), Some(&*letter.account));
                reasons.push(why.reason);
            }
            Ok(None) => break,
            // What is no payment here is none there. As a record it can be read.
            Err(RecvError::Decode { offset, .. }) => {
                let records = broker.topic(dead.topic().await?.as_str());
                let record = records.subscriber().from(offset).await?.recv().await?;
                let why = DeadLetter::of(record.headers()).expect("it is a dead letter");
                println!("  offset {}, {:?}: {}", why.offset, record.bytes(), why.reason);
                reasons.push(why.reason);
            }
            Err(error) => return Err(error.into()),
        }
    }
    assert_eq!(reasons[..2], ["there is no such account", "nacked (attempt 3)"]);
    assert!(reasons[2].contains("missing field `cents`"));
    Ok(())
}

/// The bank is open again: what failed by that is given back to its topic, at the end and as new.
async fn redrive(broker: &Broker, bank: &mut Consumer<Payment>) -> Result<(), Error> {
    let dead = broker.dead_letters::<Payment>("bank");
    let again = |_: &Payment, why: &DeadLetter| why.reason.starts_with("nacked");
    let done = dead.redrive(again).await?;
    println!("{} redriven, {} left", done.redriven, done.left);
    assert_eq!((done.redriven, done.left), (1, 2));

    let payment = bank.recv().await?;
    println!("{} has {} again, attempt {}", payment.account, payment.cents, payment.attempt());
    assert_eq!((&*payment.account, payment.attempt(), payment.offset().0), ("bob", 1, 5));
    assert_eq!((payment.headers().len(), DeadLetter::of(payment.headers())), (1, None));
    payment.ack();

    // It stays in the dead-letter topic, which is a log, and is not redriven twice.
    assert_eq!(dead.redrive(again).await?.redriven, 0);
    Ok(())
}
