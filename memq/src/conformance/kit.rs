//! What the cases share: the back end, a message, and waiting that ends.

use std::fmt::{self, Debug, Display};
use std::future::poll_fn;
use std::panic::Location;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::Poll;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::Backend;
use crate::broker::{Broker, ConsumerBuilder, SubscriberBuilder, TopicBuilder};
use crate::codec::Json;
use crate::consumer::Consumer;
use crate::delivery::Delivery;
use crate::engine::stats::{Dropped, GroupStats, TopicStats};
use crate::error::{AdminError, with_causes};
use crate::key::{Key, TopicKey};
use crate::message::Message;
use crate::options::Format;
use crate::payload::Payload;
use crate::record::Record;
use crate::spi::Capability;
use crate::subscriber::Subscriber;
use crate::topic::{Topic, TopicSpec};

/// How long a case may take.
const CASE: Duration = Duration::from_secs(60);

/// How long it may wait for one thing, so that a case that hangs says for what.
const STEP: Duration = Duration::from_secs(20);

/// Between two looks at what has no other way to tell.
pub(super) const LOOK: Duration = Duration::from_millis(5);

/// Why a case failed: what was seen, what was expected, and where.
#[derive(Debug)]
pub struct Failure(String);

pub(super) type Checked = Result<(), Failure>;

impl Failure {
    #[track_caller]
    pub(super) fn new(text: impl Display) -> Self {
        Self::at(Location::caller(), text)
    }

    fn at(place: &Location<'_>, text: impl Display) -> Self {
        Self(format!("{}:{}: {text}", place.file(), place.line()))
    }
}

impl Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// An error that no case expects.
impl<E: std::error::Error> From<E> for Failure {
    #[track_caller]
    fn from(error: E) -> Self {
        Self::new(with_causes(&error))
    }
}

/// Cases that this process has begun.
static BEGUN: AtomicU64 = AtomicU64::new(0);

/// What a case is given.
pub(super) struct Kit {
    backend: Arc<dyn Backend>,
    place: String,
}

impl Kit {
    pub(super) fn new(backend: Arc<dyn Backend>, case: &str) -> Self {
        let (process, number) = (std::process::id(), BEGUN.fetch_add(1, Ordering::Relaxed));
        Self { backend, place: format!("{case}_{process}_{number}") }
    }

    pub(super) fn can(&self, what: Capability) -> bool {
        self.backend.capabilities().has(what)
    }

    /// A broker without topics.
    pub(super) async fn open(&self) -> Result<Broker, Failure> {
        self.backend.open(&self.place).await.map_err(|error| Failure::new(with_causes(&*error)))
    }

    /// Another broker of the same topics.
    pub(super) async fn join(&self, first: &Broker) -> Result<Broker, Failure> {
        let joined = self.backend.join(&self.place, first).await;
        joined.map_err(|error| Failure::new(with_causes(&*error)))
    }

    /// A consumer group of items that is about to be opened; in order where the back end can do that.
    pub(super) fn group<'b>(&self, broker: &'b Broker, name: &str) -> ConsumerBuilder<'b, Item> {
        self.share(broker.subscriber(), name)
    }

    /// The same, of a subscriber that starts somewhere.
    pub(super) fn share<'b>(
        &self,
        subscriber: SubscriberBuilder<'b, Item>,
        name: &str,
    ) -> ConsumerBuilder<'b, Item> {
        let group = subscriber.group(name);
        if self.can(Capability::KeyOrder) { group } else { group.any_order() }
    }

    /// What a group has settled, and how much of it is dead: told apart where the back end can.
    #[track_caller]
    pub(super) fn ended(&self, stats: &GroupStats, settled: u64, dead: u64) -> Checked {
        let seen = (stats.settled, stats.dead_lettered);
        if self.can(Capability::DeadLetterCounts) {
            return same("settled and dead", seen, (settled, dead));
        }
        same("settled or dead", seen.0 + seen.1, settled + dead)
    }

    /// That nothing went before everybody had passed it, as far as the back end tells why.
    #[track_caller]
    pub(super) fn nothing_dropped(&self, stats: &TopicStats) -> Checked {
        let Dropped { max_messages, max_bytes, expired, unspecified } = stats.dropped;
        same("dropped by a limit", (max_messages, max_bytes, expired), (0, 0, 0))?;
        if self.can(Capability::DropCauses) {
            same("dropped for no cause that is told", unspecified, 0)?;
        }
        let sum = stats.depth + unspecified + stats.consumed;
        same("kept, and passed by everybody", sum, stats.published)
    }

    pub(super) async fn restart_in_order(&self) -> Checked {
        let restarted = self.backend.restart_in_order(&self.place).await;
        restarted.map_err(|error| Failure::new(with_causes(&*error)))
    }

    pub(super) async fn restart(&self) -> Checked {
        let restarted = self.backend.restart(&self.place).await;
        restarted.map_err(|error| Failure::new(with_causes(&*error)))
    }
}

