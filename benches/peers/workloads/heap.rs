//! S10: what a message of 64 bytes costs on the heap beyond them, while it is kept.

use std::hint::black_box;
use std::time::Instant;

use bytes::Bytes;

use super::row;
use crate::adapters::{
    async_broadcast, async_channel, crossfire, disruptor, flume, kanal, memq, ruststream,
    tokio_broadcast, tokio_memq, tokio_mpsc,
};
use crate::measure::{Outcome, Row, Workload};
use crate::queue::{Blob, DROP, Load, Open, Point, Queue, Shape, Tx};
use crate::run::this_thread;

/// Messages that are kept, of which each queue has room.
const KEPT: u64 = 10_000;
const SIZE: usize = 64;

type Slip = Blob<{ KEPT as usize }, DROP>;
type Struct = Point<{ KEPT as usize }, DROP>;

pub fn all() -> Vec<Workload> {
    let mut bytes = values::<Slip, _>(slip);
    bytes.push(queue::<Slip, ruststream::Memory, _>(slip));
    bytes.push(row("vec", |count| kept(count, || async { vec_of(count, slip) })));
    let mut structs = values::<Struct, _>(point);
    structs.push(row("vec", |count| kept(count, || async { vec_of(count, point) })));
    vec![
        of("S10-bytes", "heap beyond the payload, for each of 10,000 kept: 64 bytes", bytes),
        of("S10-struct", "the same: a struct of 64 bytes by value", structs),
    ]
}

fn of(name: &'static str, what: &'static str, rows: Vec<Row>) -> Workload {
    Workload {
        name,
        what,
        unit: "bytes",
        higher_is_better: false,
        most: KEPT,
        least: KEPT,
        fixed: true,
        rows,
    }
}

fn slip(_: u64) -> Slip {
    Blob(Bytes::from(vec![7; SIZE]))
}

fn point(number: u64) -> Struct {
    Point([number; 8])
}

fn values<M: Load, F: Fn(u64) -> M + Copy + 'static>(make: F) -> Vec<Row> {
    vec![
        queue::<M, memq::Owned, _>(make),
        queue::<M, tokio_memq::Broadcast, _>(make),
        queue::<M, tokio_mpsc::Mpsc, _>(make),
        queue::<M, tokio_broadcast::Broadcast, _>(make),
        queue::<M, async_broadcast::Waiting, _>(make),
        queue::<M, flume::Flume, _>(make),
        queue::<M, kanal::Kanal, _>(make),
        queue::<M, crossfire::One, _>(make),
        queue::<M, async_channel::Channel, _>(make),
        queue::<M, disruptor::One, _>(make),
    ]
}

fn queue<M: Load, Q: Queue<M>, F: Fn(u64) -> M + Copy + 'static>(make: F) -> Row {
    row(Q::NAME, move |count| {
        kept(count, || async move {
            let mut open = Q::open(&Shape::ONE).await;
            let tx = &mut open.senders[0];
            for number in 0..count {
                tx.send(make(number)).await;
            }
            open as Open<Q::Tx, Q::Rx, Q::Hold>
        })
    })
}

fn vec_of<M>(count: u64, make: impl Fn(u64) -> M) -> Vec<M> {
    (0..count).map(make).collect()
}

/// Heap for each message while what `fill` gives back lives.
fn kept<T, R: Future<Output = T>>(count: u64, fill: impl FnOnce() -> R) -> Outcome {
    let runtime = this_thread();
    let began = Instant::now();
    let mut held = None;
    // The runtime first, so that what it makes once is not counted.
    runtime.block_on(tokio::task::yield_now());
    let info = allocation_counter::measure(|| held = Some(runtime.block_on(fill())));
    black_box(&held);
    let value = info.bytes_current as f64 / count as f64 - SIZE as f64;
    Outcome::whole(value, began.elapsed(), count)
}
