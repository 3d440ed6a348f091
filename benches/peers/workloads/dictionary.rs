//! S9 with a dictionary: orders that differ, as JSON with zstd, and how large they are.

use std::sync::LazyLock;
use std::time::Duration;

use memq::codec::{Codec, Json};
use memq::{Broker, Compression, Dictionary};
use zstd::bulk::{Compressor, Decompressor};
use zstd::dict::{DecoderDictionary, EncoderDictionary};

use super::codec::{LEVEL, Order, timed};
use super::row;
use crate::measure::{Outcome, Workload};
use crate::run::this_thread;

/// Of other orders than those that are published.
static DICTIONARY: LazyLock<Dictionary> = LazyLock::new(|| {
    let samples = (1 << 32..(1 << 32) + 4_000).map(|id| json(&order(id)));
    Dictionary::train(samples, 8 << 10).expect("trained")
});

fn json(order: &Order) -> Vec<u8> {
    let mut json = Vec::new();
    Json::encode(order, &mut json).expect("JSON");
    json
}

/// An order that is like others in what a shop's orders are.
fn order(id: u64) -> Order {
    const ITEMS: [&str; 8] = ["tea", "coffee", "milk", "sugar", "bread", "honey", "rice", "salt"];
    const KINDS: [&str; 6] = ["green", "black", "brown", "white", "organic", "fine"];
    const PLACES: [(&str, &str, &str); 6] = [
        ("Bern", "CH", "CHF"),
        ("Lyon", "FR", "EUR"),
        ("Hamburg", "DE", "EUR"),
        ("Leeds", "GB", "GBP"),
        ("Porto", "PT", "EUR"),
        ("Malmo", "SE", "SEK"),
    ];
    const STREETS: [&str; 6] =
        ["Lindenstrasse", "Rue de la Gare", "Hafenweg", "Mill Lane", "Rua Nova", "Storgatan"];
    const TAGS: [&str; 4] = ["gift", "fragile", "cold", "heavy"];
    let mut random = fastrand::Rng::with_seed(id);
    let pick = |words: &[&'static str], random: &mut fastrand::Rng| {
        words[random.usize(..words.len())].to_owned()
    };
    let (city, country, currency) = PLACES[random.usize(..PLACES.len())];
    Order {
        id: random.u64(..1_000_000),
        customer: random.u64(..100_000),
        item: format!(
            "{}, {}, {} g",
            pick(&ITEMS, &mut random),
            pick(&KINDS, &mut random),
            random.u32(1..20) * 50
        ),
        quantity: random.u32(1..10),
        price_cents: random.u64(99..9_999),
        currency: currency.into(),
        street: format!("{} {}", pick(&STREETS, &mut random), random.u32(1..200)),
        city: city.into(),
        country: country.into(),
        express: random.bool(),
        notes: random.bool().then(|| "leave it at the door".into()),
        tags: (0..random.usize(..3)).map(|_| pick(&TAGS, &mut random)).collect(),
    }
}

pub fn all() -> Vec<Workload> {
    let workload = |name, what, unit, rows| Workload {
        name,
        what,
        unit,
        higher_is_better: false,
        most: 300_000,
        least: 1_000,
        fixed: false,
        rows,
    };
    vec![
        workload(
            "S9-json-zstd-dict",
            "12-field orders that differ, with zstd, level 3, and a dictionary of others",
            "µs",
            vec![
                row("memq", |count| ours(count, true).0),
                row("memq-without", |count| ours(count, false).0),
                row("bare-serde", bare),
            ],
        ),
        workload(
            "S9-bytes",
            "bytes of each of those orders in the topic",
            "bytes",
            vec![
                row("memq", |count| ours(count, true).1),
                row("memq-without", |count| ours(count, false).1),
                row("json", |count| {
                    let bytes: usize = (0..count).map(|id| json(&order(id)).len()).sum();
                    Outcome::whole(bytes as f64 / count as f64, Duration::ZERO, count)
                }),
            ],
        ),
    ]
}

/// The time of an order, and its size.
fn ours(count: u64, dictionary: bool) -> (Outcome, Outcome) {
    let dictionary = dictionary.then(|| DICTIONARY.clone());
    this_thread().block_on(async {
        let broker = Broker::new();
        let publisher = broker.publisher::<Order>().compress(Compression::Zstd).level(LEVEL);
        let publisher = match dictionary {
            Some(dictionary) => publisher.dictionary(dictionary),
            None => publisher,
        };
        let publisher = publisher.await.expect("a publisher");
        let mut subscriber = broker.subscriber::<Order>().await.expect("a subscriber");
        let mut bytes = broker.topic("orders").subscriber().await.expect("a subscriber");
        let each = async |order| {
            publisher.publish(order).await.expect("published");
            let order = subscriber.recv().await.map(memq::Message::into_inner);
            std::hint::black_box(order).is_ok()
        };
        let time = timed(count, order, each).await;
        let mut sum = 0;
        let mut kept = 0_u64;
        loop {
            match bytes.try_recv() {
                Ok(Some(record)) => (sum, kept) = (sum + record.bytes().len(), kept + 1),
                Ok(None) => break,
                // The topic keeps the last thousand.
                Err(memq::RecvError::Lagged { .. }) => {}
                Err(error) => panic!("{error}"),
            }
        }
        let size = Outcome { value: sum as f64 / kept as f64, ..time };
        (time, size)
    })
}

/// No queue, and all that zstd can keep from one order to the next.
fn bare(count: u64) -> Outcome {
    let bytes = DICTIONARY.bytes();
    let (encoder, decoder) =
        (EncoderDictionary::copy(bytes, LEVEL), DecoderDictionary::copy(bytes));
    let mut pack = Compressor::with_prepared_dictionary(&encoder).expect("a compressor");
    let mut open = Decompressor::with_prepared_dictionary(&decoder).expect("a decompressor");
    this_thread().block_on(async {
        let each = async |value: Order| {
            let json = serde_json::to_vec(&value).expect("JSON");
            let packed = pack.compress(&json).expect("compressed");
            let json = open.decompress(&packed, json.len()).expect("decompressed");
            std::hint::black_box(serde_json::from_slice::<Order>(&json)).is_ok()
        };
        timed(count, order, each).await
    })
}
