//! One message on its way into the log.

mod publishing;

use std::fmt;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

pub use self::publishing::Publishing;
use super::{Publisher, Ready};
use crate::engine::queue::Place;
use crate::engine::state::Refusal;
use crate::engine::topic::Topic;
use crate::error::{EncodeError, PublishError};
use crate::headers::Headers;
use crate::key::{Key, TopicKey};
use crate::payload::Payload;
use crate::position::{Offset, Partition};
use crate::remote::{Site, not_there};
use crate::spi::Capability;

/// Messages after which a publisher lets other tasks run once.
pub(super) const YIELD_EVERY: u64 = 1024;

/// How long a publisher pauses for a reader that is about to lose messages.
const PAUSE: Duration = Duration::from_micros(50);

/// Lets other tasks run, and other threads where a reader is about to lose messages. Says whether
/// one is: then it is to be paused for.
#[cold]
pub(super) fn make_way<P: Send + Sync + 'static>(topic: &Topic<P>, cx: &Context<'_>) -> bool {
    let presses = topic.presses();
    if presses {
        // Who should read may wait for this processor, which no task can give it.
        std::thread::yield_now();
    }
    cx.waker().wake_by_ref();
    presses
}

/// Pauses once for a reader that is about to lose messages, if it may; then other tasks run.
#[cold]
pub(super) fn pause<P: Send + Sync + 'static>(topic: &Topic<P>, cx: &Context<'_>) -> Poll<()> {
    if !topic.pauses() {
        return Poll::Ready(());
    }
    // Asleep, so that the system runs here what waits for another processor: who should read, perhaps.
    // Timers of the runtime are too coarse, and there may be none.
    std::thread::sleep(PAUSE);
    cx.waker().wake_by_ref();
    Poll::Pending
}

/// A message to be published: add what it carries, then `.await` it, or take the future out with
/// [`into_future`](IntoFuture::into_future) for what combines futures.
///
/// Nothing happens before that.
///
/// ```
/// # use memq::Broker;
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), memq::Error> {
/// use futures_util::future::join_all;
///
/// # let broker = Broker::new();
/// let audit = broker.topic("audit").publisher().await?;
/// let texts = ["signed in", "signed out"];
/// let stored = join_all(texts.map(|text| audit.publish_bytes(text).into_future())).await;
/// assert!(stored.iter().all(Result::is_ok));
/// # Ok(())
/// # }
/// ```
#[must_use = "a message is published by `.await` or `.now()`"]
pub struct Publish<'a, T: Payload> {
    message: T,
    /// Most messages say nothing more, and are the cheaper for it.
    said: Option<Box<Said>>,
    publisher: &'a Publisher<T>,
}

/// A message that is ready for the log, and its id.
type Identified<T> = (Ready<T>, Option<Arc<str>>);

/// What is said of a message beside its value.
#[derive(Default)]
pub(super) struct Said {
    pub(super) key: Option<Key<'static>>,
    pub(super) headers: Headers,
    pub(super) partition: Option<Partition>,
    /// How long to wait for room, in place of the publisher's limit.
    within: Option<Duration>,
    id: Option<Arc<str>>,
    /// Whether the id is memq's own, for whoever can tell a repetition by it.
    is_own: bool,
    /// The first thing that was wrong; reported when it is published.
    fault: Option<EncodeError>,
}

impl<'a, T: Payload> Publish<'a, T> {
    #[inline]
    pub(super) fn new(publisher: &'a Publisher<T>, message: T) -> Self {
        Self { publisher, message, said: None }
    }

    pub(super) fn refused(publisher: &'a Publisher<T>, message: T, fault: EncodeError) -> Self {
        let mut publish = Self::new(publisher, message);
        publish.said().fault = Some(fault);
        publish
    }

    fn said(&mut self) -> &mut Said {
        self.said.get_or_insert_default()
    }

    /// Gives the message this key, in place of the one its type takes from the value. `None`
    /// leaves that.
    pub fn key(mut self, key: impl TopicKey) -> Self {
        self.said().key = key.to_key().map(Key::into_owned);
        self
    }

    /// Adds a header. One that breaks the [rules](Headers) is reported on publishing.
    pub fn header(mut self, name: impl AsRef<str>, value: impl AsRef<str>) -> Self {
        let said = self.said();
        if let Err(error) = said.headers.insert(name, value) {
            said.fault.get_or_insert(EncodeError::Header(error));
        }
        self
    }

    /// Adds headers, those of another message say.
    pub fn headers(mut self, headers: &Headers) -> Self {
        for (name, value) in headers.iter() {
            self = self.header(name, value);
        }
        self
    }

    /// Puts the message into this partition, whatever its key. One that the topic does not have is
    /// reported on publishing.
    ///
    /// Messages of one key are in order only within a partition.
    pub fn partition(mut self, partition: impl Into<Partition>) -> Self {
        self.said().partition = Some(partition.into());
        self
    }

