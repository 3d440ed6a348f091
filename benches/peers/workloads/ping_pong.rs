//! S7: round trips between two tasks that wait for each other.

use std::time::{Duration, Instant};

use tokio::runtime::Runtime;
use tokio::time::timeout;

use super::row;
use crate::adapters::{
    async_broadcast, async_channel, crossfire, disruptor, flume, kanal, memq, tokio_broadcast,
    tokio_memq, tokio_mpsc,
};
use crate::measure::{Outcome, Row, Workload, median};
use crate::queue::{CAPACITY, Open, Point, Queue, Rx, Seen, Shape, Tx, WAIT};
use crate::run::{DEADLINE, this_thread, two_workers};

type Ball = Point<CAPACITY, WAIT>;
/// Round trips between two looks at the clock, which is not free.
const BLOCK: u64 = 16;

pub fn all() -> Vec<Workload> {
    vec![
        of("S7-current", "round trip between two tasks on one thread, median", this_thread),
        of("S7-multi", "round trip between two tasks on two workers, median", two_workers),
    ]
}

fn of(name: &'static str, what: &'static str, runtime: fn() -> Runtime) -> Workload {
    Workload {
        name,
        what,
        unit: "ns",
        higher_is_better: false,
        most: 1_000_000,
        least: 2 * BLOCK,
        fixed: false,
        rows: vec![
            queue::<memq::Owned>(runtime),
            queue::<memq::Borrowed>(runtime),
            queue::<tokio_memq::Broadcast>(runtime),
            queue::<tokio_mpsc::Mpsc>(runtime),
            queue::<tokio_broadcast::Broadcast>(runtime),
            queue::<async_broadcast::Waiting>(runtime),
            queue::<flume::Flume>(runtime),
            queue::<kanal::Kanal>(runtime),
            queue::<crossfire::One>(runtime),
            queue::<async_channel::Channel>(runtime),
            queue::<disruptor::One>(runtime),
        ],
    }
}

fn queue<Q: Queue<Ball>>(runtime: fn() -> Runtime) -> Row {
    row(Q::NAME, move |count| {
        let runtime = runtime();
        let outcome = runtime.block_on(trips::<Q>(count));
        runtime.shutdown_timeout(Duration::from_secs(1));
        outcome
    })
}

async fn trips<Q: Queue<Ball>>(count: u64) -> Outcome {
    let there: Open<Q::Tx, Q::Rx, Q::Hold> = Q::open(&Shape::ONE).await;
    let back = Q::open(&Shape::ONE).await;
    let Open { senders: mut ping, receivers: mut pinged, hold: _there } = there;
    let Open { senders: mut pong, receivers: mut ponged, hold: _back } = back;
    let (mut ping, mut pinged) = (ping.remove(0), pinged.remove(0));
    let (mut pong, mut ponged) = (pong.remove(0), ponged.remove(0));

    let echo = tokio::spawn(async move {
        let mut seen = Seen::default();
        loop {
            let before = seen.count;
            let more = pinged.recv(&mut seen).await;
            // A disruptor hands over all there is; there is one here.
            for number in before..seen.count {
                pong.send(Point([number; 8])).await;
            }
            if !more {
                break;
            }
        }
    });
    let began = Instant::now();
    let playing = tokio::spawn(async move {
        let mut seen = Seen::default();
        let mut blocks = Vec::with_capacity((count / BLOCK + 1) as usize);
        while seen.count < count {
            let block = BLOCK.min(count - seen.count);
            let began = Instant::now();
            for number in 0..block {
                ping.send(Point([number; 8])).await;
                ponged.recv(&mut seen).await;
            }
            blocks.push(began.elapsed().as_nanos() as f64 / block as f64);
            seen.publish();
        }
        (median(&mut blocks), seen.count)
    });
    let stop = playing.abort_handle();
    let played = timeout(DEADLINE, playing).await;
    stop.abort();
    echo.abort();
    let elapsed = began.elapsed();
    match played {
        Ok(Ok((trip, delivered))) => Outcome { delivered, ..Outcome::whole(trip, elapsed, count) },
        _ => Outcome { delivered: 0, ..Outcome::whole(f64::NAN, elapsed, count) },
    }
}
