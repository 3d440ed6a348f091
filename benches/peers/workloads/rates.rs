//! Deliveries per second between tasks on two workers: S1 to S6, S8, S11.

use bytes::Bytes;

use super::row;
use crate::SEED;
use crate::adapters::{
    async_broadcast, async_channel, crossfire, disruptor, flume, kanal, memq, ruststream,
    tokio_broadcast, tokio_memq, tokio_mpsc,
};
use crate::measure::{Row, Workload};
use crate::queue::{Blob, CAPACITY, CONSUME, DROP, Job, Load, Point, Queue, Shape, WAIT};
use crate::run::rate;

/// What a slow reader does not keep from being dropped.
type Retained = Blob<10_000, DROP>;
type Struct = Point<CAPACITY, WAIT>;

pub fn all() -> Vec<Workload> {
    let tens = Shape { senders: 10, receivers: 10, ..Shape::ONE };
    let pairs = Shape { senders: 2, receivers: 2, batch: 50, ..Shape::ONE };
    let workers = Shape { senders: 4, receivers: 4, sharing: true, ..Shape::ONE };
    let hundreds = Shape { batch: 100, ..Shape::ONE };
    vec![
        of(
            "S1a",
            "1 publisher, 1 subscriber, 1 KB, each allocated",
            2_000_000,
            one_to_one::<CAPACITY>(Shape::ONE, Source::allocated(1024)),
        ),
        of(
            "S1b",
            "1 publisher, 1 subscriber, 1 KB, clones of one",
            6_000_000,
            one_to_one::<CAPACITY>(Shape::ONE, Source::shared(1024)),
        ),
        of(
            "S2b",
            "10 publishers, 10 subscribers, each sees all, 1 KB, clones of one",
            1_000_000,
            each_sees_all(tens),
        ),
        of(
            "S3b",
            "1 publisher, 1 subscriber, batches of 100, 1 KB, clones of one",
            6_000_000,
            one_to_one::<CAPACITY>(hundreds, Source::shared(1024)),
        ),
        Workload {
            least: 50,
            ..of(
                "S4a",
                "1 publisher, 1 subscriber, 1 MB, each allocated; capacity 64",
                4_000,
                one_to_one::<64>(Shape::ONE, Source::allocated(1 << 20)),
            )
        },
        of(
            "S5b",
            "2 publishers, 2 subscribers, each sees all, batches of 50, 1 KB, clones of one",
            6_000_000,
            each_sees_all(pairs),
        ),
        of(
            "S6b",
            "4 publishers, 4 workers that share the messages, 1 KB, clones of one",
            3_000_000,
            sharing(workers),
        ),
        of(
            "S6c",
            "4 publishers, 4 workers that share the messages, batches of 50, 1 KB, clones of one",
            6_000_000,
            sharing(Shape { batch: 50, ..workers }),
        ),
        of(
            "S8a",
            "1 publisher, 1 subscriber, a struct of 64 bytes by value",
            6_000_000,
            structs(Shape::ONE),
        ),
        of(
            "S8c",
            "1 publisher, 1 subscriber, a struct of 64 bytes by value, batches of 100",
            10_000_000,
            structs(hundreds),
        ),
    ]
}

pub fn beside_a_slow_one() -> Workload {
    let shape = Shape { slow: 1, ..Shape::ONE };
    let make = Source::shared(1024).blobs();
    let rows = vec![
        queue::<Retained, memq::Owned, _>(shape, &make),
        queue::<Retained, memq::Borrowed, _>(shape, &make),
        queue::<Retained, memq::Batched, _>(shape, &make),
        queue::<Retained, tokio_memq::Broadcast, _>(shape, &make),
        queue::<Retained, tokio_broadcast::Broadcast, _>(shape, &make),
        queue::<Retained, async_broadcast::Overflowing, _>(shape, &make),
        queue::<Retained, ruststream::Memory, _>(shape, &make),
    ];
    let what = "a fast subscriber beside one that sleeps 1 ms after each message; the oldest beyond \
                10,000 are dropped, and publishers do not wait; 1 KB, clones of one";
    of("S11", what, 3_000_000, rows)
}

fn of(name: &'static str, what: &'static str, most: u64, rows: Vec<Row>) -> Workload {
    Workload {
        name,
        what,
        unit: "deliveries/s",
        higher_is_better: true,
        most,
        least: 2_000,
        fixed: false,
        rows,
    }
}

/// Where the bytes of a message come from.
#[derive(Clone, Debug)]
struct Source {
    size: usize,
    /// The bytes of all messages, unless they are allocated for each.
    shared: Option<Bytes>,
}

