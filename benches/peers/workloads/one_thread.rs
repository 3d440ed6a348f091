//! L1: publish and receive on one thread, with nobody parked.

use std::time::Instant;

use bytes::Bytes;

use super::row;
use crate::adapters::{
    async_broadcast, async_channel, crossfire, disruptor, flume, kanal, memq, ruststream,
    tokio_broadcast, tokio_memq, tokio_mpsc,
};
use crate::measure::{Outcome, Row, Workload};
use crate::queue::{Blob, CAPACITY, Load, Open, Queue, Rx, Seen, Shape, Tx, WAIT};
use crate::run::{DEADLINE, this_thread};

type Kilobyte = Blob<CAPACITY, WAIT>;

pub fn publish_and_receive() -> Workload {
    Workload {
        name: "L1",
        what: "publish and receive one after the other on one thread, 1 KB, clones of one",
        unit: "ns",
        higher_is_better: false,
        most: 6_000_000,
        least: 2_000,
        fixed: false,
        rows: vec![
            queue::<memq::Owned>(),
            queue::<memq::Borrowed>(),
            queue::<tokio_memq::Broadcast>(),
            queue::<tokio_mpsc::Mpsc>(),
            queue::<tokio_broadcast::Broadcast>(),
            queue::<async_broadcast::Waiting>(),
            queue::<flume::Flume>(),
            queue::<kanal::Kanal>(),
            queue::<crossfire::One>(),
            queue::<async_channel::Channel>(),
            queue::<disruptor::One>(),
            queue::<ruststream::Memory>(),
        ],
    }
}

fn queue<Q: Queue<Kilobyte>>() -> Row {
    let bytes = Bytes::from(vec![7; 1024]);
    row(Q::NAME, move |count| {
        let bytes = bytes.clone();
        one_thread::<Kilobyte, Q>(count, move |_| Blob(bytes.clone()))
    })
}

/// Nanoseconds for each message.
pub fn one_thread<M: Load, Q: Queue<M>>(count: u64, make: impl Fn(u64) -> M) -> Outcome {
    this_thread().block_on(async {
        let Open { mut senders, mut receivers, hold } = Q::open(&Shape::ONE).await;
        let (tx, rx) = (&mut senders[0], &mut receivers[0]);
        let mut seen = Seen::default();
        let began = Instant::now();
        let run = async {
            for number in 0..count {
                tx.send(make(number)).await;
                rx.recv(&mut seen).await;
            }
        };
        let _ = tokio::time::timeout(DEADLINE, run).await;
        let elapsed = began.elapsed();
        drop(hold);
        let value = elapsed.as_nanos() as f64 / seen.count.max(1) as f64;
        Outcome { delivered: seen.count, ..Outcome::whole(value, elapsed, count) }
    })
}
