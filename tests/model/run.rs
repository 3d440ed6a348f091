//! Takes each step with the real topic and with the model, and compares.

use std::future::IntoFuture;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use memq::{
    AdminError, Broker, Message, Offset, Overflow, Permit, PublishError, Publisher, Publishing,
    Record, RecvError, SeekError, Start, Subscriber, Timestamp,
};

use super::common::{Bell, settle_with, try_now};
use super::reference::{Got, Model, PRICE, Phase, Refusal};
use super::steps::{Options, Place, Step};

const READERS: usize = 5;
const PERMITS: usize = 3;

/// The real topic; what borrows from it is in [`Run`].
pub struct Opened {
    broker: Broker,
    publisher: Publisher<Record>,
    options: Options,
}

struct Reader {
    subscriber: Subscriber<Record>,
    bell: Arc<Bell>,
    /// How often the bell had rung when a receive was last left waiting.
    parked_at: Option<usize>,
}

struct Waiting<'t> {
    publishing: Publishing<'t, Record>,
    bell: Arc<Bell>,
    rings: usize,
    id: u64,
    length: usize,
}

pub struct Run<'t> {
    topic: &'t Opened,
    model: Model,
    /// The time when the broker was made.
    base: Timestamp,
    readers: Vec<Reader>,
    permits: Vec<Permit<'t, Record>>,
    waiting: Option<Waiting<'t>>,
    ids: u64,
}

fn record(id: u64, length: usize) -> Record {
    let mut bytes = vec![0; length];
    bytes[..8].copy_from_slice(&id.to_le_bytes());
    Record::new(bytes)
}

fn id(record: &Record) -> u64 {
    u64::from_le_bytes(record.bytes()[..8].try_into().unwrap())
}

fn message(message: &Message<Record>) -> Got {
    let at = message.published_at();
    Got::Message { offset: message.offset().0, id: id(message), at }
}

fn got(received: Result<Option<Message<Record>>, RecvError>) -> Got {
    match received {
        Ok(Some(received)) => message(&received),
        Ok(None) => Got::Nothing,
        Err(RecvError::Lagged { skipped, reason }) => Got::Lagged { skipped, reason },
        Err(RecvError::Closed) => Got::Closed,
        Err(RecvError::Deleted) => Got::Deleted,
        Err(other) => panic!("{other}"),
    }
}

fn published<T>(result: Result<Offset, PublishError<T>>) -> Result<u64, Refusal> {
    result.map(|offset| offset.0).map_err(|error| refusal(&error))
}

fn refusal<T>(error: &PublishError<T>) -> Refusal {
    match error {
        PublishError::Full(_) => Refusal::Full,
        PublishError::TooLarge { .. } => Refusal::TooLarge,
        PublishError::Closed(_) => Refusal::Closed,
        PublishError::Deleted(_) => Refusal::Deleted,
        other => panic!("{other}"),
    }
}

impl<'t> Run<'t> {
    pub async fn open(options: Options) -> Opened {
        let broker = Broker::new();
        let mut builder = broker.topic("log");
        builder = builder.max(options.max).max_bytes(options.max_bytes).overflow(options.overflow);
        if let Some(ttl) = options.ttl {
            builder = builder.ttl(ttl);
        }
        let publisher = builder.publisher().await.unwrap();
        Opened { broker, publisher, options }
    }

    pub async fn new(topic: &'t Opened) -> Self {
        // Another topic of the same broker tells the time.
        let clock = topic.broker.topic("clock");
        clock.publisher().await.unwrap().publish_bytes("tick").await.unwrap();
        let base = clock.subscriber().await.unwrap().recv().await.unwrap().published_at();
        Self {
            topic,
            model: Model::new(topic.options, base),
            base,
            readers: Vec::new(),
            permits: Vec::new(),
            waiting: None,
            ids: 0,
        }
    }

    fn next_id(&mut self) -> u64 {
        self.ids += 1;
        self.ids
    }

    fn start(&self, place: Place) -> (Start, Result<u64, u64>) {
        match place {
            Place::Earliest => (Start::Earliest, Ok(self.model.head())),
            Place::Latest => (Start::Latest, Ok(self.model.next)),
            Place::Last(count) => (Start::Last(count), Ok(self.model.first_of_last(count))),
            Place::Offset(part) => {
                let offset = (self.model.next as f64 * part).ceil() as u64;
                let found = if offset > self.model.next { Err(offset) } else { Ok(offset) };
                (Start::Offset(Offset(offset)), found)
            }
            Place::Time(millis) => {
                let time = self.base + Duration::from_millis(millis);
                (Start::Time(time), Ok(self.model.first_at(time)))
            }
            Place::Ago(millis) => {
                let ago = Duration::from_millis(millis);
                (Start::Ago(ago), Ok(self.model.first_at(self.model.now - ago)))
            }
        }
    }

