//! Drives a queue: senders and receivers as tasks, until everything arrived or nothing comes any more.

use std::sync::Arc;
use std::time::{Duration, Instant};

use futures_util::future::{AbortHandle, Abortable, join_all};
use tokio::sync::Barrier;
use tokio::time::timeout;

use crate::measure::Outcome;
use crate::queue::{Load, Open, Progress, Queue, Rx, Seen, Shape, Tx};

/// A receiver that has seen nothing for this long after the last send will see nothing more.
const QUIET: Duration = Duration::from_millis(100);
/// A run that takes longer than this is stopped.
pub const DEADLINE: Duration = Duration::from_secs(10);
/// Of a slow receiver, after each message.
const SLEEP: Duration = Duration::from_millis(1);

/// A runtime of two workers, as on the machine that the figures are for.
pub fn two_workers() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_time()
        .build()
        .expect("a runtime")
}

/// A runtime on this thread.
pub fn this_thread() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread().enable_time().build().expect("a runtime")
}

/// Sends `count` messages through a new queue; the value is distinct deliveries per second.
pub fn rate<M: Load, Q: Queue<M>>(
    shape: &Shape,
    count: u64,
    make: impl Fn(u64) -> M + Clone + Send + 'static,
) -> Outcome {
    let runtime = two_workers();
    let outcome = runtime.block_on(drive::<M, Q>(shape, count, make));
    // Whatever still runs was stopped for being stuck.
    runtime.shutdown_timeout(Duration::from_secs(1));
    outcome
}

async fn drive<M: Load, Q: Queue<M>>(
    shape: &Shape,
    count: u64,
    make: impl Fn(u64) -> M + Clone + Send + 'static,
) -> Outcome {
    let each = (count / shape.senders as u64).max(1);
    let total = each * shape.senders as u64;
    let Open { senders, receivers, hold } = Q::open(shape).await;
    let start = Arc::new(Barrier::new(senders.len() + receivers.len()));

    let mut crowd = Crowd::default();
    let mut slow = Vec::new();
    for (index, rx) in receivers.into_iter().enumerate() {
        let start = start.clone();
        if index >= shape.receivers {
            slow.push(tokio::spawn(lag(rx, start)));
            continue;
        }
        let numbers = shape.sharing.then(|| vec![0; (total / 64 + 1) as usize]);
        let seen = Seen::numbered(numbers);
        crowd.progress.push(seen.progress.clone());
        let (handle, registration) = AbortHandle::new_pair();
        crowd.handles.push(handle);
        let batch = shape.batch;
        crowd.tasks.push(tokio::spawn(async move {
            let mut seen = seen;
            start.wait().await;
            let reading = read(rx, &mut seen, total, batch);
            let whole = Abortable::new(reading, registration).await.is_ok();
            (seen, whole.then(Instant::now))
        }));
    }
    let mut sending = Vec::new();
    for (index, tx) in senders.into_iter().enumerate() {
        let start = start.clone();
        let make = make.clone();
        let first = index as u64 * each;
        let batch = shape.batch as u64;
        sending.push(tokio::spawn(async move {
            start.wait().await;
            let began = Instant::now();
            write(tx, first, each, batch, make).await;
            began
        }));
    }

    let stops = sending.iter().map(tokio::task::JoinHandle::abort_handle).collect::<Vec<_>>();
    let Ok(began) = timeout(DEADLINE, join_all(sending)).await else {
        stops.iter().for_each(tokio::task::AbortHandle::abort);
        return crowd.end(Instant::now(), None).await.outcome(shape, total, DEADLINE);
    };
    let began = began.into_iter().map(|began| began.expect("a sender")).min();
    let began = began.expect("a sender at least");
    let closing = async {
        if shape.slow == 0 {
            Q::close(&hold).await;
        }
    };
    let last = crowd.watch(closing).await;
    let sum = crowd.end(began, last).await;
    slow.iter().for_each(tokio::task::JoinHandle::abort);
    let elapsed = sum.last.duration_since(began);
    sum.outcome(shape, total, elapsed)
}

/// Receives until there is no more, or everything was seen.
async fn read<M: Load>(mut rx: impl Rx<M>, seen: &mut Seen, total: u64, batch: usize) {
    while seen.count < total {
        let more = if batch > 1 { rx.recv_many(batch, seen).await } else { rx.recv(seen).await };
        seen.publish();
        if !more {
            break;
        }
    }
}

async fn write<M: Load>(
    mut tx: impl Tx<M>,
    first: u64,
    count: u64,
    batch: u64,
    make: impl Fn(u64) -> M,
) {
    if batch <= 1 {
        for number in first..first + count {
            tx.send(make(number)).await;
        }
        return;
    }
    let mut number = first;
    while number < first + count {
        let end = (number + batch).min(first + count);
        tx.send_many((number..end).map(&make).collect()).await;
        number = end;
    }
}

/// A receiver that nobody should wait for.
async fn lag<M: Load>(mut rx: impl Rx<M>, start: Arc<Barrier>) {
    let mut seen = Seen::default();
    start.wait().await;
    while rx.recv(&mut seen).await {
        tokio::time::sleep(SLEEP).await;
    }
}

/// The receivers that are counted.
#[derive(Default)]
struct Crowd {
    tasks: Vec<tokio::task::JoinHandle<(Seen, Option<Instant>)>>,
    handles: Vec<AbortHandle>,
    progress: Vec<Arc<Progress>>,
}

