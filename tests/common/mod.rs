//! What the tests share: runtimes, tasks, wakers that count, and topics with their options.
#![allow(dead_code, reason = "each test file uses a part of it")]

use std::future::Future;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll, Wake, Waker};
use std::time::Duration;

use memq::codec::{Json, Stage};
use memq::{Broker, Cause, Key, Topic, TopicKey, TopicSpec};
use serde::{Deserialize, Serialize};
use tokio::runtime::{Builder, Runtime};
use tokio::task::JoinHandle;
use tokio::time::timeout;

/// Turns the bytes around.
pub struct Around;

impl Stage for Around {
    fn name(&self) -> &str {
        "around"
    }

    fn seal(&self, bytes: &[u8]) -> Result<Vec<u8>, Cause> {
        Ok(bytes.iter().rev().copied().collect())
    }

    fn open(&self, bytes: &[u8]) -> Result<Vec<u8>, Cause> {
        self.seal(bytes)
    }
}

/// Bounds a hang; nothing is measured. The limit is looked at first: were the future polled again
/// by it, a wake-up that was lost would go unseen.
pub async fn bounded<T>(what: &str, future: impl Future<Output = T>) -> T {
    tokio::select! {
        biased;
        () = tokio::time::sleep(Duration::from_secs(30)) => panic!("{what} hangs"),
        output = future => output,
    }
}

/// A native topic of numbers, with the options that are said.
#[macro_export]
macro_rules! numbers {
    ($type:ident, $name:literal $(, $option:ident($value:expr))*) => {
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
        struct $type(u64);

        impl memq::Topic for $type {
            type Codec = memq::codec::Native;
            const SPEC: memq::TopicSpec = memq::TopicSpec::new($name)$(.$option($value))*;
        }
    };
}

/// A topic in JSON with a key. It says no option, so a test can create it ahead with others.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Order {
    pub customer: u64,
    pub item: String,
}

impl Topic for Order {
    type Codec = Json;
    const SPEC: TopicSpec = TopicSpec::new("orders");

    fn key(&self) -> Option<Key<'_>> {
        self.customer.to_key()
    }
}

impl Order {
    pub fn new(customer: u64, item: &str) -> Self {
        Self { customer, item: item.into() }
    }
}

/// One thread, real time.
pub fn current_thread() -> Runtime {
    Builder::new_current_thread().enable_all().build().unwrap()
}

/// One thread, and a clock that only moves when it is told to.
pub fn paused() -> Runtime {
    Builder::new_current_thread().enable_all().start_paused(true).build().unwrap()
}

/// This many threads, real time.
pub fn multi_thread(threads: usize) -> Runtime {
    Builder::new_multi_thread().worker_threads(threads).enable_all().build().unwrap()
}

/// Runs a test on one thread and on several. Its future is spawned, so that on the others too
/// every task of it has a worker. One that hangs fails; nothing else is measured.
pub fn on_both_runtimes<F>(test: impl Fn() -> F)
where
    F: Future<Output = ()> + Send + 'static,
{
    for runtime in [current_thread(), multi_thread(2), multi_thread(4)] {
        let running = runtime.spawn(test());
        let ended = runtime.block_on(async { timeout(Duration::from_secs(90), running).await });
        runtime.shutdown_background();
        if let Err(error) = ended.expect("the test hangs") {
            std::panic::resume_unwind(error.into_panic());
        }
    }
}

/// `tokio::spawn`, which the library itself must not use.
#[expect(clippy::disallowed_methods, reason = "tests may have tasks")]
pub fn spawn<F>(future: F) -> JoinHandle<F::Output>
where
    F: Future + Send + 'static,
    F::Output: Send + 'static,
{
    tokio::spawn(future)
}

/// A waker that counts how often it was woken.
#[derive(Debug, Default)]
pub struct Bell(AtomicUsize);

impl Bell {
    pub fn new() -> Arc<Self> {
        Arc::new(Self::default())
    }

    pub fn rings(&self) -> usize {
        self.0.load(Ordering::SeqCst)
    }
}

impl Wake for Bell {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Ordering::SeqCst);
    }
}

/// Polls once with this bell.
pub fn poll_with<F: Future + Unpin>(bell: &Arc<Bell>, future: &mut F) -> Poll<F::Output> {
    let waker = Waker::from(bell.clone());
    std::pin::Pin::new(future).poll(&mut Context::from_waker(&waker))
}

/// Polls once with this bell, and again for as long as the future only lets others run.
pub fn settle_with<F: Future + Unpin>(bell: &Arc<Bell>, future: &mut F) -> Poll<F::Output> {
    loop {
        let rings = bell.rings();
        match poll_with(bell, future) {
            Poll::Pending if bell.rings() > rings => {}
            polled => return polled,
        }
    }
}

/// Polls as [`settle_with`], then drops the future. `None` where it was pending.
pub fn try_now<F: Future>(future: F) -> Option<F::Output> {
    let bell = Bell::new();
    match settle_with(&bell, &mut pin!(future)) {
        Poll::Ready(output) => Some(output),
        Poll::Pending => None,
    }
}

/// Polls exactly once, then drops the future. `None` where it was pending.
pub fn poll_once<F: Future>(future: F) -> Option<F::Output> {
    match poll_with(&Bell::new(), &mut pin!(future)) {
        Poll::Ready(output) => Some(output),
        Poll::Pending => None,
    }
}

/// Lets every other task run that can, several times.
pub async fn settle() {
    for _ in 0..16 {
        tokio::task::yield_now().await;
    }
}

/// A broker with this many orders.
pub async fn with_orders(count: u64) -> Broker {
    let broker = Broker::new();
    let orders = broker.publisher::<Order>().await.unwrap();
    for number in 0..count {
        orders.publish(Order::new(number, "tea")).await.unwrap();
    }
    broker
}

/// All of them in order, taken from both ends: so many at the front, then one at the back.
pub fn from_both_ends<T>(
    mut all: impl DoubleEndedIterator<Item = T> + ExactSizeIterator,
    front: usize,
) -> Vec<T> {
    let (mut first, mut last) = (Vec::new(), Vec::new());
    while all.len() > 0 {
        let left = all.len();
        if left % (front + 1) == 0 {
            last.extend(all.next_back());
        } else {
            first.extend(all.next());
        }
        assert_eq!(all.len(), left - 1);
    }
    assert!(all.next().is_none() && all.next_back().is_none() && all.next().is_none());
    first.extend(last.into_iter().rev());
    first
}
