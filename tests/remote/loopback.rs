//! A back end over the in-memory broker: it keeps records in topics of another broker, and does by
//! tasks and windows what one on a network would. Several of them over one broker are several
//! processes on one server.
#![allow(dead_code, reason = "each test file uses a part of it")]

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::fmt;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use futures_util::FutureExt as _;
use memq::spi::*;
use memq::{
    Broker, CommitError, Consumer, GroupStats, Lease, Message, Offset, OpenError, PublishError,
    Publisher, Record, RecvError, SeekError, SettleError, Start, Subscriber, TopicBuilder,
    TopicName, TopicOptions, TopicStats,
};
use tokio::sync::{Semaphore, mpsc, oneshot, watch};

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
    /// How often members are told that the server is away.
    away: AtomicUsize,
    /// Whether what is to be confirmed gets no answer, and is not done.
    silent: AtomicBool,
}

impl Server {
    pub fn start() -> Self {
        Self { broker: Broker::new(), topics: Arc::default(), created: Arc::default() }
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
            silent: AtomicBool::new(false),
        }))
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

    /// Tells members this often that the server is away.
    pub fn go_away(&self, times: usize) {
        self.0.away.store(times, SeqCst);
    }

    /// Lets what is to be confirmed have no answer, and be not done.
    pub fn fall_silent(&self, silent: bool) {
        self.0.silent.store(silent, SeqCst);
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

#[derive(Clone, Debug)]
struct Topic {
    connection: Arc<Connection>,
    kept: Arc<Kept>,
}

impl Topic {
    /// Says what nobody has said, and compares the rest.
    fn settle(&self, request: &TopicRequest) -> Result<(), OpenFault> {
        let mut said = self.kept.said.lock().unwrap();
        if !self.kept.settled.load(SeqCst) {
            said.compression = said.compression.or(request.compression);
            said.dictionary = said.dictionary.or(request.dictionary);
            said.ttl = said.ttl.or(request.ttl);
            said.max_messages = said.max_messages.or(request.max_messages);
            said.max_bytes = said.max_bytes.or(request.max_bytes);
            said.overflow = said.overflow.or(request.overflow);
            said.partitions = said.partitions.or(request.partitions);
            said.dedup = said.dedup.or(request.dedup);
            said.retain = said.retain.or(request.retain);
            if said.stages.is_empty() {
                said.stages = request.stages.clone();
            }
        }
        said.format = said.format.or(request.format);
        let has = said.over(TopicOptions::default());
        request.compare(&has, &said.stages)?;
        drop(said);
        at_once(self.inside().create()).map_err(unavailable)?;
        Ok(())
    }

    /// The topic of the broker inside.
    fn inside(&self) -> TopicBuilder<'_, Record> {
        let said = self.kept.said.lock().unwrap().clone();
        let mut inside = self.connection.server.broker.topic(self.kept.name.as_str());
        if let Some(ttl) = said.ttl {
            inside = inside.ttl(ttl);
        }
        if let Some(max) = said.max_messages {
            inside = inside.max(max);
        }
        if let Some(max) = said.max_bytes {
            inside = inside.max_bytes(max);
        }
        if let Some(overflow) = said.overflow {
            inside = inside.overflow(overflow);
        }
        if let Some(partitions) = said.partitions {
            inside = inside.partitions(partitions);
        }
        if let Some(window) = said.dedup {
            inside = inside.dedup(window);
        }
        if let Some(retain) = said.retain {
            inside = inside.retain(retain);
        }
        inside
    }

    /// Whether it is still the topic of its name.
    fn is_there(&self) -> Result<(), Fault> {
        let topics = self.connection.server.topics.lock().unwrap();
        match topics.get(&self.kept.name) {
            Some(kept) if Arc::ptr_eq(kept, &self.kept) => Ok(()),
            _ => Err(Fault::Deleted),
        }
    }
}

fn unavailable(error: OpenError) -> Fault {
    Fault::Unavailable(error.into())
}

