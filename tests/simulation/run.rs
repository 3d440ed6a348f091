//! Takes each step with the real topic and with the model, and compares what both say.

mod members;

use std::cell::Cell;
use std::future::{Future, IntoFuture};
use std::pin::Pin;
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use memq::{
    Backoff, Broker, CommitError, Consumer, Delivery, Error, Offset, OpenError, Overflow,
    PublishError, Publisher, Publishing, Record, RecvError, SeekError, SettleError, Start,
    Subscriber,
};

use super::common::{Bell, settle_with, try_now};
use super::group::{Got, Refusal, Ticket};
use super::reference::{Model, Reader, Unpublished};
use super::steps::{Dead, GROUPS, How, Options, Place, Step};

const MEMBERS: usize = 8;
const READERS: usize = 3;

/// The real topic; what borrows from it is in [`Run`].
pub struct Opened {
    pub broker: Broker,
    publisher: Publisher<Record>,
    options: Options,
}

type Received = Result<Delivery<Record>, RecvError>;

type Receive = Pin<Box<dyn Future<Output = (Box<Consumer<Record>>, Option<Received>)>>>;

/// A consumer, or a receive that holds it and gives it back.
enum Hold {
    Idle(Box<Consumer<Record>>),
    Waiting { receive: Receive, stop: Rc<Cell<bool>> },
}

pub struct Mate {
    pub group: u64,
    pub member: u64,
    hold: Option<Hold>,
    bell: Arc<Bell>,
    /// How often the bell had rung when it went to sleep.
    parked_at: Option<usize>,
}

impl Mate {
    pub fn is_asleep(&self) -> bool {
        self.parked_at == Some(self.bell.rings())
    }

    /// Whether it waits in a receive, and was woken.
    pub fn is_called(&self) -> bool {
        self.parked_at.is_some() && !self.is_asleep() && self.is_waiting()
    }

    pub fn is_waiting(&self) -> bool {
        matches!(self.hold, Some(Hold::Waiting { .. }))
    }

    /// Whether its waker may be with the group.
    pub fn is_parked(&self) -> bool {
        self.parked_at.is_some()
    }

    pub fn consumer(&self) -> Option<&Consumer<Record>> {
        match &self.hold {
            Some(Hold::Idle(consumer)) => Some(consumer),
            _ => None,
        }
    }
}

struct Out {
    group: u64,
    name: usize,
    ticket: Ticket,
    delivery: Delivery<Record>,
}

pub struct Late<'t> {
    publishing: Publishing<'t, Record>,
    pub bell: Arc<Bell>,
    pub rings: usize,
    id: u64,
    key: Option<u8>,
}

pub struct Run<'t> {
    pub topic: &'t Opened,
    pub model: Model,
    pub mates: Vec<Mate>,
    out: Vec<Out>,
    readers: Vec<Subscriber<Record>>,
    pub late: Option<Late<'t>>,
    ids: u64,
    steps: usize,
}