    fn reader(&self, index: usize) -> Option<usize> {
        index.checked_rem(self.readers.len())
    }

    pub async fn step(&mut self, step: Step) {
        self.model.expire();
        let advanced = matches!(step, Step::Advance(_));
        self.take(step).await;
        self.model.expire();
        // Right after time passed nobody has looked: the next step finds what nobody expired yet.
        if !advanced {
            self.check_numbers().await;
            self.check_wakes();
        }
    }

    async fn take(&mut self, step: Step) {
        let waits = self.topic.options.overflow == Overflow::Wait;
        match step {
            Step::Publish(length) => {
                let id = self.next_id();
                let real = try_now(self.topic.publisher.publish(record(id, length)).into_future());
                let model = self.model.publish(id, length);
                match real {
                    Some(result) => assert_eq!(published(result), model),
                    None => assert!(waits && model == Err(Refusal::Full), "{model:?}"),
                }
                self.count_rejected(!waits && model == Err(Refusal::Full));
            }
            Step::TryPublish(length) => {
                let id = self.next_id();
                let real = published(self.topic.publisher.try_publish(record(id, length)));
                let model = self.model.publish(id, length);
                assert_eq!(real, model);
                self.count_rejected(model == Err(Refusal::Full));
            }
            Step::Batch(lengths) => self.batch(&lengths, waits),
            Step::Fill(count) => self.batch(&vec![8; count], waits),
            Step::Begin(length) => self.begin(length),
            Step::Resume => self.resume(),
            Step::Cancel => {
                self.waiting = None;
                self.model.queued = None;
            }
            Step::Reserve if self.permits.len() < PERMITS => {
                let model = self.model.reserve();
                match try_now(self.topic.publisher.reserve()) {
                    Some(Ok(permit)) => {
                        assert_eq!(model, Ok(()));
                        self.permits.push(permit);
                    }
                    Some(Err(error)) => assert_eq!(model, Err(refusal(&error))),
                    None => assert!(waits && model == Err(Refusal::Full), "{model:?}"),
                }
                self.count_rejected(!waits && model == Err(Refusal::Full));
            }
            Step::Send(index, length) if !self.permits.is_empty() => {
                let permit = self.permits.remove(index % self.permits.len());
                let id = self.next_id();
                let real = published(permit.send(record(id, length)));
                assert_eq!(real, self.model.send(id, length));
            }
            Step::Release(index) if !self.permits.is_empty() => {
                drop(self.permits.remove(index % self.permits.len()));
                self.model.reserved -= 1;
            }
            Step::Join(place, filter) if self.model.phase != Phase::Deleted => {
                self.join(place, filter).await;
            }
            Step::Advance(millis) => {
                let by = Duration::from_millis(millis);
                tokio::time::advance(by).await;
                self.model.now = self.model.now + by;
            }
            Step::Close if self.model.phase == Phase::Open => {
                self.topic.broker.close("log").await.unwrap();
                self.model.phase = Phase::Closed;
            }
            Step::Delete => {
                self.topic.broker.delete("log").await.unwrap();
                self.model.phase = Phase::Deleted;
                self.model.kept.clear();
            }
            Step::Leave(index) => {
                if let Some(at) = self.reader(index) {
                    self.readers.remove(at);
                    self.model.readers.remove(at);
                }
            }
            Step::Seek(index, place) => {
                if let Some(at) = self.reader(index) {
                    self.seek(at, place).await;
                }
            }
            Step::TryRecv(index) => {
                if let Some(at) = self.reader(index) {
                    let real = got(self.readers[at].subscriber.try_recv());
                    assert_eq!(real, self.model.receive(at));
                }
            }
            Step::Recv(index) | Step::Next(index) => {
                if let Some(at) = self.reader(index) {
                    let model = self.model.receive(at);
                    let stream = matches!(step, Step::Next(_));
                    self.receive(at, model, stream);
                }
            }
            Step::RecvBatch(index, max) => {
                if let Some(at) = self.reader(index) {
                    self.receive_batch(at, max);
                }
            }
            Step::Reserve | Step::Send(..) | Step::Release(_) | Step::Join(..) | Step::Close => {}
        }
    }