fn not_opened(error: OpenError) -> OpenFault {
    match error {
        OpenError::BeyondEnd { requested, end, .. } => OpenFault::BeyondEnd { requested, end },
        error => unavailable(error).into(),
    }
}

impl RemoteTopic for Topic {
    fn name(&self) -> &TopicName {
        &self.kept.name
    }

    fn incarnation(&self) -> Incarnation {
        self.kept.incarnation
    }

    fn options(&self) -> TopicOptions {
        self.kept.said.lock().unwrap().over(TopicOptions::default())
    }

    fn stages(&self) -> Vec<String> {
        self.kept.said.lock().unwrap().stages.clone()
    }

    fn publisher(&self) -> Boxed<Result<Arc<dyn RemotePublisher>, OpenFault>> {
        let topic = self.clone();
        Box::pin(async move {
            topic.is_there()?;
            topic.kept.settled.store(true, SeqCst);
            let inside = topic.inside().publisher().await.map_err(not_opened)?;
            let publisher: Arc<dyn RemotePublisher> =
                Arc::new(Window::open(topic.connection.clone(), inside));
            Ok(publisher)
        })
    }

    fn reader(&self, request: ReaderRequest) -> Boxed<Result<Box<dyn RemoteReader>, OpenFault>> {
        let topic = self.clone();
        Box::pin(async move {
            topic.is_there()?;
            let inside = topic.inside().subscriber().keep_sealed().from(request.start);
            let inside = inside.await.map_err(not_opened)?;
            let (start, connection) = (inside.position(), topic.connection.clone());
            let reader: Box<dyn RemoteReader> = Box::new(Reader { connection, inside, start });
            Ok(reader)
        })
    }

    fn group(&self, request: GroupRequest) -> Boxed<Result<Box<dyn RemoteGroup>, OpenFault>> {
        let topic = self.clone();
        Box::pin(async move {
            topic.is_there()?;
            let rules = topic.kept.groups.lock().unwrap().get(&*request.name).cloned();
            if let Some(rules) = rules.filter(|rules| *rules != request.rules) {
                return Err(OpenFault::Rules(Box::new(rules)));
            }
            let reading = topic.inside().subscriber().keep_sealed().from(request.start);
            let mut inside = reading
                .group(&*request.name)
                .max_in_flight(request.max_in_flight)
                .without_dead_letters();
            if request.rules.order == GroupOrder::Any {
                inside = inside.any_order();
            }
            if request.rules.auto_ack {
                inside = inside.auto_ack();
            } else {
                inside = inside.ack_deadline(request.rules.ack_deadline);
            }
            if let Some(most) = request.rules.max_in_flight {
                inside = inside.group_max_in_flight(most);
            }
            let inside = inside.await.map_err(not_opened)?;
            let deadline = request.rules.ack_deadline;
            topic.kept.groups.lock().unwrap().insert(request.name.to_string(), request.rules);
            let (connection, retired) = (topic.connection.clone(), false);
            let kept = topic.kept.clone();
            let member = Member { connection, kept, inside, retired, deadline, lagged: 0 };
            let member: Box<dyn RemoteGroup> = Box::new(member);
            Ok(member)
        })
    }

    fn group_rules(&self, group: &str) -> Boxed<Result<Option<GroupRules>, Fault>> {
        let rules = self.kept.groups.lock().unwrap().get(group).cloned();
        now(self.is_there().map(|()| rules))
    }

    fn delete_group(&self, group: &str) -> Boxed<Result<bool, Fault>> {
        let deleted = self.kept.groups.lock().unwrap().remove(group).is_some();
        self.kept.forgotten.lock().unwrap().remove(group);
        if deleted {
            at_once(self.connection.server.broker.delete_group(&self.kept.name, group)).unwrap();
        }
        now(self.is_there().map(|()| deleted))
    }