impl Crowd {
    /// Waits until all are done, or see nothing any more; then says when they last did.
    async fn watch(&self, closing: impl Future<Output = ()>) -> Option<Instant> {
        let began = Instant::now();
        if timeout(DEADLINE, closing).await.is_err() {
            return Some(began);
        }
        let mut last = (0, began);
        loop {
            if self.tasks.iter().all(tokio::task::JoinHandle::is_finished) {
                return None;
            }
            let sum = self.progress.iter().map(|progress| progress.get()).sum::<u64>();
            let now = Instant::now();
            if sum != last.0 {
                last = (sum, now);
            }
            if now - last.1 > QUIET || now - began > DEADLINE {
                return Some(last.1);
            }
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    }

    /// Stops those that are not done and adds up what they saw.
    async fn end(self, began: Instant, last: Option<Instant>) -> Sum {
        self.handles.iter().for_each(AbortHandle::abort);
        let mut sum = Sum { seen: 0, numbers: None, last: last.unwrap_or(began) };
        for task in self.tasks {
            // A receiver that is stuck inside a poll is given up.
            let Ok(Ok((seen, done))) = timeout(DEADLINE, task).await else { continue };
            sum.seen += seen.count;
            sum.last = sum.last.max(done.unwrap_or(began));
            match (&mut sum.numbers, seen.numbers) {
                (Some(all), Some(some)) => {
                    all.iter_mut().zip(some).for_each(|(all, some)| *all |= some);
                }
                (all, Some(some)) => *all = Some(some),
                (_, None) => {}
            }
        }
        sum
    }
}

/// What all receivers saw.
struct Sum {
    seen: u64,
    numbers: Option<Vec<u64>>,
    last: Instant,
}

impl Sum {
    fn outcome(self, shape: &Shape, total: u64, elapsed: Duration) -> Outcome {
        let distinct = match self.numbers {
            Some(numbers) => numbers.iter().map(|word| u64::from(word.count_ones())).sum(),
            None => self.seen,
        };
        let expected = if shape.sharing { total } else { total * shape.receivers as u64 };
        Outcome {
            value: distinct as f64 / elapsed.as_secs_f64().max(1e-9),
            elapsed,
            count: total,
            delivered: distinct,
            expected,
            duplicates: self.seen - distinct,
            cpu: Duration::ZERO,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::adapters::{kanal::Kanal, memq, tokio_mpsc::Mpsc};
    use crate::queue::{Job, Point, WAIT};

    type Struct = Point<1024, WAIT>;

    fn job(number: u64) -> Job {
        Job { number, bytes: bytes::Bytes::new() }
    }

    /// Every second message of the sender is lost, and the end is never said.
    struct Losing;
    struct LosingTx(tokio::sync::mpsc::UnboundedSender<Job>);
    struct LosingRx(tokio::sync::mpsc::UnboundedReceiver<Job>);

    impl Queue<Job> for Losing {
        const NAME: &'static str = "losing";
        type Tx = LosingTx;
        type Rx = LosingRx;
        type Hold = LosingTx;

        async fn open(_: &Shape) -> Open<LosingTx, LosingRx, LosingTx> {
            let (tx, rx) = tokio::sync::mpsc::unbounded_channel();
            let hold = LosingTx(tx.clone());
            Open { senders: vec![LosingTx(tx)], receivers: vec![LosingRx(rx)], hold }
        }
    }

    impl Tx<Job> for LosingTx {
        async fn send(&mut self, message: Job) {
            if message.number % 2 == 0 {
                self.0.send(message.clone()).expect("a receiver");
                self.0.send(message).expect("a receiver");
            }
        }
    }

    impl Rx<Job> for LosingRx {
        async fn recv(&mut self, seen: &mut Seen) -> bool {
            let received = self.0.recv().await;
            received.iter().for_each(|job| seen.see(job));
            received.is_some()
        }
    }

    #[test]
    fn what_is_lost_and_what_comes_twice_is_counted_and_nothing_hangs() {
        let shape = Shape { sharing: true, ..Shape::ONE };
        let outcome = rate::<Job, Losing>(&shape, 1_001, job);
        assert_eq!((outcome.delivered, outcome.expected), (501, 1_001));
        assert_eq!(outcome.duplicates, 500, "it stops once it has seen as many as were sent");
        let outcome = rate::<Job, Losing>(&shape, 1, |_| job(1));
        assert_eq!((outcome.delivered, outcome.expected), (0, 1));
    }

    #[test]
    fn queues_that_lose_nothing_deliver_everything() {
        let whole = |outcome: Outcome, expected| {
            assert_eq!((outcome.delivered, outcome.expected), (expected, expected));
            assert_eq!(outcome.duplicates, 0);
            assert!(outcome.value > 0.0);
        };
        let point = |number| Point([number; 8]);
        whole(rate::<Struct, Mpsc>(&Shape::ONE, 5_000, point), 5_000);
        let batches = Shape { batch: 100, ..Shape::ONE };
        whole(rate::<Struct, memq::Owned>(&batches, 5_000, point), 5_000);
        let all = Shape { senders: 3, receivers: 4, ..Shape::ONE };
        whole(rate::<Struct, memq::Borrowed>(&all, 3_000, point), 12_000);
        let sharing = Shape { senders: 2, receivers: 3, sharing: true, ..Shape::ONE };
        whole(rate::<Job, memq::Group>(&sharing, 4_000, job), 4_000);
        whole(rate::<Job, Kanal>(&sharing, 4_000, job), 4_000);
    }
}