impl Source {
    fn shared(size: usize) -> Self {
        Self { size, shared: Some(Bytes::from(vec![7; size])) }
    }

    fn allocated(size: usize) -> Self {
        Self { size, shared: None }
    }

    fn bytes(&self) -> Bytes {
        match &self.shared {
            Some(bytes) => bytes.clone(),
            None => Bytes::from(vec![0; self.size]),
        }
    }

    fn blobs<const N: usize, const MODE: u8>(
        &self,
    ) -> impl Fn(u64) -> Blob<N, MODE> + Clone + Send + use<N, MODE> + 'static {
        let source = self.clone();
        move |_| Blob(source.bytes())
    }

    fn jobs(&self) -> impl Fn(u64) -> Job + Clone + Send + use<> + 'static {
        let source = self.clone();
        move |number| Job { number, bytes: source.bytes() }
    }
}

fn queue<M: Load, Q: Queue<M>, F>(shape: Shape, make: &F) -> Row
where
    F: Fn(u64) -> M + Clone + Send + 'static,
{
    let make = make.clone();
    row(Q::NAME, move |count| rate::<M, Q>(&shape, count, make.clone()))
}

/// Those that take any value, from one to one.
fn values<M: Load, F>(shape: Shape, make: &F) -> Vec<Row>
where
    F: Fn(u64) -> M + Clone + Send + 'static,
{
    let mut rows =
        vec![queue::<M, memq::Owned, _>(shape, make), queue::<M, memq::Borrowed, _>(shape, make)];
    if shape.batch == 1 {
        rows.push(queue::<M, memq::Batched, _>(shape, make));
    }
    rows.extend([
        queue::<M, tokio_memq::Broadcast, _>(shape, make),
        queue::<M, tokio_mpsc::Mpsc, _>(shape, make),
        queue::<M, tokio_broadcast::Broadcast, _>(shape, make),
        queue::<M, async_broadcast::Waiting, _>(shape, make),
        queue::<M, flume::Flume, _>(shape, make),
        queue::<M, kanal::Kanal, _>(shape, make),
        queue::<M, crossfire::One, _>(shape, make),
        queue::<M, async_channel::Channel, _>(shape, make),
        queue::<M, disruptor::One, _>(shape, make),
    ]);
    rows
}

fn one_to_one<const N: usize>(shape: Shape, source: Source) -> Vec<Row> {
    let make = source.blobs::<N, WAIT>();
    let consumed = source.blobs::<N, CONSUME>();
    let mut rows = values(shape, &make);
    rows.insert(2, queue::<_, memq::Consumed, _>(shape, &consumed));
    if N == CAPACITY {
        // It keeps every message until it is dropped, which large ones do not allow.
        rows.push(queue::<_, ruststream::Memory, _>(shape, &make));
    } else {
        let few = queue::<_, tokio_memq::Broadcast<true>, _>(shape, &make);
        let seed = rows.iter().position(|row| row.peer == SEED);
        rows.insert(seed.map_or(rows.len(), |at| at + 1), few);
    }
    rows
}

fn structs(shape: Shape) -> Vec<Row> {
    values::<Struct, _>(shape, &|number| Point([number; 8]))
}

fn each_sees_all(shape: Shape) -> Vec<Row> {
    let make = Source::shared(1024).blobs::<CAPACITY, WAIT>();
    let mut rows =
        vec![queue::<_, memq::Owned, _>(shape, &make), queue::<_, memq::Borrowed, _>(shape, &make)];
    if shape.batch == 1 {
        rows.push(queue::<_, memq::Batched, _>(shape, &make));
    }
    rows.extend([
        queue::<_, tokio_memq::Broadcast, _>(shape, &make),
        queue::<_, tokio_broadcast::Broadcast, _>(shape, &make),
        queue::<_, async_broadcast::Waiting, _>(shape, &make),
        queue::<_, disruptor::Many, _>(shape, &make),
        queue::<_, ruststream::Memory, _>(shape, &make),
    ]);
    rows
}

fn sharing(shape: Shape) -> Vec<Row> {
    let make = Source::shared(1024).jobs();
    vec![
        queue::<Job, memq::Group, _>(shape, &make),
        queue::<Job, tokio_memq::Sharing, _>(shape, &make),
        queue::<Job, flume::Flume, _>(shape, &make),
        queue::<Job, kanal::Kanal, _>(shape, &make),
        queue::<Job, crossfire::Many, _>(shape, &make),
        queue::<Job, async_channel::Channel, _>(shape, &make),
    ]
}