    fn stats(&self) -> Boxed<Result<TopicStats, Fault>> {
        let stats = at_once(self.connection.server.broker.stats(&self.kept.name));
        let stats = stats.map(|mut stats| {
            stats.groups = stats.groups.into_iter().map(|group| self.kept.told(group)).collect();
            stats
        });
        now(self.is_there().and_then(|()| stats.map_err(|_| Fault::Deleted)))
    }

    fn close(&self) -> Boxed<Result<(), Fault>> {
        let closed = at_once(self.connection.server.broker.close(&self.kept.name));
        now(self.is_there().and_then(|()| closed.map_err(|_| Fault::Deleted)))
    }
}

/// What is done for a publisher, one after the other.
enum Work {
    Store(Box<Outgoing>, Promise),
    Tell(oneshot::Sender<()>),
}

/// A publisher's window: what is admitted waits for a task that stores it.
struct Window {
    connection: Arc<Connection>,
    places: Arc<Semaphore>,
    work: mpsc::UnboundedSender<Work>,
}

impl Window {
    fn open(connection: Arc<Connection>, publisher: Publisher<Record>) -> Self {
        let places = Arc::new(Semaphore::new(connection.window));
        let (work, mut to_do) = mpsc::unbounded_channel();
        let (answering, free) = (connection.clone(), places.clone());
        tokio::spawn(async move {
            while let Some(work) = to_do.recv().await {
                match work {
                    Work::Store(message, promise) => {
                        let mut over = answering.over.subscribe();
                        // What finds no room by then is not stored.
                        let stored = tokio::select! {
                            biased;
                            stored = store(&publisher, *message) => stored,
                            _ = over.wait_for(|over| *over) => Err(PublishFault::Closed),
                        };
                        let lost = |left: usize| left.checked_sub(1);
                        if answering.lose.fetch_update(SeqCst, SeqCst, lost).is_err() {
                            promise.keep(stored);
                        }
                        free.add_permits(1);
                    }
                    Work::Tell(done) => drop(done.send(())),
                }
            }
        });
        Self { connection, places, work }
    }
}

async fn store(publisher: &Publisher<Record>, message: Outgoing) -> Result<Stored, PublishFault> {
    let mut publish = publisher.publish(message.record);
    if let Some(partition) = message.partition {
        publish = publish.partition(partition);
    }
    if let Some(id) = &message.id {
        publish = publish.id(id);
    }
    if let Some(within) = message.within {
        publish = publish.within(within);
    }
    publish.await.map(Stored::at).map_err(|error| match error {
        PublishError::Full(_) => PublishFault::Full,
        PublishError::Timeout(_) => PublishFault::Timeout,
        PublishError::Closed(_) => PublishFault::Closed,
        PublishError::Deleted(_) => Fault::Deleted.into(),
        PublishError::TooLarge { bytes, max_bytes, .. } => {
            PublishFault::TooLarge { bytes, max_bytes }
        }
        error => Fault::Unavailable(error.split().0.into()).into(),
    })
}

impl RemotePublisher for Window {
    fn submit(
        &self,
        messages: &mut VecDeque<Outgoing>,
        receipts: &mut Vec<Receipt>,
    ) -> Result<(), PublishFault> {
        if *self.connection.over.borrow() {
            return Err(PublishFault::Closed);
        }
        while !messages.is_empty() {
            let Ok(place) = self.places.try_acquire() else { break };
            place.forget();
            let (promise, receipt) = Receipt::pair();
            let message = messages.pop_front().unwrap();
            drop(self.work.send(Work::Store(Box::new(message), promise)));
            receipts.push(receipt);
        }
        Ok(())
    }

    fn room(&self) -> Boxed<()> {
        let places = self.places.clone();
        Box::pin(async move { drop(places.acquire().await) })
    }

    fn flush(&self) -> Boxed<()> {
        let (done, told) = oneshot::channel();
        drop(self.work.send(Work::Tell(done)));
        Box::pin(async move { drop(told.await) })
    }
}

impl fmt::Debug for Window {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Window").field("places", &self.places).finish_non_exhaustive()
    }
}