pub fn millis(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

fn record(id: u64, key: Option<u8>) -> Record {
    Record::new(id.to_le_bytes().to_vec()).with_key(key)
}

pub fn id(record: &Record) -> u64 {
    u64::from_le_bytes(record.bytes()[..].try_into().unwrap())
}

fn refusal<T>(error: &PublishError<T>) -> Unpublished {
    match error {
        PublishError::Full(_) => Unpublished::Full,
        PublishError::Closed(_) => Unpublished::Closed,
        PublishError::Partition { .. } => Unpublished::Partition,
        PublishError::NoDedup(_) => Unpublished::NoDedup,
        other => panic!("{other}"),
    }
}

fn settled(result: Result<(), SettleError>) -> Result<(), Refusal> {
    result.map_err(|error| match error {
        SettleError::AlreadySettled => Refusal::AlreadySettled,
        SettleError::HandedOutAgain => Refusal::HandedOutAgain,
        SettleError::Expired => Refusal::Expired,
        SettleError::NoDeadLetterTopic => Refusal::NoDeadLetterTopic,
        SettleError::DeadLetter { source: PublishError::Full(()), .. } => Refusal::DeadLetter,
        SettleError::GroupDeleted => Refusal::GroupDeleted,
        other => panic!("{other}"),
    })
}

impl<'t> Run<'t> {
    pub async fn open(options: Options) -> Opened {
        let broker = Broker::new();
        let mut builder = broker.topic("log").partitions(options.partitions).max(options.max);
        builder = builder.overflow(options.overflow).retain(options.retain);
        if let Some(ttl) = options.ttl {
            builder = builder.ttl(millis(ttl));
        }
        if let Some(window) = options.dedup {
            builder = builder.dedup(millis(window));
        }
        let publisher = builder.publisher().await.unwrap();
        if let Some(max) = options.dead_max {
            let own = GROUPS.map(|group| format!("log.{group}.dead"));
            for grave in own.iter().map(String::as_str).chain(["graves"]) {
                broker.topic(grave).max(max).overflow(Overflow::Reject).create().await.unwrap();
            }
        }
        Opened { broker, publisher, options }
    }

    pub fn new(topic: &'t Opened) -> Self {
        Self {
            topic,
            model: Model::new(topic.options.clone()),
            mates: Vec::new(),
            out: Vec::new(),
            readers: Vec::new(),
            late: None,
            ids: 0,
            steps: 0,
        }
    }

    fn next_id(&mut self) -> u64 {
        self.ids += 1;
        self.ids
    }

    fn mate(&self, index: usize) -> Option<usize> {
        index.checked_rem(self.mates.len())
    }

    /// The consumer of a member that does not wait, and has moved since.
    fn idle(&mut self, index: usize) -> Option<(usize, &mut Consumer<Record>)> {
        let at = self.mate(index)?;
        match &mut self.mates[at].hold {
            Some(Hold::Idle(consumer)) => Some((at, consumer)),
            _ => None,
        }
    }

    pub async fn step(&mut self, step: Step) {
        self.model.settle();
        let advanced = matches!(step, Step::Advance(_));
        self.take(step).await;
        self.model.settle();
        // Right after time passed nobody has looked: the next step finds what nobody did yet.
        if !advanced {
            self.steps += 1;
            if self.steps % self.topic.options.look == 0 {
                self.check_numbers().await;
            }
            self.check_wakes();
        }
    }

    async fn take(&mut self, step: Step) {
        match step {
            Step::Publish { key, partition, id } => self.publish(key, partition, id),
            Step::Batch(keys) => self.batch(&keys),
            Step::Begin(key) => self.begin(key),
            Step::Resume => self.resume(),
            Step::Cancel => {
                self.late = None;
                self.model.queued = false;
            }
            Step::Join { group, most, place } if self.mates.len() < MEMBERS => {
                self.join(group, most, place).await;
            }
            Step::Join { .. } => {}
            Step::Leave(index) => {
                if let Some(at) = self.mate(index) {
                    let mate = self.mates.remove(at);
                    // It may still have to say that it no longer waits.
                    drop(mate.hold);
                    self.model.leave(mate.group, mate.member);
                }
            }
            Step::TryRecv(index) => {
                if let Some((at, consumer)) = self.idle(index) {
                    let received = consumer.try_recv().transpose();
                    // Where there is nothing it is still to be woken.
                    if received.is_some() {
                        self.mates[at].parked_at = None;
                    }
                    self.received(at, received);
                }
            }
            Step::RecvBatch(index, max) => self.receive_batch(index, max),
            Step::Wait(index) => {
                if let Some(at) = self.mate(index) {
                    self.wait(at);
                }
            }
            Step::Poll(index) => {
                if let Some((at, _)) = self.idle(index) {
                    self.poll(at);
                }
            }
            Step::StopWaiting(index) => {
                if let Some(at) = self.mate(index) {
                    self.stop(at);
                }
            }
            Step::Run(first) => self.run(first),
            Step::Settle(index, how) => {
                if let Some(at) = index.checked_rem(self.out.len()) {
                    self.settle(at, how).await;
                }
            }
            Step::Commit(index, part) => self.commit(index, part).await,
            Step::Seek(index, place) => self.seek(index, place).await,
            Step::Subscribe(place) if self.readers.len() < READERS => {
                let start = self.start(place);
                let opened = self.topic.broker.topic("log").subscriber().from(start).await;
                match (opened, self.model.resolve(place)) {
                    (Err(OpenError::Option { option: "from", .. }), _) => {
                        assert_eq!(start, Start::Committed);
                    }
                    (Err(OpenError::BeyondEnd { requested, .. }), Err(offset)) => {
                        assert_eq!(requested.0, offset);
                    }
                    (Ok(subscriber), Ok(position)) => {
                        self.readers.push(subscriber);
                        self.model.readers.push(Reader { position, skipped: 0 });
                    }
                    (real, model) => panic!("{real:?} where the model says {model:?}"),
                }
            }
            Step::Subscribe(_) => {}
            Step::Unsubscribe(index) => {
                if let Some(at) = index.checked_rem(self.readers.len()) {
                    self.readers.remove(at);
                    self.model.readers.remove(at);
                }
            }
            Step::Read(index) => self.read(index),
            Step::DeleteGroup(name) => {
                let deleted = self.topic.broker.delete_group("log", GROUPS[name]).await;
                let before = self.model.groups.len();
                self.model.groups.retain(|group| group.name != name);
                assert_eq!(deleted.is_ok(), self.model.groups.len() < before);
            }
            Step::Redrive(name, even) => self.redrive(name, even),
            Step::Advance(by) => {
                // A timer comes up to a millisecond late.
                tokio::time::advance(millis(by)).await;
                tokio::time::advance(millis(1)).await;
                self.model.now += by + 1;
                self.check_timers();
            }
            Step::Close => {
                self.topic.broker.close("log").await.unwrap();
                self.model.closed = true;
            }
        }
    }

    pub fn start(&self, place: Place) -> Start {
        match place {
            Place::Earliest => Start::Earliest,
            Place::Latest => Start::Latest,
            Place::Last(count) => Start::Last(count),
            Place::Part(part) => {
                Start::Offset(Offset((self.model.log.tail() * part).div_ceil(100)))
            }
            Place::Committed => Start::Committed,
        }
    }

    // Publishing.

    fn publish(&mut self, key: Option<u8>, partition: Option<u16>, dedup: Option<u8>) {
        let id = self.next_id();
        let mut publish = self.topic.publisher.publish(record(id, key));
        if let Some(partition) = partition {
            publish = publish.partition(partition);
        }
        if let Some(dedup) = dedup {
            publish = publish.id(dedup.to_string());
        }
        let real = try_now(publish.into_future());
        let model = self.model.publish(id, key, partition, dedup);
        let waits = self.topic.options.overflow == Overflow::Wait;
        match real {
            Some(real) => {
                assert_eq!(real.map(|at| at.0).map_err(|error| refusal(&error)), model);
                self.model.rejected += u64::from(model == Err(Unpublished::Full));
            }
            None => assert!(waits && model == Err(Unpublished::Full), "{model:?}"),
        }
    }

    fn batch(&mut self, keys: &[Option<u8>]) {
        let ids: Vec<u64> = keys.iter().map(|_| self.next_id()).collect();
        let records: Vec<_> = ids.iter().zip(keys).map(|(id, key)| record(*id, *key)).collect();
        let real = try_now(self.topic.publisher.publish_batch(records));
        let mut stored = Vec::new();
        let mut refused = None;
        for (id, key) in ids.iter().zip(keys) {
            match self.model.publish(*id, *key, None, None) {
                Ok(offset) => stored.push(Offset(offset)),
                Err(refusal) => {
                    refused = Some(refusal);
                    break;
                }
            }
        }
        match (real, refused) {
            (Some(Ok(real)), None) => assert_eq!(real, stored),
            (Some(Err(error)), Some(refused)) => {
                assert_eq!((refusal(&error.reason), &error.published), (refused, &stored));
                if refused == Unpublished::Full {
                    self.model.rejected += error.rest.len() as u64;
                }
            }
            (None, Some(Unpublished::Full)) => {
                assert_eq!(self.topic.options.overflow, Overflow::Wait);
            }
            (real, model) => panic!("{real:?} where the model says {model:?}"),
        }
    }

    fn begin(&mut self, key: Option<u8>) {
        if self.late.is_none() {
            let id = self.next_id();
            let publishing = self.topic.publisher.publish(record(id, key)).into_future();
            self.late = Some(Late { publishing, bell: Bell::new(), rings: 0, id, key });
            self.resume();
        }
    }

    /// Polls the publish that waits: it is stored if there is room, and dated now.
    fn resume(&mut self) {
        let Some(mut late) = self.late.take() else { return };
        self.model.queued = false;
        let model = self.model.publish(late.id, late.key, None, None);
        match settle_with(&late.bell, &mut late.publishing) {
            Poll::Ready(real) => {
                assert_eq!(real.map(|at| at.0).map_err(|error| refusal(&error)), model);
                self.model.rejected += u64::from(model == Err(Unpublished::Full));
            }
            Poll::Pending => {
                assert_eq!(model, Err(Unpublished::Full));
                self.model.queued = true;
                late.rings = late.bell.rings();
                self.late = Some(late);
            }
        }
    }

    // Members.

    async fn commit(&mut self, index: usize, part: u64) {
        let offset = self.model.log.tail() * part / 100;
        let Some((at, consumer)) = self.idle(index) else { return };
        let real = consumer.commit(offset).await;
        let (group, tail) = (self.mates[at].group, self.model.log.tail());
        if offset >= tail {
            let (requested, end) = (Offset(offset), Offset(tail));
            return assert_eq!(real, Err(CommitError::BeyondEnd { requested, end }));
        }
        self.model.settle();
        match self.model.groups.iter_mut().find(|found| found.id == group) {
            None => assert_eq!(real, Err(CommitError::GroupDeleted)),
            Some(group) => {
                assert_eq!(real, Ok(()));
                group.tell(&self.model.log);
                group.commit(offset);
            }
        }
    }

    async fn seek(&mut self, index: usize, place: Place) {
        let start = self.start(place);
        let Some((at, consumer)) = self.idle(index) else { return };
        let real = consumer.seek(start).await;
        let (group, member) = (self.mates[at].group, self.mates[at].member);
        match (real, self.model.seek(group, place)) {
            (Ok(real), Ok(position)) => {
                assert_eq!(real.0, position);
                if start != Start::Committed {
                    self.model.pending.remove(&(group, member));
                }
            }
            (Err(SeekError::BeyondEnd { requested, .. }), Err(offset)) => {
                assert_eq!(requested.0, offset);
            }
            (Err(SeekError::GroupDeleted), Ok(_)) => assert!(self.model.group(group).is_none()),
            (real, model) => panic!("{real:?} where the model says {model:?}"),
        }
    }

    fn read(&mut self, index: usize) {
        let Some(at) = index.checked_rem(self.readers.len()) else { return };
        let reader = &mut self.model.readers[at];
        let (position, log) = (reader.position, &self.model.log);
        match self.readers[at].try_recv() {
            Ok(Some(message)) => {
                assert_eq!((message.offset().0, id(&message)), (position, log.at(position).id));
                reader.position += 1;
            }
            Ok(None) => assert_eq!(position, log.tail()),
            Err(RecvError::Closed) => assert!(self.model.closed && position == log.tail()),
            Err(RecvError::Lagged { skipped, .. }) => {
                assert_eq!(position + skipped, log.head);
                reader.skipped += skipped;
                reader.position = log.head;
            }
            Err(other) => panic!("{other}"),
        }
    }

    fn redrive(&mut self, name: usize, even: bool) {
        let dead = self.topic.broker.topic("log").dead_letters(GROUPS[name]);
        let real = try_now(dead.redrive(|_, why| (why.offset.0 % 2 == 0) == even));
        let rules = self.topic.options.groups[name];
        let exists = self.model.groups.iter().any(|group| group.name == name);
        if !exists || Model::grave(name, &rules).is_none() {
            let real = real.unwrap();
            return assert!(
                matches!(
                    real,
                    Err(Error::Open(OpenError::NoGroup { .. } | OpenError::NoDeadLetters { .. }))
                ),
                "{real:?}"
            );
        }
        match (real, self.model.redrive(name, even)) {
            (Some(Ok(real)), (done, left, None)) => {
                assert_eq!((real.redriven, real.left), (done, left))
            }
            (Some(Err(Error::Publish(real))), (_, _, Some(stopped))) => {
                assert_eq!(refusal(&real), stopped);
            }
            (None, (_, _, Some(Unpublished::Full))) => {
                assert_eq!(self.topic.options.overflow, Overflow::Wait);
            }
            (real, model) => panic!("{real:?} where the model says {model:?}"),
        }
    }

    /// Gives back everything that is out, as done.
    pub async fn acknowledge_all(&mut self) {
        while !self.out.is_empty() {
            self.settle(0, How::Ack).await;
        }
    }
}
