//! What a peer must be able to do, and the messages that go through it.

use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use bytes::Bytes;
use memq::codec::Native;
use memq::{Overflow, Retain, Topic, TopicSpec};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

/// How many send and receive, and how.
#[derive(Clone, Copy, Debug)]
pub struct Shape {
    pub senders: usize,
    pub receivers: usize,
    /// Receivers beside them that sleep after each message and are not counted.
    pub slow: usize,
    /// Messages in a batch; 1 for singly.
    pub batch: usize,
    /// Whether each message goes to one receiver, and not to all of them.
    pub sharing: bool,
}

impl Shape {
    /// One to one, singly.
    pub const ONE: Self = Self { senders: 1, receivers: 1, slow: 0, batch: 1, sharing: false };
}

/// A queue: how one is opened, and what it is called in the report.
pub trait Queue<M: Load>: 'static {
    const NAME: &'static str;
    type Tx: Tx<M>;
    type Rx: Rx<M>;
    /// What must live for as long as the queue is used.
    type Hold: Send;

    /// Opens one of `M::CAPACITY` messages.
    fn open(shape: &Shape) -> impl Future<Output = Open<Self::Tx, Self::Rx, Self::Hold>>;

    /// Called once everything was sent and the senders are dropped.
    fn close(_hold: &Self::Hold) -> impl Future<Output = ()> {
        async {}
    }
}

/// An open queue.
#[derive(Debug)]
pub struct Open<T, R, H> {
    pub senders: Vec<T>,
    pub receivers: Vec<R>,
    pub hold: H,
}

/// Messages in.
pub trait Tx<M: Load>: Send + 'static {
    fn send(&mut self, message: M) -> impl Future<Output = ()> + Send;

    fn send_many(&mut self, messages: Vec<M>) -> impl Future<Output = ()> + Send {
        async move {
            for message in messages {
                self.send(message).await;
            }
        }
    }
}

/// Messages out.
pub trait Rx<M: Load>: Send + 'static {
    /// Shows the next message to `seen`; says whether there may be more.
    fn recv(&mut self, seen: &mut Seen) -> impl Future<Output = bool> + Send;

    /// The same with the next `max` at most.
    fn recv_many(&mut self, _max: usize, seen: &mut Seen) -> impl Future<Output = bool> + Send {
        self.recv(seen)
    }
}

/// How many messages a receiver has seen; read by the watchdog. Alone in its cache lines.
#[derive(Debug, Default)]
#[repr(align(128))]
pub struct Progress(AtomicU64);

impl Progress {
    pub fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// What a receiver has seen.
#[derive(Debug, Default)]
pub struct Seen {
    pub count: u64,
    sum: u64,
    /// One bit for each number, where messages are numbered.
    pub numbers: Option<Vec<u64>>,
    pub progress: Arc<Progress>,
}

impl Seen {
    pub fn numbered(numbers: Option<Vec<u64>>) -> Self {
        Self { numbers, ..Self::default() }
    }

    /// Looks at a message.
    #[inline]
    pub fn see<M: Load>(&mut self, message: &M) {
        self.raw(message.look());
        if let Some(numbers) = &mut self.numbers {
            let number = message.number();
            numbers[(number / 64) as usize] |= 1 << (number % 64);
        }
    }

    /// Looks at a message that is the receiver's own, and drops it.
    #[inline]
    #[expect(clippy::needless_pass_by_value, reason = "it is dropped here")]
    pub fn take<M: Load>(&mut self, message: M) {
        self.see(&message);
    }

    /// What was looked at.
    #[inline]
    pub fn raw(&mut self, look: u64) {
        self.count += 1;
        self.sum = self.sum.wrapping_add(look);
    }

    /// Tells the watchdog; called after each receive.
    #[inline]
    pub fn publish(&self) {
        self.progress.0.store(self.count, Ordering::Relaxed);
        std::hint::black_box(self.sum);
    }
}

/// A message of the workloads.
pub trait Load:
    Topic<Codec = Native> + Clone + Serialize + DeserializeOwned + Send + Sync + Unpin + 'static
{
    /// Messages that a queue of it holds at most.
    const CAPACITY: usize;

    /// Something of it.
    fn look(&self) -> u64;

    /// Its number, where duplicates are looked for.
    fn number(&self) -> u64 {
        0
    }
}

/// What happens in a full topic of memq.
pub const DROP: u8 = 0;
/// The publisher waits; the topic keeps what was read, within its limits.
pub const WAIT: u8 = 1;
/// The publisher waits; the topic frees what was read, as a channel does.
pub const CONSUME: u8 = 2;

const fn spec(name: &'static str, capacity: usize, mode: u8) -> TopicSpec {
    let spec = TopicSpec::new(name).max_messages(capacity);
    match mode {
        DROP => spec,
        WAIT => spec.overflow(Overflow::Wait),
        _ => spec.overflow(Overflow::Wait).retain(Retain::UntilConsumed),
    }
}

/// Bytes that are shared.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Blob<const CAPACITY: usize, const MODE: u8>(#[serde(with = "as_vec")] pub Bytes);

impl<const CAPACITY: usize, const MODE: u8> Topic for Blob<CAPACITY, MODE> {
    type Codec = Native;
    const SPEC: TopicSpec = spec("blobs", CAPACITY, MODE);
}

impl<const CAPACITY: usize, const MODE: u8> Load for Blob<CAPACITY, MODE> {
    const CAPACITY: usize = CAPACITY;

    #[inline]
    fn look(&self) -> u64 {
        self.0.len() as u64
    }
}

/// Bytes with a number, so that duplicates are found.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Job {
    pub number: u64,
    #[serde(with = "as_vec")]
    pub bytes: Bytes,
}

impl Topic for Job {
    type Codec = Native;
    const SPEC: TopicSpec = spec("jobs", CAPACITY, WAIT);
}

impl Load for Job {
    const CAPACITY: usize = CAPACITY;

    #[inline]
    fn look(&self) -> u64 {
        self.bytes.len() as u64
    }

    #[inline]
    fn number(&self) -> u64 {
        self.number
    }
}

/// A struct of 64 bytes.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Point<const CAPACITY: usize, const MODE: u8>(pub [u64; 8]);

impl<const CAPACITY: usize, const MODE: u8> Topic for Point<CAPACITY, MODE> {
    type Codec = Native;
    const SPEC: TopicSpec = spec("points", CAPACITY, MODE);
}

impl<const CAPACITY: usize, const MODE: u8> Load for Point<CAPACITY, MODE> {
    const CAPACITY: usize = CAPACITY;

    #[inline]
    fn look(&self) -> u64 {
        self.0[7]
    }
}

/// What a queue holds where the workload does not say otherwise.
pub const CAPACITY: usize = 1024;

/// Only so that peers which ask for serde take the type: native messages are never written.
mod as_vec {
    use super::Bytes;
    use serde::{Deserialize, Deserializer, Serializer};

    pub(super) fn serialize<S: Serializer>(bytes: &Bytes, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_bytes(bytes)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Bytes, D::Error> {
        Vec::<u8>::deserialize(from).map(Bytes::from)
    }
}
