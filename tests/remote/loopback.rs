//! A back end over the in-memory broker: it keeps records in topics of another broker, and does by
//! tasks and windows what one on a network would. Several of them over one broker are several
//! processes on one server.

mod groups;
mod publishing;
mod reading;
mod topic;

use std::collections::{BTreeMap, HashMap};
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering::SeqCst};
use std::sync::{Arc, Mutex};
use std::task::{Context, Waker};

use futures_util::FutureExt as _;
use memq::spi::*;
use memq::{Broker, GroupStats, Timestamp, TopicName};
use tokio::sync::watch;

use self::topic::Topic;

/// A server: what is kept there outlives the connections to it.
#[derive(Clone, Debug)]
pub struct Server {
    broker: Broker,
    topics: Arc<Mutex<BTreeMap<TopicName, Arc<Kept>>>>,
    created: Arc<AtomicUsize>,
}

/// What the server knows of a topic beside its messages.
#[derive(Debug)]
struct Kept {
    name: TopicName,
    incarnation: Incarnation,
    said: Mutex<TopicRequest>,
    /// Whether there was a publisher, so that its options stay as they are.
    settled: AtomicBool,
    groups: Mutex<HashMap<String, GroupRules>>,
    /// Messages that each group was told to forget.
    forgotten: Mutex<HashMap<String, u64>>,
}

impl Kept {
    /// What the broker inside has of a group; to it a message that is to be forgotten is settled.
    fn told(&self, mut stats: GroupStats) -> GroupStats {
        let forgotten = self.forgotten.lock().unwrap().get(&stats.name).copied().unwrap_or(0);
        stats.settled -= forgotten;
        stats.dead_lettered += forgotten;
        stats
    }
}

/// A connection to a server.
#[derive(Clone, Debug)]
pub struct Loopback(Arc<Connection>);

#[derive(Debug)]
struct Connection {
    server: Server,
    capabilities: Capabilities,
    window: usize,
    over: watch::Sender<bool>,
    readers: Mutex<Vec<Waker>>,
    /// Messages of which the next answers are lost on the way, after they were stored.
    lose: AtomicUsize,
    /// How often who reads is told that the server is away.
    away: AtomicUsize,
    /// What was stored by this many nanoseconds expires on its way from the server; 0 where none is said.
    expired: AtomicU64,
    /// Whether what is to be confirmed gets no answer, and is not done.
    silent: AtomicBool,
    /// How many messages at most members have asked for, each time.
    asked: Mutex<Vec<usize>>,
    /// How many messages the last member wanted to have fetched ahead.
    prefetch: Mutex<Option<usize>>,
    /// Of how many that are to be confirmed the answers are lost on the way; they are not done.
    unheard: AtomicUsize,
}

impl Server {
    pub fn start() -> Self {
        // No two servers number their topics alike.
        let created = Arc::new(AtomicUsize::new(fastrand::usize(..1 << 40)));
        Self { broker: Broker::new(), topics: Arc::default(), created }
    }

    /// The broker that keeps its topics.
    pub fn inside(&self) -> &Broker {
        &self.broker
    }

    /// A connection with a window of this many messages.
    pub fn connect(&self, window: usize) -> Loopback {
        self.connect_with(window, able())
    }

    /// One that says of itself that it can do no more than this.
    pub fn connect_with(&self, window: usize, capabilities: Capabilities) -> Loopback {
        Loopback(Arc::new(Connection {
            server: self.clone(),
            capabilities,
            window,
            over: watch::Sender::new(false),
            readers: Mutex::default(),
            lose: AtomicUsize::new(0),
            away: AtomicUsize::new(0),
            expired: AtomicU64::new(0),
            silent: AtomicBool::new(false),
            asked: Mutex::default(),
            prefetch: Mutex::default(),
            unheard: AtomicUsize::new(0),
        }))
    }
}

impl Connection {
    /// Whether the server is away for whoever reads now.
    fn is_away(&self) -> bool {
        self.away.fetch_update(SeqCst, SeqCst, |left| left.checked_sub(1)).is_ok()
    }
}

/// What a loopback can do. Why messages went is not told to readers.
pub fn able() -> Capabilities {
    Capabilities::IN_MEMORY
        .without(Capability::DropCauses)
        .without(Capability::Native)
        .without(Capability::PublishNow)
        .without(Capability::Reserve)
}