#[derive(Debug)]
struct Reader {
    connection: Arc<Connection>,
    inside: Subscriber<Record>,
    start: Offset,
}

impl Connection {
    /// Whether it is over; if not, the task is woken when it is.
    fn poll_over(&self, cx: &mut Context<'_>) -> bool {
        self.readers.lock().unwrap().push(cx.waker().clone());
        *self.over.borrow()
    }
}

fn incoming(message: Message<Record>) -> Incoming {
    let (offset, at) = (message.offset(), message.published_at());
    let partition = message.partition();
    let mut incoming = Incoming::new(offset, at, message.into_inner());
    incoming.partition = partition;
    incoming
}

fn ended(error: RecvError) -> ReadEnd {
    match error {
        RecvError::Closed => ReadEnd::Closed,
        RecvError::GroupDeleted => ReadEnd::GroupDeleted,
        RecvError::Deleted => Fault::Deleted.into(),
        error => Fault::Unavailable(error.into()).into(),
    }
}

impl RemoteReader for Reader {
    fn start(&self) -> Offset {
        self.start
    }

    fn poll_next(
        &mut self,
        max: usize,
        into: &mut Vec<Incoming>,
        cx: &mut Context<'_>,
    ) -> Poll<Result<(), ReadEnd>> {
        let before = into.len();
        while into.len() < before + max {
            match self.inside.poll_recv(cx) {
                Poll::Ready(Ok(message)) => into.push(incoming(message)),
                // It is seen by the gap.
                Poll::Ready(Err(RecvError::Lagged { .. })) => {}
                // It says so again.
                Poll::Ready(Err(_)) if into.len() > before => break,
                Poll::Ready(Err(error)) => return Poll::Ready(Err(ended(error))),
                Poll::Pending => break,
            }
        }
        if into.len() > before {
            return Poll::Ready(Ok(()));
        }
        if self.connection.poll_over(cx) {
            Poll::Ready(Err(ReadEnd::Closed))
        } else {
            Poll::Pending
        }
    }

    fn end(&self) -> Offset {
        let stats = self.inside.stats();
        Offset(stats.position.0 + stats.lag)
    }
}

#[derive(Debug)]
struct Member {
    connection: Arc<Connection>,
    kept: Arc<Kept>,
    inside: Consumer<Record>,
    retired: bool,
    deadline: Duration,
    /// What is to be told of what was removed.
    lagged: u64,
}

impl RemoteGroup for Member {
    fn member(&self) -> u64 {
        self.inside.id()
    }

    fn poll_next(
        &mut self,
        max: usize,
        into: &mut Vec<Handed>,
        cx: &mut Context<'_>,
    ) -> Poll<Result<(), ReadEnd>> {
        let away = |left: usize| left.checked_sub(1);
        if self.connection.away.fetch_update(SeqCst, SeqCst, away).is_ok() {
            return Poll::Ready(Err(Fault::Unavailable("the server is away".into()).into()));
        }
        let before = into.len();
        while into.len() < before + max && !self.retired {
            match self.inside.poll_recv(cx) {
                Poll::Ready(Ok(delivery)) => {
                    let attempt = delivery.attempt();
                    let (message, lease) = delivery.into_parts();
                    let held = Held {
                        lease: Mutex::new(Some(lease)),
                        connection: self.connection.clone(),
                        kept: self.kept.clone(),
                        group: self.inside.group().into(),
                        deadline: self.deadline,
                    };
                    let token = Box::new(held) as Box<dyn Token>;
                    into.push(Handed::new(incoming(message), attempt, Some(token)));
                }
                Poll::Ready(Err(RecvError::Lagged { skipped, .. })) => {
                    self.lagged += skipped;
                    break;
                }
                Poll::Ready(Err(_)) if into.len() > before => break,
                Poll::Ready(Err(error)) => return Poll::Ready(Err(ended(error))),
                Poll::Pending => break,
            }
        }
        if into.len() > before {
            return Poll::Ready(Ok(()));
        }
        if self.lagged > 0 {
            let skipped = std::mem::take(&mut self.lagged);
            return Poll::Ready(Err(ReadEnd::Lagged { skipped }));
        }
        if self.connection.poll_over(cx) {
            Poll::Ready(Err(ReadEnd::Closed))
        } else {
            Poll::Pending
        }
    }