    fn count_rejected(&mut self, rejected: bool) {
        self.model.rejected += u64::from(rejected);
    }

    fn batch(&mut self, lengths: &[usize], waits: bool) {
        let ids: Vec<u64> = lengths.iter().map(|_| self.next_id()).collect();
        let records: Vec<_> =
            ids.iter().zip(lengths).map(|(id, length)| record(*id, *length)).collect();
        let real = try_now(self.topic.publisher.publish_batch(records));
        let mut offsets = Vec::new();
        let mut refused = None;
        for (id, length) in ids.iter().zip(lengths) {
            match self.model.publish(*id, *length) {
                Ok(offset) => offsets.push(Offset(offset)),
                Err(refusal) => {
                    refused = Some(refusal);
                    break;
                }
            }
        }
        match (real, refused) {
            (Some(Ok(real)), None) => assert_eq!(real, offsets),
            (Some(Err(error)), Some(refused)) => {
                assert_eq!(refusal(&error.reason), refused);
                let rest: Vec<_> = error.rest.iter().map(id).collect();
                assert_eq!(rest, ids[offsets.len()..]);
                assert_eq!(error.published, offsets);
                if refused == Refusal::Full {
                    self.model.rejected += error.rest.len() as u64;
                }
            }
            (None, refused) => assert!(waits && refused == Some(Refusal::Full), "{refused:?}"),
            (real, model) => panic!("{real:?} where the model says {model:?}"),
        }
    }

    fn begin(&mut self, length: usize) {
        if self.waiting.is_some() {
            return;
        }
        let id = self.next_id();
        let publishing = self.topic.publisher.publish(record(id, length)).into_future();
        let bell = Bell::new();
        self.waiting = Some(Waiting { publishing, bell, rings: 0, id, length });
        self.resume();
    }

    /// Polls the publish that waits: it is stored if there is room, and dated now.
    fn resume(&mut self) {
        let Some(mut waiting) = self.waiting.take() else { return };
        self.model.queued = None;
        let model = self.model.publish(waiting.id, waiting.length);
        match settle_with(&waiting.bell, &mut waiting.publishing) {
            Poll::Ready(result) => {
                assert_eq!(published(result), model);
                self.count_rejected(model == Err(Refusal::Full));
            }
            Poll::Pending => {
                assert_eq!(self.topic.options.overflow, Overflow::Wait);
                assert_eq!(model, Err(Refusal::Full));
                self.model.queued = Some(waiting.length + PRICE);
                waiting.rings = waiting.bell.rings();
                self.waiting = Some(waiting);
            }
        }
    }

    async fn join(&mut self, place: Place, filter: Option<u8>) {
        if self.readers.len() == READERS {
            return;
        }
        let (start, found) = self.start(place);
        let mut builder = self.topic.broker.topic("log").subscriber().from(start);
        if let Some(remainder) = filter {
            builder = builder.filter(move |record| id(record) % 3 != u64::from(remainder));
        }
        match (builder.await, found) {
            (Ok(subscriber), Ok(position)) => {
                assert_eq!(subscriber.position(), Offset(position));
                self.readers.push(Reader { subscriber, bell: Bell::new(), parked_at: None });
                self.model.join(position, filter);
            }
            (Err(memq::OpenError::BeyondEnd { requested, end, .. }), Err(offset)) => {
                assert_eq!((requested.0, end.0), (offset, self.model.next));
            }
            (real, model) => panic!("{real:?} where the model says {model:?}"),
        }
    }

    async fn seek(&mut self, at: usize, place: Place) {
        let (start, found) = self.start(place);
        // Who seeks polls again by itself.
        self.readers[at].parked_at = None;
        let real = self.readers[at].subscriber.seek(start).await;
        match (real, found) {
            (Err(SeekError::Deleted), _) => assert_eq!(self.model.phase, Phase::Deleted),
            (Ok(real), Ok(position)) => {
                assert_eq!(real.0, position);
                self.model.seek(at, position);
            }
            (Err(SeekError::BeyondEnd { requested, end }), Err(offset)) => {
                assert_eq!((requested.0, end.0), (offset, self.model.next));
            }
            (real, model) => panic!("{real:?} where the model says {model:?}"),
        }
    }