/// The message of most cases, in JSON. Its type says no option, so a case can create its topic with
/// those that it needs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Item {
    pub(super) key: Option<u64>,
    pub(super) value: u64,
}

/// The name of its topic.
pub(super) const ITEMS: &str = "items";

impl Item {
    pub(super) fn new(value: u64) -> Self {
        Self { key: None, value }
    }

    pub(super) fn keyed(key: u64, value: u64) -> Self {
        Self { key: Some(key), value }
    }
}

impl Topic for Item {
    type Codec = Json;
    const SPEC: TopicSpec = TopicSpec::new(ITEMS);

    fn key(&self) -> Option<Key<'_>> {
        self.key.to_key()
    }
}

/// The topic of items by its name, to create it with options.
pub(super) fn items(broker: &Broker) -> TopicBuilder<'_, Record> {
    broker.topic(ITEMS).format(Format::Json)
}

/// Fails where this does not hold.
#[track_caller]
pub(super) fn ensure(holds: bool, text: impl Display) -> Checked {
    if holds { Ok(()) } else { Err(Failure::new(text)) }
}

/// Fails where these are not equal.
#[track_caller]
pub(super) fn same<A, B>(what: &str, seen: A, expected: B) -> Checked
where
    A: PartialEq<B> + Debug,
    B: Debug,
{
    if seen == expected {
        return Ok(());
    }
    Err(Failure::new(format!("{what}: saw {seen:?}, expected {expected:?}")))
}

/// Fails, since something else was expected.
#[track_caller]
pub(super) fn instead<T>(expected: &str, seen: impl Debug) -> Result<T, Failure> {
    Err(Failure::new(format!("saw {seen:?}, expected {expected}")))
}

/// The whole of a case, in the time it may take.
pub(super) async fn in_time(
    case: &str,
    running: impl Future<Output = Checked>,
) -> Result<(), Failure> {
    match tokio::time::timeout(CASE, running).await {
        Ok(checked) => checked,
        Err(_) => Err(Failure(format!("{case} was not done within {CASE:?}"))),
    }
}

/// Waits, but not for ever.
#[track_caller]
pub(super) fn soon<F: Future>(
    what: &str,
    future: F,
) -> impl Future<Output = Result<F::Output, Failure>> {
    let place = Location::caller();
    async move {
        let waited = tokio::time::timeout(STEP, future).await;
        waited.map_err(|_| Failure::at(place, format_args!("{what}: nothing within {STEP:?}")))
    }
}

/// The next message.
#[track_caller]
pub(super) fn receive<T: Payload>(
    from: &mut Subscriber<T>,
) -> impl Future<Output = Result<Message<T>, Failure>> {
    let place = Location::caller();
    let receiving = soon("a message", from.recv());
    async move { receiving.await?.map_err(|error| Failure::at(place, with_causes(&error))) }
}

/// The next delivery.
#[track_caller]
pub(super) fn claim<T: Payload>(
    from: &mut Consumer<T>,
) -> impl Future<Output = Result<Delivery<T>, Failure>> {
    let place = Location::caller();
    let receiving = soon("a delivery", from.recv());
    async move { receiving.await?.map_err(|error| Failure::at(place, with_causes(&error))) }
}

/// Before the next look at what has no other way to tell.
pub(super) async fn pause() {
    tokio::time::sleep(LOOK).await;
}

/// The topic's statistics once they are like this.
#[track_caller]
pub(super) fn settled(
    broker: &Broker,
    topic: &str,
    like: impl Fn(&TopicStats) -> bool,
) -> impl Future<Output = Result<TopicStats, Failure>> {
    let place = Location::caller();
    async move {
        let mut last = Err(AdminError::NotFound { topic: topic.into() });
        let looking = async {
            loop {
                last = broker.stats(topic).await;
                if let Ok(stats) = &last {
                    if like(stats) {
                        return;
                    }
                }
                pause().await;
            }
        };
        match soon("the statistics", looking).await {
            Ok(()) => Ok(last?),
            Err(_) => Err(Failure::at(place, format_args!("the statistics stay {last:?}"))),
        }
    }
}

/// The group's statistics once nothing of the topic is left for it to do.
#[track_caller]
pub(super) fn done(
    broker: &Broker,
    topic: &str,
    group: &str,
) -> impl Future<Output = Result<GroupStats, Failure>> {
    let over = |stats: &TopicStats| stats.group(group).is_some_and(|group| group.lag == 0);
    let stats = settled(broker, topic, over);
    async move {
        let stats = stats.await?;
        stats.group(group).cloned().ok_or_else(|| Failure::new("the group is gone"))
    }
}

/// Polls this many times, whether it was woken or not, then drops the future.
pub(super) async fn abandon<F: Future>(polls: u64, future: F) -> Option<F::Output> {
    let mut future = pin!(future);
    for _ in 0..polls {
        if let Poll::Ready(output) = poll_fn(|cx| Poll::Ready(future.as_mut().poll(cx))).await {
            return Some(output);
        }
        tokio::task::yield_now().await;
    }
    None
}