    fn retire(&mut self) {
        self.retired = true;
    }

    fn commit(&self, upto: Offset) -> Boxed<Result<(), MoveFault>> {
        now(at_once(self.inside.commit(upto)).map_err(|error| match error {
            CommitError::BeyondEnd { requested, end } => MoveFault::BeyondEnd { requested, end },
            CommitError::GroupDeleted => MoveFault::GroupDeleted,
            _ => Fault::Deleted.into(),
        }))
    }

    fn seek(&mut self, start: Start) -> Boxed<Result<Offset, MoveFault>> {
        let moved = at_once(self.inside.seek(start));
        if moved.is_ok() && start != Start::Committed {
            // Statistics start anew.
            self.kept.forgotten.lock().unwrap().remove(self.inside.group());
        }
        now(moved.map_err(|error| match error {
            SeekError::BeyondEnd { requested, end } => MoveFault::BeyondEnd { requested, end },
            SeekError::GroupDeleted => MoveFault::GroupDeleted,
            _ => Fault::Deleted.into(),
        }))
    }

    fn stats(&self) -> Option<GroupStats> {
        self.inside.stats().map(|stats| self.kept.told(stats))
    }
}

/// What settles a delivery of the broker inside.
#[derive(Debug)]
struct Held {
    lease: Mutex<Option<Lease<Record>>>,
    connection: Arc<Connection>,
    kept: Arc<Kept>,
    group: String,
    deadline: Duration,
}

/// Nobody settles by dropping it: the message stays with its member.
impl Drop for Held {
    fn drop(&mut self) {
        std::mem::forget(self.lease.lock().unwrap().take());
    }
}

impl Held {
    fn end(&self, how: Settle) -> Result<(), SettleFault> {
        let lease = self.lease.lock().unwrap().take().ok_or(SettleFault::AlreadySettled)?;
        let settled = match how {
            Settle::Return => {
                lease.nack_after(Duration::ZERO);
                Ok(())
            }
            Settle::Delay(delay) => {
                lease.nack_after(delay);
                Ok(())
            }
            how => {
                let settled = at_once(lease.ack_confirmed());
                if let (Settle::Forget, Ok(())) = (how, &settled) {
                    let mut forgotten = self.kept.forgotten.lock().unwrap();
                    *forgotten.entry(self.group.clone()).or_default() += 1;
                }
                settled
            }
        };
        settled.map_err(not_settled)
    }
}

fn not_settled(error: SettleError) -> SettleFault {
    match error {
        SettleError::AlreadySettled => SettleFault::AlreadySettled,
        SettleError::HandedOutAgain => SettleFault::HandedOutAgain,
        SettleError::Expired => SettleFault::Expired,
        SettleError::GroupDeleted => SettleFault::GroupDeleted,
        _ => Fault::Deleted.into(),
    }
}

impl Token for Held {
    fn settle(&self, how: Settle) -> Result<(), SettleFault> {
        self.end(how)
    }

    fn settle_confirmed(&self, how: Settle) -> Boxed<Result<(), SettleFault>> {
        if self.connection.silent.load(SeqCst) {
            return Box::pin(std::future::pending());
        }
        now(self.end(how))
    }

    fn extend(&self, by: Duration) -> Result<(), SettleFault> {
        let able = self.connection.capabilities.has(Capability::ExtendBy);
        let by = if able { by } else { self.deadline };
        let lease = self.lease.lock().unwrap();
        lease.as_ref().map_or(Err(SettleFault::AlreadySettled), |lease| {
            lease.extend_by(by).map_err(not_settled)
        })
    }
}
