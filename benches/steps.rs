//! Small programs of a fixed size, whose instructions are counted by `scripts/instructions`:
//! `steps NAME COUNT`.

use std::hint::black_box;
use std::process::ExitCode;

use bytes::Bytes;
use memq::{Broker, Topic};
use serde::{Deserialize, Serialize};

#[derive(Clone, Topic)]
#[topic(name = "kilobytes", max = 1_024)]
struct Kilobyte(Bytes);

/// In a topic where publishers wait for room, as in L1.
#[derive(Clone, Topic)]
#[topic(name = "waited", max = 1_024, overflow = Wait)]
struct Waited(Bytes);

#[derive(Clone, Topic)]
#[topic(name = "points", max = 1_024)]
struct Point([u64; 8]);

#[derive(Clone, Serialize, Deserialize, Topic)]
#[topic(name = "orders", format = Json, max = 1_024)]
struct Order {
    id: u64,
    customer: u64,
    item: String,
    quantity: u32,
    price_cents: u64,
    express: bool,
}

/// A program: its name, and what it does so many times.
type Step = (&'static str, fn(u64) -> u64);

const STEPS: &[Step] = &[
    ("bytes", |count| {
        let bytes = Bytes::from(vec![7; 1024]);
        subscribe(count, |_| Kilobyte(bytes.clone()), |message| message.0.len() as u64)
    }),
    ("lent", |count| {
        let bytes = Bytes::from(vec![7; 1024]);
        lend(count, |_| Waited(bytes.clone()), |message| message.0.len() as u64)
    }),
    ("struct", |count| subscribe(count, |number| Point([number; 8]), |point| point.0[7])),
    ("raw", raw),
    ("json", |count| subscribe(count, order, |order| order.id)),
    ("group", |count| group(count, |number| Point([number; 8]), |point| point.0[7])),
    ("batches", |count| batches(count, |number| Point([number; 8]), |point| point.0[7])),
    ("shared", |count| shared(count, |number| Point([number; 8]), |point| point.0[7])),
];

/// Messages that are published, received and acknowledged together.
const BATCH: u64 = 50;

fn order(id: u64) -> Order {
    Order {
        id,
        customer: 7,
        item: "tea, green, 250 g".into(),
        quantity: 3,
        price_cents: 1_299,
        express: true,
    }
}

/// Publishes and receives one after the other.
fn subscribe<T: Topic>(count: u64, make: impl Fn(u64) -> T, look: impl Fn(&T) -> u64) -> u64 {
    run(async {
        let broker = Broker::new();
        let publisher = broker.publisher::<T>().await.expect("a publisher");
        let mut subscriber = broker.subscriber::<T>().await.expect("a subscriber");
        let mut sum = 0_u64;
        for number in 0..count {
            publisher.publish(make(number)).await.expect("published");
            let message = subscriber.recv().await.expect("a message");
            sum = sum.wrapping_add(look(&message));
        }
        sum
    })
}

/// As `subscribe`, in a topic of bytes that is known only at run time.
fn raw(count: u64) -> u64 {
    run(async {
        let broker = Broker::new();
        let topic = broker.topic("kilobytes").max(1_024);
        let publisher = topic.publisher().await.expect("a publisher");
        let mut subscriber = topic.subscriber().await.expect("a subscriber");
        let bytes = Bytes::from(vec![7; 1024]);
        let mut sum = 0_u64;
        for _ in 0..count {
            publisher.publish_bytes(bytes.clone()).await.expect("published");
            let message = subscriber.recv().await.expect("a message");
            sum = sum.wrapping_add(message.bytes().len() as u64);
        }
        sum
    })
}

/// As `subscribe`, but reads messages where they are.
fn lend<T: Topic>(count: u64, make: impl Fn(u64) -> T, look: impl Fn(&T) -> u64) -> u64 {
    run(async {
        let broker = Broker::new();
        let publisher = broker.publisher::<T>().await.expect("a publisher");
        let mut subscriber = broker.subscriber::<T>().await.expect("a subscriber");
        let mut sum = 0_u64;
        for number in 0..count {
            publisher.publish(make(number)).await.expect("published");
            let message = subscriber.recv_ref().await.expect("a message");
            sum = sum.wrapping_add(look(&message));
        }
        sum
    })
}

/// Publishes, receives as a member of a group, and acknowledges.
fn group<T: Topic>(count: u64, make: impl Fn(u64) -> T, look: impl Fn(&T) -> u64) -> u64 {
    run(async {
        let broker = Broker::new();
        let publisher = broker.publisher::<T>().await.expect("a publisher");
        let mut member = broker.subscriber::<T>().group("workers").await.expect("a member");
        let mut sum = 0_u64;
        for number in 0..count {
            publisher.publish(make(number)).await.expect("published");
            let delivery = member.recv().await.expect("a delivery");
            sum = sum.wrapping_add(look(&delivery));
            delivery.ack();
        }
        sum
    })
}

/// Publishes and receives in batches.
fn batches<T: Topic>(count: u64, make: impl Fn(u64) -> T, look: impl Fn(&T) -> u64) -> u64 {
    run(async {
        let broker = Broker::new();
        let publisher = broker.publisher::<T>().await.expect("a publisher");
        let mut subscriber = broker.subscriber::<T>().await.expect("a subscriber");
        let mut sum = 0_u64;
        for first in (0..count).step_by(BATCH as usize) {
            let messages: Vec<_> = (first..first + BATCH).map(&make).collect();
            publisher.publish_batch(messages).await.expect("published");
            for message in &subscriber.recv_batch(BATCH as usize).await.expect("messages") {
                sum = sum.wrapping_add(look(&message));
            }
        }
        sum
    })
}

/// Publishes, receives as a member of a group, and acknowledges, in batches.
fn shared<T: Topic>(count: u64, make: impl Fn(u64) -> T, look: impl Fn(&T) -> u64) -> u64 {
    run(async {
        let broker = Broker::new();
        let publisher = broker.publisher::<T>().await.expect("a publisher");
        let mut member = broker.subscriber::<T>().group("workers").await.expect("a member");
        let mut sum = 0_u64;
        for first in (0..count).step_by(BATCH as usize) {
            let messages: Vec<_> = (first..first + BATCH).map(&make).collect();
            publisher.publish_batch(messages).await.expect("published");
            let deliveries = member.recv_batch(BATCH as usize).await.expect("deliveries");
            for delivery in &deliveries {
                sum = sum.wrapping_add(look(&delivery));
            }
            deliveries.ack();
        }
        sum
    })
}

fn run(future: impl Future<Output = u64>) -> u64 {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build();
    runtime.expect("a runtime").block_on(future)
}

fn main() -> ExitCode {
    let args = std::env::args().skip(1).collect::<Vec<_>>();
    let names = STEPS.iter().map(|(name, _)| *name).collect::<Vec<_>>();
    match args.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["--list"] => println!("{}", names.join("\n")),
        [name, count] => {
            let step = STEPS.iter().find(|(known, _)| *known == name);
            let (Some((_, step)), Ok(count)) = (step, count.parse()) else {
                eprintln!("steps: no step {name} {count}; there are {}", names.join(", "));
                return ExitCode::from(2);
            };
            black_box(step(count));
        }
        _ => {
            eprintln!("steps NAME COUNT, or --list; there are {}", names.join(", "));
            return ExitCode::from(2);
        }
    }
    ExitCode::SUCCESS
}
