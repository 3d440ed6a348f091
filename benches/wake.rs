//! Somebody waits: a round trip between two tasks, and one publisher to many subscribers.

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use memq::{Broker, Overflow, Start};
use tokio::runtime::{Builder, Runtime};

fn runtimes() -> [(&'static str, Runtime); 2] {
    [
        ("current thread", Builder::new_current_thread().build().unwrap()),
        ("two threads", Builder::new_multi_thread().worker_threads(2).build().unwrap()),
    ]
}

fn ping_pong(c: &mut Criterion) {
    for (name, runtime) in runtimes() {
        let broker = Broker::new();
        let there = broker.topic("there");
        let back = broker.topic("back");
        let (ping, mut pinged, pong, mut ponged) = runtime.block_on(async {
            (
                there.publisher().await.unwrap(),
                there.subscriber().from(Start::Latest).await.unwrap(),
                back.publisher().await.unwrap(),
                back.subscriber().from(Start::Latest).await.unwrap(),
            )
        });
        runtime.spawn(async move {
            while let Some(Ok(message)) = pinged.next().await {
                pong.publish(message.into_inner()).await.unwrap();
            }
        });
        c.bench_function(&format!("round trip, {name}"), |b| {
            b.iter(|| {
                runtime.block_on(async {
                    ping.publish_bytes("ball").await.unwrap();
                    ponged.recv().await.unwrap();
                });
            });
        });
    }
}

fn fan_out(c: &mut Criterion) {
    const MESSAGES: u64 = 10_000;
    const SUBSCRIBERS: u64 = 10;
    let mut group = c.benchmark_group("fan-out to 10");
    group.throughput(Throughput::Elements(MESSAGES * SUBSCRIBERS));
    group.sample_size(10);
    for (name, runtime) in runtimes() {
        group.bench_function(name, |b| {
            b.iter(|| {
                runtime.block_on(async {
                    let broker = Broker::new();
                    let topic = broker.topic("news").max(1_000).overflow(Overflow::Wait);
                    let publisher = topic.publisher().await.unwrap();
                    let mut readers = Vec::new();
                    for _ in 0..SUBSCRIBERS {
                        let mut subscriber = topic.subscriber().await.unwrap();
                        readers.push(tokio::spawn(async move {
                            for _ in 0..MESSAGES {
                                subscriber.recv().await.unwrap();
                            }
                        }));
                    }
                    for _ in 0..MESSAGES {
                        publisher.publish_bytes("news").await.unwrap();
                    }
                    for reader in readers {
                        reader.await.unwrap();
                    }
                });
            });
        });
    }
    group.finish();
}

criterion_group!(benches, ping_pong, fan_out);
criterion_main!(benches);
