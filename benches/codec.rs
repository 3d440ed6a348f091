//! From value to bytes and back: each format and compression through publish and receive, the
//! frame, and the guess.

use std::hint::black_box;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use memq::codec::{Bincode, Encoded, Json, MessagePack, Postcard};
use memq::{Broker, Codec, Compression, Dictionary, Format, Record, Start, Topic};
use serde::{Deserialize, Serialize};

#[derive(Clone, Debug, Serialize, Deserialize, Topic)]
#[topic(name = "orders", format = Json)]
struct Order {
    id: u64,
    customer: u64,
    item: String,
    quantity: u32,
    price_cents: u64,
    currency: String,
    street: String,
    city: String,
    country: String,
    express: bool,
    notes: Option<String>,
    tags: Vec<String>,
}

fn order() -> Order {
    Order {
        id: 918_273,
        customer: 7,
        item: "tea, green, 250 g".into(),
        quantity: 3,
        price_cents: 1_299,
        currency: "EUR".into(),
        street: "Lindenstrasse 12".into(),
        city: "Bern".into(),
        country: "CH".into(),
        express: true,
        notes: None,
        tags: vec!["gift".into(), "fragile".into()],
    }
}

fn round_trip<C: Codec<Order, Form = Encoded>>(
    c: &mut Criterion,
    codec: C,
    compression: Compression,
    dictionary: Option<Dictionary>,
) {
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let broker = Broker::new();
    let (publisher, mut subscriber) = runtime.block_on(async {
        let publisher = broker.publisher::<Order>().format(codec).compress(compression);
        let publisher = match dictionary.clone() {
            Some(dictionary) => publisher.dictionary(dictionary).await,
            None => publisher.await,
        };
        let subscriber = broker.subscriber::<Order>().from(Start::Latest).await;
        (publisher.unwrap(), subscriber.unwrap())
    });
    let order = order();
    let mut group = c.benchmark_group("publish and receive a 12-field order");
    group.throughput(Throughput::Elements(1));
    let with = if dictionary.is_some() { " with a dictionary" } else { "" };
    group.bench_function(format!("{}, {compression}{with}", C::FORMAT), |b| {
        b.iter(|| {
            publisher.try_publish(order.clone()).unwrap();
            black_box(subscriber.try_recv().unwrap().unwrap());
        });
    });
    group.finish();
}

fn formats(c: &mut Criterion) {
    for compression in [Compression::None, Compression::Gzip, Compression::Zstd] {
        round_trip(c, Json, compression, None);
        round_trip(c, MessagePack, compression, None);
        round_trip(c, Postcard, compression, None);
        round_trip(c, Bincode, compression, None);
    }
    round_trip(c, Json, Compression::Zstd, Some(dictionary::<Json>()));
    round_trip(c, Postcard, Compression::Zstd, Some(dictionary::<Postcard>()));
}

/// Of orders that differ from the one that is published.
fn dictionary<C: Codec<Order>>() -> Dictionary {
    let samples = (0..2_000).map(|n| {
        let (customer, quantity) = (n % 97, n as u32 % 7);
        let mut bytes = Vec::new();
        let order = Order { id: n * 31, customer, quantity, item: format!("item {n}"), ..order() };
        C::encode(&order, &mut bytes).unwrap();
        bytes
    });
    Dictionary::train(samples, 4 << 10).unwrap()
}

fn edges(c: &mut Criterion) {
    let mut json = Vec::new();
    Json::encode(&order(), &mut json).unwrap();
    let record = Record::new(json.clone()).with_format(Format::Json);
    let frame = record.frame().unwrap();
    let mut group = c.benchmark_group("edges");
    group.bench_function("frame", |b| b.iter(|| black_box(record.frame().unwrap())));
    group.bench_function("parse", |b| b.iter(|| Record::parse(black_box(frame.clone())).unwrap()));
    group.bench_function("detect json", |b| b.iter(|| Record::detect(black_box(&json)).unwrap()));
    group.finish();
}

criterion_group!(benches, formats, edges);
criterion_main!(benches);
