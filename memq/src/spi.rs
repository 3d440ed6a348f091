//! For those who write a back end: what memq asks of a system that keeps topics.
//!
//! [`Broker::new`](crate::Broker::new) keeps topics in memory. A [`Transport`] keeps them elsewhere,
//! on a server say, and a broker over it has the same handles, with the same promises. Whoever
//! publishes and subscribes needs nothing from here.
//!
//! It may change with each minor version until 1.0. All structs and enums may get more fields and
//! variants.
//!
//! # Three rules
//!
//! * **Bytes alone.** What crosses is a [`Record`](crate::Record): bytes, how they are encoded and
//!   compressed, key and headers. No back end knows a type, a codec or a key of encryption.
//! * **A poll for what is frequent, a box for what waits.** Reading is a poll that hands over what has
//!   arrived, and publishing is a plain call that admits a whole run; so nothing is allocated for the
//!   traits' sake with each message. What waits for an answer is a boxed future, which holds all
//!   that it needs: dropped, it leaves what it asked for done or not done, and nothing half.
//! * **What a back end cannot do, it says,** in [`Capabilities`]; then memq refuses it by name when
//!   it is asked for. It must not do something else that is nearly the same.
//!
//! # Who does what
//!
//! | the back end | memq, above all of them |
//! | --- | --- |
//! | offsets: 0 for the first message, then dense, never reused; dates | that readers are told what they missed, by the gaps |
//! | order of what a publisher admits, through reconnects; sending again under the same id | the stages of publishing; deadlines of reads |
//! | `max`, `max_bytes`, `ttl`, overflow, ids, where it has them | that options and types fit together |
//! | who is handed what, how often, and when it comes back | back-off, attempts, dead letters, redriving |
//! | its own reconnects; it reports an outage only where it gives up | the errors and their remedies |
//! | tasks and their runtime | none: memq starts no task on this path |
//!
//! # What a dropped future leaves
//!
//! | dropped | left |
//! | --- | --- |
//! | opening, administration | done or not, whole |
//! | publishing, before the message was admitted | not published |
//! | publishing, after | published or not, whole; those behind it keep their order |
//! | a batch | some first messages admitted, which go on |
//! | receiving | nothing lost: messages are handed over in the poll that returns them |
//! | a confirmed settlement | settled or not |
//!
//! # A small one
//!
//! It keeps topics in vectors, and can do nothing that need not be done. (A real one would look at
//! poisoned locks, and not keep the wakers of readers that went.)
//!
//! ```
//! use std::collections::{BTreeMap, VecDeque};
//! use std::sync::{Arc, Mutex};
//! use std::task::{Context, Poll, Waker};
//! use std::time::SystemTime;
//!
//! use memq::spi::*;
//! use memq::{Format, Offset, RecvError, Start, Timestamp};
//! use memq::{TopicName, TopicOptions, TopicStats};
//!
//! /// An answer that is there already.
//! fn now<T: Send + 'static>(answer: T) -> Boxed<T> {
//!     Box::pin(std::future::ready(answer))
//! }
//!
//! #[derive(Debug, Default)]
//! struct Vectors(Mutex<BTreeMap<TopicName, Handle>>);
//!
//! /// A topic, and at once the way into it.
//! #[derive(Clone, Debug)]
//! struct Handle(Arc<Vector>);
//!
//! #[derive(Debug)]
//! struct Vector {
//!     request: TopicRequest,
//!     options: TopicOptions,
//!     created: SystemTime,
//!     log: Mutex<Log>,
//! }
//!
//! #[derive(Debug, Default)]
//! struct Log {
//!     kept: VecDeque<Incoming>,
//!     bytes: usize,
//!     next: u64,
//!     end: Option<End>,
//!     parked: Vec<Waker>,
//! }
//!
//! #[derive(Clone, Copy, Debug)]
//! enum End {
//!     Closed,
//!     Deleted,
//! }
//!
//! impl Log {
//!     fn head(&self) -> u64 {
//!         self.next - self.kept.len() as u64
//!     }
//!
//!     fn first_at(&self, time: Timestamp) -> u64 {
//!         self.head() + self.kept.partition_point(|kept| kept.at < time) as u64
//!     }
//!
//!     fn finish(&mut self, end: End) {
//!         self.end = Some(end);
//!         self.parked.drain(..).for_each(Waker::wake);
//!     }
//!
//!     fn store(&mut self, message: Outgoing, options: &TopicOptions) -> Offset {
//!         let offset = Offset(self.next);
//!         self.next += 1;
//!         self.bytes += message.record.bytes().len();
//!         self.kept.push_back(Incoming::new(offset, SystemTime::now().into(), message.record));
//!         while self.kept.len() > options.max_messages || self.bytes > options.max_bytes {
//!             let Some(oldest) = self.kept.pop_front() else { break };
//!             self.bytes -= oldest.record.bytes().len();
//!         }
//!         self.parked.drain(..).for_each(Waker::wake);
//!         offset
//!     }
//! }
//!
//! impl Transport for Vectors {
//!     fn name(&self) -> &str {
//!         "vectors"
//!     }
//!
//!     fn capabilities(&self) -> Capabilities {
//!         Capabilities::NONE
//!     }
//!
//!     fn open(&self, request: TopicRequest) -> Boxed<Result<Arc<dyn RemoteTopic>, OpenFault>> {
//!         let mut topics = self.0.lock().unwrap();
//!         let topic = topics.entry(request.name.clone()).or_insert_with(|| {
//!             let options = request.over(TopicOptions::default());
//!             let (created, log) = (SystemTime::now(), Mutex::default());
//!             Handle(Arc::new(Vector { request: request.clone(), options, created, log }))
//!         });
//!         let same = request.compare(&topic.options(), &topic.stages());
//!         now(same.map(|()| Arc::new(topic.clone()) as Arc<dyn RemoteTopic>))
//!     }
//!
//!     fn find(&self, name: &TopicName) -> Boxed<Result<Option<Arc<dyn RemoteTopic>>, Fault>> {
//!         let topic = self.0.lock().unwrap().get(name).cloned();
//!         now(Ok(topic.map(|topic| Arc::new(topic) as Arc<dyn RemoteTopic>)))
//!     }
//!
//!     fn topics(&self) -> Boxed<Result<Vec<TopicName>, Fault>> {
//!         now(Ok(self.0.lock().unwrap().keys().cloned().collect()))
//!     }
//!
//!     fn delete(&self, name: &TopicName) -> Boxed<Result<bool, Fault>> {
//!         let removed = self.0.lock().unwrap().remove(name);
//!         if let Some(Handle(topic)) = &removed {
//!             topic.log.lock().unwrap().finish(End::Deleted);
//!         }
//!         now(Ok(removed.is_some()))
//!     }
//!
//!     fn run(&self, work: Boxed<()>) {
//!         tokio::spawn(work);
//!     }
//!
//!     fn shut_down(&self) {
//!         for Handle(topic) in self.0.lock().unwrap().values() {
//!             topic.log.lock().unwrap().finish(End::Closed);
//!         }
//!     }
//! }
//!
//! impl RemoteTopic for Handle {
//!     fn name(&self) -> &TopicName {
//!         &self.0.request.name
//!     }
//!
//!     fn incarnation(&self) -> Incarnation {
//!         let since = self.0.created.duration_since(SystemTime::UNIX_EPOCH);
//!         Incarnation(since.map_or(0, |since| since.as_nanos()))
//!     }
//!
//!     fn options(&self) -> TopicOptions {
//!         self.0.options
//!     }
//!
//!     fn stages(&self) -> Vec<String> {
//!         self.0.request.stages.clone()
//!     }
//!
//!     fn publisher(&self) -> Boxed<Result<Arc<dyn RemotePublisher>, OpenFault>> {
//!         now(Ok(Arc::new(self.clone())))
//!     }
//!
//!     fn reader(&self, request: ReaderRequest) -> Boxed<Result<Box<dyn RemoteReader>, OpenFault>> {
//!         let log = self.0.log.lock().unwrap();
//!         let start = match request.start {
//!             Start::Earliest => log.head(),
//!             Start::Latest => log.next,
//!             Start::Last(count) => log.next.saturating_sub(count).max(log.head()),
//!             Start::Offset(offset) => offset.0,
//!             Start::Time(time) => log.first_at(time),
//!             Start::Ago(ago) => log.first_at(Timestamp::now() - ago),
//!             // One that a later memq has: it is not guessed at.
//!             other => {
//!                 let (value, remedy) = (format!("{other:?}"), "name another".to_owned());
//!                 return now(Err(OpenFault::Option { option: "start", value, remedy }));
//!             }
//!         };
//!         let (requested, end) = (Offset(start), Offset(log.next));
//!         if requested > end {
//!             return now(Err(OpenFault::BeyondEnd { requested, end }));
//!         }
//!         now(Ok(Box::new(Reading { topic: self.clone(), start, next: start })))
//!     }
//!
//!     fn group(&self, _: GroupRequest) -> Boxed<Result<Box<dyn RemoteGroup>, OpenFault>> {
//!         now(Err(Fault::Unsupported(Capability::Groups).into()))
//!     }
//!
//!     fn group_rules(&self, _: &str) -> Boxed<Result<Option<GroupRules>, Fault>> {
//!         now(Ok(None))
//!     }
//!
//!     fn delete_group(&self, _: &str) -> Boxed<Result<bool, Fault>> {
//!         now(Ok(false))
//!     }
//!
//!     fn stats(&self) -> Boxed<Result<TopicStats, Fault>> {
//!         let log = self.0.log.lock().unwrap();
//!         let mut stats = TopicStats::empty(Offset(log.next));
//!         (stats.published, stats.depth) = (log.next, log.kept.len() as u64);
//!         stats.dropped.unspecified = log.head();
//!         stats.bytes = log.bytes as u64;
//!         stats.earliest = log.kept.front().map(|kept| kept.offset);
//!         stats.latest = log.kept.back().map(|kept| kept.offset);
//!         now(Ok(stats))
//!     }
//!
//!     fn close(&self) -> Boxed<Result<(), Fault>> {
//!         self.0.log.lock().unwrap().finish(End::Closed);
//!         now(Ok(()))
//!     }
//! }
//!
//! impl RemotePublisher for Handle {
//!     fn submit(
//!         &self,
//!         messages: &mut VecDeque<Outgoing>,
//!         receipts: &mut Vec<Receipt>,
//!     ) -> Result<(), PublishFault> {
//!         let mut log = self.0.log.lock().unwrap();
//!         match log.end {
//!             Some(End::Closed) => return Err(PublishFault::Closed),
//!             Some(End::Deleted) => return Err(Fault::Deleted.into()),
//!             None => {}
//!         }
//!         for message in messages.drain(..) {
//!             // Here a message is stored as soon as it is admitted.
//!             let (promise, receipt) = Receipt::pair();
//!             promise.keep(Ok(Stored::at(log.store(message, &self.0.options))));
//!             receipts.push(receipt);
//!         }
//!         Ok(())
//!     }
//!
//!     fn room(&self) -> Boxed<()> {
//!         now(())
//!     }
//!
//!     fn flush(&self) -> Boxed<()> {
//!         now(())
//!     }
//! }
//!
//! #[derive(Debug)]
//! struct Reading {
//!     topic: Handle,
//!     start: u64,
//!     next: u64,
//! }
//!
//! impl RemoteReader for Reading {
//!     fn start(&self) -> Offset {
//!         Offset(self.start)
//!     }
//!
//!     fn poll_next(
//!         &mut self,
//!         max: usize,
//!         into: &mut Vec<Incoming>,
//!         cx: &mut Context<'_>,
//!     ) -> Poll<Result<(), ReadEnd>> {
//!         let mut log = self.topic.0.log.lock().unwrap();
//!         if let Some(End::Deleted) = log.end {
//!             return Poll::Ready(Err(Fault::Deleted.into()));
//!         }
//!         // What is gone is passed over: memq sees it by the offset of what follows.
//!         let first = self.next.saturating_sub(log.head()) as usize;
//!         let before = into.len();
//!         into.extend(log.kept.iter().skip(first).take(max).cloned());
//!         match into[before..].last() {
//!             Some(last) => self.next = last.offset.0 + 1,
//!             None if log.end.is_some() => return Poll::Ready(Err(ReadEnd::Closed)),
//!             None => {
//!                 log.parked.push(cx.waker().clone());
//!                 return Poll::Pending;
//!             }
//!         }
//!         Poll::Ready(Ok(()))
//!     }
//!
//!     fn end(&self) -> Offset {
//!         Offset(self.topic.0.log.lock().unwrap().next)
//!     }
//! }
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let broker = memq::Broker::over(Arc::new(Vectors::default()));
//! let orders = broker.topic("orders").format(Format::Json).max(2).publisher().await?;
//! for order in [r#"{"item":"milk"}"#, r#"{"item":"tea"}"#, r#"{"item":"salt"}"#] {
//!     orders.publish_bytes(order).await?;
//! }
//! assert_eq!(broker.stats("orders").await?.earliest, Some(Offset(1)));
//!
//! // What it cannot do is refused by name.
//! let refused = broker.topic("jobs").partitions(3).await.unwrap_err();
//! assert!(refused.to_string().contains("a topic with several partitions is not possible"));
//!
//! // Three were published, and two are kept.
//! let mut incoming = broker.topic("orders").subscriber().from(0).await?;
//! let lag = incoming.recv().await.unwrap_err();
//! assert!(matches!(lag, RecvError::Lagged { skipped: 1, .. }));
//! assert_eq!(incoming.recv().await?.bytes(), r#"{"item":"tea"}"#);
//! assert_eq!(incoming.seek(Start::Last(1)).await?, Offset(2));
//! assert_eq!(incoming.recv().await?.bytes(), r#"{"item":"salt"}"#);
//! # Ok(())
//! # }
//! ```

mod capability;
mod fault;
mod group;
mod publish;
mod read;
mod topic;
mod transport;

use std::future::Future;
use std::pin::Pin;

pub use self::capability::{Capabilities, Capability};
pub use self::fault::{Fault, MoveFault, OpenFault, PublishFault, ReadEnd, SettleFault};
pub use self::group::{GroupOrder, GroupRequest, GroupRules, Handed, RemoteGroup, Settle, Token};
pub use self::publish::{Outgoing, Promise, Receipt, RemotePublisher, Stored};
pub use self::read::{Incoming, ReaderRequest, RemoteReader};
pub use self::topic::{Incarnation, RemoteTopic, TopicRequest};
pub(crate) use self::topic::{Level, Perhaps};
pub use self::transport::Transport;

/// A future that is boxed, so that the traits are objects, and that holds all it needs.
pub type Boxed<T> = Pin<Box<dyn Future<Output = T> + Send + 'static>>;