impl Loopback {
    /// A broker over this connection.
    pub fn broker(&self) -> Broker {
        Broker::over(Arc::new(self.clone()))
    }

    /// Loses the answers to the next messages, after they were stored.
    pub fn lose(&self, answers: usize) {
        self.0.lose.store(answers, SeqCst);
    }

    /// What members have asked for since this was asked last.
    pub fn asked(&self) -> Vec<usize> {
        std::mem::take(&mut self.0.asked.lock().unwrap())
    }

    /// How many messages the last member wanted to have fetched ahead, if it said that.
    pub fn prefetch(&self) -> Option<usize> {
        *self.0.prefetch.lock().unwrap()
    }

    /// Tells who reads this often that the server is away: members, and subscribers.
    pub fn go_away(&self, times: usize) {
        self.0.away.store(times, SeqCst);
    }

    /// Lets what was stored at this time or before expire on its way.
    pub fn expire(&self, at: Timestamp) {
        self.0.expired.store(at.as_nanos(), SeqCst);
    }

    /// Lets what is to be confirmed have no answer, and be not done.
    pub fn fall_silent(&self, silent: bool) {
        self.0.silent.store(silent, SeqCst);
    }

    /// Loses the next ones that are to be confirmed, on their way there.
    pub fn hear_nothing(&self, times: usize) {
        self.0.unheard.store(times, SeqCst);
    }

    fn find(&self, name: &TopicName) -> Option<Topic> {
        let kept = self.0.server.topics.lock().unwrap().get(name)?.clone();
        Some(Topic { connection: self.0.clone(), kept })
    }
}

/// An answer that is there already.
fn now<T: Send + 'static>(answer: T) -> Boxed<T> {
    Box::pin(std::future::ready(answer))
}

/// What the in-memory broker answers without waiting.
fn at_once<T>(answer: impl Future<Output = T>) -> T {
    answer.now_or_never().expect("the in-memory broker waits")
}

impl Transport for Loopback {
    fn name(&self) -> &str {
        "loopback"
    }

    fn capabilities(&self) -> Capabilities {
        self.0.capabilities
    }

    fn open(&self, request: TopicRequest) -> Boxed<Result<Arc<dyn RemoteTopic>, OpenFault>> {
        let server = &self.0.server;
        let mut topics = server.topics.lock().unwrap();
        let kept = topics.entry(request.name.clone()).or_insert_with(|| {
            Arc::new(Kept {
                name: request.name.clone(),
                incarnation: Incarnation(server.created.fetch_add(1, SeqCst) as u128),
                said: Mutex::new(TopicRequest::new(request.name.clone())),
                settled: AtomicBool::new(false),
                groups: Mutex::default(),
                forgotten: Mutex::default(),
            })
        });
        let topic = Topic { connection: self.0.clone(), kept: kept.clone() };
        now(topic.settle(&request).map(|()| Arc::new(topic) as Arc<dyn RemoteTopic>))
    }

    fn find(&self, name: &TopicName) -> Boxed<Result<Option<Arc<dyn RemoteTopic>>, Fault>> {
        let found = self.find(name);
        now(Ok(found.map(|topic| Arc::new(topic) as Arc<dyn RemoteTopic>)))
    }

    fn topics(&self) -> Boxed<Result<Vec<TopicName>, Fault>> {
        now(Ok(self.0.server.topics.lock().unwrap().keys().cloned().collect()))
    }

    fn delete(&self, name: &TopicName) -> Boxed<Result<bool, Fault>> {
        let server = &self.0.server;
        let removed = server.topics.lock().unwrap().remove(name).is_some();
        if removed {
            at_once(server.broker.delete(name)).unwrap();
        }
        now(Ok(removed))
    }

    fn run(&self, work: Boxed<()>) {
        tokio::spawn(work);
    }

    fn shut_down(&self) {
        self.0.over.send_replace(true);
        self.0.readers.lock().unwrap().drain(..).for_each(Waker::wake);
    }
}

impl Connection {
    /// Whether it is over; if not, the task is woken when it is.
    fn poll_over(&self, cx: &mut Context<'_>) -> bool {
        self.readers.lock().unwrap().push(cx.waker().clone());
        *self.over.borrow()
    }
}
