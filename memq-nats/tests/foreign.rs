//! A client in another language, which knows nothing of memq, on the same topic: `examples/foreign.py`.
#![allow(clippy::unwrap_used, reason = "this is a test")]

mod support;

use std::process::Command;

use memq::{Broker, Format, Key, Offset, Record, RecvError, Start, Topic};
use memq_nats_server::{Server, python_or_skip};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::support::each;

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, Topic)]
#[topic(name = "orders", format = Json)]
struct Order {
    #[topic(key)]
    customer: String,
    item: String,
}

fn order(customer: &str, item: &str) -> Order {
    Order { customer: customer.into(), item: item.into() }
}

/// What the script says when it has read and published, a line each.
async fn script(server: &Server) -> Option<Vec<Value>> {
    let mut command = Command::new(python_or_skip()?);
    command.arg(concat!(env!("CARGO_MANIFEST_DIR"), "/examples/foreign.py"));
    command.args([&server.url(), "memq"]);
    let output = tokio::task::spawn_blocking(move || command.output()).await.unwrap().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let said = String::from_utf8(output.stdout).unwrap();
    Some(said.lines().map(|line| serde_json::from_str(line).unwrap()).collect())
}

/// Two orders with a key, and one that has none, since nobody said which type it is.
async fn publish(broker: &Broker) {
    let orders = broker.publisher::<Order>().await.unwrap();
    orders.publish(order("ann", "tea")).header("trace", "00f067").await.unwrap();
    orders.publish(order("Zoë", "thé vert 🍵")).await.unwrap();
    let untyped = broker.topic("orders").publisher().await.unwrap();
    let milk = Record::new(r#"{"customer":"bob","item":"milk"}"#).with_format(Format::Json);
    untyped.publish(milk).await.unwrap();
}

/// What the script publishes that are orders, from offset 3 on.
fn published() -> [Order; 3] {
    [order("ann", "tea"), order("josé", "maté 🧉"), order("nobody", "water")]
}

#[tokio::test]
async fn it_reads_plain_json_and_headers() {
    each(async |server| {
        let broker = memq_nats::connect(server.url()).await.unwrap();
        publish(&broker).await;
        let Some(said) = script(&server).await else { return };
        for (offset, (read, subject, order, headers)) in [
            (
                &said[0],
                "memq.orders.0.k",
                order("ann", "tea"),
                json!({ "Memq-Key": "ann", "trace": "00f067" }),
            ),
            (
                &said[1],
                "memq.orders.0.k",
                order("Zoë", "thé vert 🍵"),
                json!({ "Memq-Key": "Zoë" }),
            ),
            (&said[2], "memq.orders.0.n", order("bob", "milk"), json!({})),
        ]
        .into_iter()
        .enumerate()
        {
            assert_eq!(read["subject"], subject);
            assert_eq!(read["offset"], offset);
            assert_eq!(read["order"], json!(order));
            let mut told = read["headers"].as_object().unwrap().clone();
            assert_eq!(told.remove("Content-Type"), Some(json!("application/json")));
            // Beside the id by which the server knows a repetition.
            assert!(told.remove("Nats-Msg-Id").is_some());
            assert_eq!(Value::Object(told), headers);
        }
        // Its consumer is as good as one of memq's groups, and is none.
        assert_eq!(said[3], json!({ "acknowledged": 3, "unacknowledged": 0 }));
        assert_eq!(broker.stats("orders").await.unwrap().groups, []);
    })
    .await;
}

#[tokio::test]
async fn a_subscriber_reads_what_it_publishes() {
    each(async |server| {
        let broker = memq_nats::connect(server.url()).await.unwrap();
        publish(&broker).await;
        let Some(said) = script(&server).await else { return };
        let tell = |item: &str, offset: u64, duplicate: bool| {
            json!({ "published": item, "offset": offset, "duplicate": duplicate })
        };
        // The second of one id is not stored.
        let stored = [
            tell("tea", 3, false),
            tell("maté 🧉", 4, false),
            tell("maté 🧉", 4, true),
            tell("water", 5, false),
            tell("no order", 6, false),
        ];
        assert_eq!(said[4..], stored);

        let mut typed = broker.subscriber::<Order>().from(Start::Offset(Offset(3))).await.unwrap();
        for (offset, expected) in (3..).zip(published()) {
            let read = typed.recv().await.unwrap();
            assert_eq!((read.offset(), &*read), (Offset(offset), &expected));
        }
        let broken = typed.recv().await.unwrap_err();
        assert!(matches!(broken, RecvError::Decode { offset: Offset(6), .. }), "{broken}");

        let untyped = broker.topic("orders").subscriber().from(Start::Offset(Offset(3)));
        let mut untyped = untyped.await.unwrap();
        let mut next = async || untyped.recv().await.unwrap();
        let bare = next().await;
        assert_eq!((bare.format(), bare.key(), bare.headers().len()), (Format::Json, None, 0));
        let keyed = next().await;
        assert_eq!((keyed.format(), keyed.key()), (Format::Json, Some(Key::from("josé"))));
        let headers: Vec<_> = keyed.headers().iter().collect();
        assert_eq!(headers, [("trace", "4bf92f")]);
        assert_eq!(next().await.key(), Some(Key::new(b"\x00\xff")));
        // Bytes of the topic's format, as far as anybody has said.
        let broken = next().await;
        assert_eq!((broken.format(), &broken.payload().unwrap()[..]), (
            Format::Json,
            &b"two cups, please"[..]
        ));
    })
    .await;
}

#[tokio::test]
async fn a_group_works_on_what_it_publishes() {
    each(async |server| {
        let broker = memq_nats::connect(server.url()).await.unwrap();
        let mut billing = broker.subscriber::<Order>().group("billing").await.unwrap();
        let mut dead = broker.topic("orders.billing.dead").subscriber().await.unwrap();
        publish(&broker).await;
        if script(&server).await.is_none() {
            return;
        }
        let (mut billed, mut letter) = (Vec::new(), None);
        while billed.len() < 6 || letter.is_none() {
            tokio::select! {
                delivery = billing.recv() => {
                    let delivery = delivery.unwrap();
                    billed.push((delivery.offset(), Order::clone(&delivery)));
                    delivery.ack_confirmed().await.unwrap();
                }
                given_up = dead.recv() => letter = Some(given_up.unwrap()),
            }
        }
        // Those with a key and those without come by ways of their own.
        billed.sort_unstable_by_key(|(offset, _)| *offset);
        let [tea, mate, water] = published();
        let all = [
            order("ann", "tea"),
            order("Zoë", "thé vert 🍵"),
            order("bob", "milk"),
            tea,
            mate,
            water,
        ];
        assert!(billed.into_iter().eq((0..).map(Offset).zip(all)));
        assert_eq!(&letter.unwrap().payload().unwrap()[..], b"two cups, please");
    })
    .await;
}