    /// Gives the message an id, of 1 to 256 bytes: where one of the same id was published within the
    /// topic's `dedup` window, nothing is stored, and the offset is that of the first.
    ///
    /// So a publish whose outcome is not known can be repeated. The window begins when the first is
    /// stored, and holds for all publishers of the topic. It ends early where more than 1,048,576 ids
    /// come within it; [`TopicStats::ids_forgotten`](crate::TopicStats) counts that. An id is
    /// neither kept with the message nor compared with its value.
    ///
    /// ```
    /// # use memq::{Broker, Topic};
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), memq::Error> {
    /// # #[cfg(feature = "derive")] {
    /// #[derive(Topic)]
    /// #[topic(name = "payments", dedup = "2m")]
    /// struct Payment { cents: u64 }
    ///
    /// let broker = Broker::new();
    /// let payments = broker.publisher::<Payment>().await?;
    /// let first = payments.publish(Payment { cents: 250 }).id("invoice-17").await?;
    /// let again = payments.publish(Payment { cents: 250 }).id("invoice-17").await?;
    /// assert_eq!(first, again);
    /// assert_eq!(broker.stats("payments").await?.published, 1);
    /// # }
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// On publishing, [`PublishError::NoDedup`] where the topic has no window.
    pub fn id(mut self, id: impl AsRef<str>) -> Self {
        let (id, said) = (id.as_ref(), self.said());
        match id.len() {
            1..=256 => said.id = Some(id.into()),
            bytes => {
                said.fault.get_or_insert(EncodeError::Id { bytes });
            }
        }
        self
    }

    /// Gives the message an id of memq's own, which is left out where a topic in memory remembers none.
    pub(super) fn own_id(self, id: String) -> Self {
        let mut publish = self.id(id);
        publish.said().is_own = true;
        publish
    }

    /// Waits for room for this long at most, in place of the publisher's own limit.
    ///
    /// # Panics
    ///
    /// The future, if it has to wait outside a tokio runtime with its timer enabled.
    pub fn within(mut self, deadline: Duration) -> Self {
        self.said().within = Some(deadline);
        self
    }

    /// Publishes the message now, or gives it back; never waits.
    ///
    /// # Errors
    ///
    /// [`PublishError::Full`] where there is no room, and else as
    /// [`publish`](Publisher::publish).
    pub fn now(self) -> Result<Offset, PublishError<T>> {
        let Self { publisher, message, said } = self;
        let (mut ready, id) = match publisher.identified(&message, said) {
            Ok(identified) => identified,
            Err(refusal) => return Err(refusal.with(message)),
        };
        let Site::Here(topic) = &publisher.site else {
            return Err(not_there(Capability::PublishNow).with(message));
        };
        let mut message = Some(message);
        let offered = &mut ready.offer(&mut message);
        let appended = topic.append(offered, id.as_ref(), &mut Place::default());
        appended.map_err(|refusal| {
            if matches!(refusal, Refusal::Full) {
                topic.count_rejected(1);
            }
            give_back(refusal.into(), message)
        })
    }
}

/// The error around the message, which is there until it is stored.
pub(super) fn give_back<T>(refusal: PublishError<()>, message: Option<T>) -> PublishError<T> {
    match message {
        Some(message) => refusal.with(message),
        None => unreachable!("a message was stored and refused"),
    }
}

impl<T: Payload> Publisher<T> {
    /// Encodes a message, and takes out its id.
    #[inline]
    fn identified(
        &self,
        message: &T,
        said: Option<Box<Said>>,
    ) -> Result<Identified<T>, PublishError<()>> {
        match said {
            None => match self.ready(message) {
                Ok(ready) => Ok((ready, None)),
                Err(source) => Err(PublishError::Encode { message: (), source }),
            },
            Some(said) => self.identified_with(message, *said),
        }
    }

    fn identified_with(
        &self,
        message: &T,
        mut said: Said,
    ) -> Result<Identified<T>, PublishError<()>> {
        let fault = |source| PublishError::Encode { message: (), source };
        if let Some(source) = said.fault.take() {
            return Err(fault(source));
        }
        let mut id = said.id.take();
        if id.is_some() && !self.dedup {
            match &self.site {
                _ if !said.is_own => return Err(PublishError::NoDedup(())),
                // Nobody here would remember it.
                Site::Here(_) => id = None,
                Site::There(_) => {}
            }
        }
        if let Some(partition) = said.partition {
            self.check(partition)?;
        }
        Ok((self.ready_with(message, said).map_err(fault)?, id))
    }
}

impl<T: Payload> fmt::Debug for Publish<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Publish").field("topic", self.publisher.topic()).finish_non_exhaustive()
    }
}
