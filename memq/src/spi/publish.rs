//! The way in: messages that are submitted, and whether they were stored.

use std::collections::VecDeque;
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::sync::oneshot;

use super::{Boxed, PublishFault};
use crate::position::{Offset, Partition};
use crate::record::Record;

/// The way of one publisher, and of its clones, into a topic.
///
/// Publishing has two stages. What is *admitted* has a place in the publisher's window and is stored
/// in that order; its [`Receipt`] says later that it was *stored*, or why not. So who awaits each
/// receipt has one message under way, and who does not has as many as the window holds.
///
/// # Order
///
/// Messages are stored in the order in which they were admitted, also through reconnects: where the
/// outcome of one is not known, the back end stops, asks or sends it again under the same id, and only
/// then goes on with those behind it. A message that is refused alone, as one that is too large, does
/// not stop those behind it.
///
/// Where the system decides on each by itself, those under way may overtake one that finds no room in
/// a full topic. A back end that has more than one under way there says so in its documentation.
///
/// # Once
///
/// An admitted message is sent again until its outcome is known, or until the back end gives up and
/// says [`PublishFault::Unknown`]. So that it is not stored twice it has an id, the user's or one that
/// the back end makes.
///
/// # When it is dropped
///
/// What was admitted is still stored.
pub trait RemotePublisher: fmt::Debug + Send + Sync + 'static {
    /// Admits messages in their order, as many as the window has room for: takes them from the front,
    /// and adds a receipt for each. Those that are left were not admitted. Never waits, and runs in
    /// any thread, also outside a runtime.
    ///
    /// A message that is wrong in itself, as one that is too large, is taken too; its receipt says so.
    ///
    /// # Errors
    ///
    /// Where none can be admitted any more, since the topic or the transport has ended. What is left
    /// was not admitted.
    fn submit(
        &self,
        messages: &mut VecDeque<Outgoing>,
        receipts: &mut Vec<Receipt>,
    ) -> Result<(), PublishFault>;

    /// Waits until it is worth submitting again. It promises nothing: another task may be faster.
    ///
    /// # Cancel safety
    ///
    /// A dropped future gives its turn to another that waits.
    fn room(&self) -> Boxed<()>;

    /// Waits until everything that was admitted before is stored or has failed.
    ///
    /// # Cancel safety
    ///
    /// A dropped future changes nothing.
    fn flush(&self) -> Boxed<()>;
}

/// A message on its way to where its topic is kept.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Outgoing {
    /// Its bytes, and how they are encoded; version and fingerprint; key and headers.
    pub record: Record,
    /// Which partition it goes to. memq says it for messages with a key; `None` for the next one in
    /// turn.
    pub partition: Option<Partition>,
    /// The user's id, in a topic with `dedup`. In one without it is memq's own, of a message that came
    /// over a bridge: a system that remembers ids anyway goes by it, and others do without.
    pub id: Option<Arc<str>>,
    /// How long it may take, from its admission on, until it is stored; `None` for ever. Then its
    /// receipt says [`PublishFault::Timeout`] where it is not stored and will not be, as in a topic that
    /// waits for room, and [`PublishFault::Unknown`] where that cannot be told.
    pub within: Option<Duration>,
}

impl Outgoing {
    /// A message of which nothing more is said.
    #[must_use]
    pub fn new(record: Record) -> Self {
        Self { record, partition: None, id: None, within: None }
    }
}

/// Where a message was stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Stored {
    /// Its offset; of a message whose id was known, that of the first.
    pub offset: Offset,
    /// Whether its id was known, so that it was not stored again.
    pub duplicate: bool,
}

impl Stored {
    /// A message that was stored at this offset.
    #[must_use]
    pub const fn at(offset: Offset) -> Self {
        Self { offset, duplicate: false }
    }

    /// A message whose id was that of the one at this offset.
    #[must_use]
    pub const fn again(offset: Offset) -> Self {
        Self { offset, duplicate: true }
    }
}

/// Whether an admitted message was stored, once that is known: a future. Dropped, the message goes on.
#[must_use = "whether the message was stored is known by `.await`"]
pub struct Receipt(oneshot::Receiver<Result<Stored, PublishFault>>);

/// What fulfils a [`Receipt`]. Dropped without, the receipt says [`PublishFault::Unknown`].
pub struct Promise(oneshot::Sender<Result<Stored, PublishFault>>);

impl Receipt {
    /// A receipt, and what fulfils it.
    ///
    /// ```
    /// use memq::Offset;
    /// use memq::spi::{PublishFault, Receipt, Stored};
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// let (promise, receipt) = Receipt::pair();
    /// promise.keep(Ok(Stored::at(Offset(7))));
    /// assert_eq!(receipt.await.unwrap().offset, Offset(7));
    ///
    /// let (promise, receipt) = Receipt::pair();
    /// drop(promise);
    /// assert!(matches!(receipt.await, Err(PublishFault::Unknown(_))));
    /// # }
    /// ```
    pub fn pair() -> (Promise, Self) {
        let (promise, receipt) = oneshot::channel();
        (Promise(promise), Self(receipt))
    }
}

impl Promise {
    /// Says what became of the message.
    pub fn keep(self, outcome: Result<Stored, PublishFault>) {
        // Nobody may want to know.
        drop(self.0.send(outcome));
    }
}

impl Future for Receipt {
    type Output = Result<Stored, PublishFault>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let told = ready!(Pin::new(&mut self.0).poll(cx));
        Poll::Ready(told.unwrap_or_else(|gone| Err(PublishFault::Unknown(gone.into()))))
    }
}

impl fmt::Debug for Receipt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Receipt").finish_non_exhaustive()
    }
}

impl fmt::Debug for Promise {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Promise").finish_non_exhaustive()
    }
}