    fn receive(&mut self, at: usize, model: Got, stream: bool) {
        let reader = &mut self.readers[at];
        let polled = if stream {
            // As a stream the end is `None`; after it there is nothing more to compare.
            let next = settle_with(&reader.bell, &mut Box::pin(reader.subscriber.next()));
            match next {
                Poll::Ready(None) => {
                    assert!(matches!(model, Got::Closed | Got::Deleted), "{model:?}");
                    return;
                }
                next => next.map(|next| got(next.unwrap().map(Some))),
            }
        } else {
            settle_with(&reader.bell, &mut Box::pin(reader.subscriber.recv()))
                .map(|received| got(received.map(Some)))
        };
        match polled {
            Poll::Ready(real) => assert_eq!(real, model),
            Poll::Pending => {
                assert_eq!(model, Got::Nothing);
                reader.parked_at = Some(reader.bell.rings());
            }
        }
    }

    fn receive_batch(&mut self, at: usize, max: usize) {
        let model = self.model.receive_batch(at, max);
        let reader = &mut self.readers[at];
        match settle_with(&reader.bell, &mut Box::pin(reader.subscriber.recv_batch(max))) {
            Poll::Ready(Ok(batch)) => {
                let real: Vec<_> = batch.into_iter().map(|received| message(&received)).collect();
                assert_eq!(real, model);
            }
            Poll::Ready(Err(error)) => assert_eq!(vec![got(Err(error))], model),
            Poll::Pending => {
                assert!(model.is_empty(), "{model:?}");
                reader.parked_at = Some(reader.bell.rings());
            }
        }
    }

    async fn check_numbers(&self) {
        let model = &self.model;
        for (real, model) in self.readers.iter().zip(&model.readers) {
            check_reader(&real.subscriber.stats(), model, self.model.next);
            assert_eq!(real.subscriber.position().0, model.position);
        }
        let stats = self.topic.broker.stats("log").await;
        if model.phase == Phase::Deleted {
            assert_eq!(stats, Err(AdminError::NotFound { topic: "log".into() }));
            return;
        }
        let stats = stats.unwrap();
        assert_eq!(stats.published, stats.depth + stats.dropped.total() + stats.consumed);
        assert_eq!(stats.depth, model.kept.len() as u64);
        assert_eq!(stats.bytes, model.bytes() as u64);
        assert_eq!(stats.earliest, model.kept.front().map(|kept| Offset(kept.offset)));
        assert_eq!(stats.latest, model.kept.back().map(|kept| Offset(kept.offset)));
        assert_eq!((stats.next.0, stats.published), (model.next, model.next));
        assert_eq!(stats.dropped.max_messages, model.max_messages);
        assert_eq!(stats.dropped.max_bytes, model.max_bytes);
        assert_eq!(stats.dropped.expired, model.expired);
        assert_eq!(stats.consumed, model.consumed);
        assert_eq!(stats.rejected, model.rejected);
        assert!(stats.waiting_publishers <= usize::from(self.waiting.is_some()));
        assert_eq!(stats.subscribers.len(), model.readers.len());
        for (real, model) in stats.subscribers.iter().zip(&model.readers) {
            check_reader(real, model, self.model.next);
        }
    }

    /// Whoever waits and would no longer wait has been woken since.
    fn check_wakes(&mut self) {
        for (at, reader) in self.readers.iter_mut().enumerate() {
            if let Some(rings) = reader.parked_at.filter(|_| self.model.has_something(at)) {
                assert!(reader.bell.rings() > rings, "subscriber {at} sleeps on");
                reader.parked_at = None;
            }
        }
        if let Some(waiting) = &self.waiting {
            let would = self.model.would_publish(waiting.length);
            assert!(!would || waiting.bell.rings() > waiting.rings, "a publisher sleeps on");
        }
    }
}

fn check_reader(real: &memq::SubscriberStats, model: &super::reference::Reader, next: u64) {
    assert_eq!(real.since_start, real.delivered + real.filtered + real.skipped + real.lag);
    assert_eq!(real.id, model.id);
    assert_eq!(real.position.0, model.position);
    assert_eq!(real.since_start, next - model.start);
    assert_eq!(real.delivered, model.delivered);
    assert_eq!(real.filtered, model.filtered);
    assert_eq!(real.skipped, model.skipped);
    assert_eq!(real.lag, next - model.position);
}
