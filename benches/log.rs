//! The log alone: append and read of native messages, on one thread.

use std::hint::black_box;

use bytes::Bytes;
use criterion::{BatchSize, Criterion, Throughput, criterion_group, criterion_main};
use memq::{Broker, Publisher, Start, Subscriber, Topic};

#[derive(Topic)]
#[topic(name = "kilobytes")]
struct Kilobyte(Bytes);

#[derive(Topic)]
#[topic(name = "points")]
struct Point([u64; 8]);

/// Messages for each measurement: as many as the topics keep.
const MESSAGES: u64 = 10_000;

fn open<T: Topic>() -> (Broker, Publisher<T>, Subscriber<T>) {
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    runtime.block_on(async {
        let broker = Broker::new();
        let publisher = broker.publisher::<T>().await.unwrap();
        let subscriber = broker.subscriber::<T>().from(Start::Latest).await.unwrap();
        (broker, publisher, subscriber)
    })
}

fn one<T: Topic, R>(
    c: &mut Criterion,
    name: &str,
    message: impl Fn() -> T,
    look: impl Fn(&T) -> R,
) {
    let mut group = c.benchmark_group(name);

    group.throughput(Throughput::Elements(1));
    let (_broker, publisher, mut subscriber) = open::<T>();
    group.bench_function("publish and receive", |b| {
        b.iter(|| {
            publisher.try_publish(message()).unwrap();
            black_box(look(&subscriber.try_recv().unwrap().unwrap()));
        });
    });

    group.throughput(Throughput::Elements(MESSAGES));
    group.bench_function("append", |b| {
        b.iter_batched(
            open::<T>,
            |open| {
                for _ in 0..MESSAGES {
                    open.1.try_publish(message()).unwrap();
                }
                open
            },
            BatchSize::PerIteration,
        );
    });
    group.bench_function("read", |b| {
        b.iter_batched(
            || {
                let open = open::<T>();
                for _ in 0..MESSAGES {
                    open.1.try_publish(message()).unwrap();
                }
                open
            },
            |mut open| {
                while let Some(message) = open.2.try_recv().unwrap() {
                    black_box(look(&message));
                }
                open
            },
            BatchSize::PerIteration,
        );
    });
    group.finish();
}

fn log(c: &mut Criterion) {
    let kilobyte = Bytes::from(vec![7; 1024]);
    one(c, "log, shared kilobyte", || Kilobyte(kilobyte.clone()), |kilobyte| kilobyte.0.len());
    one(c, "log, 64-byte struct", || Point([7; 8]), |point| point.0[7]);
}

criterion_group!(benches, log);
criterion_main!(benches);
