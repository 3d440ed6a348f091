//! What a subscriber receives: a message, or a batch of them.

mod batch;

use std::fmt;
use std::ops::Deref;

pub use self::batch::{Batch, BatchIntoIter, BatchIter};
use crate::codec::form::{Form, Reader, Take};
use crate::engine::offer::Entry;
use crate::engine::segment::{EntryRef, SlotRef};
use crate::error::DecodeError;
use crate::headers::Headers;
use crate::key::Key;
use crate::payload::Payload;
use crate::position::{Offset, Partition, Timestamp};
use crate::record::{Meta, Record};

pub(crate) type Stored<T> = <<T as Payload>::Form as Form<T>>::Stored;
pub(crate) type Opened<T> = <<T as Payload>::Form as Form<T>>::Opened;
/// What a handle holds where its topic is kept elsewhere; see [`Form::Far`].
pub(crate) type Far<T, R> = <<T as Payload>::Form as Form<T>>::Far<R>;

/// A message that came from where its topic is kept, as a log here would have it.
pub(crate) fn arrived<T: Payload, R: Send + Sync + Unpin + 'static>(
    record: Record,
    partition: Partition,
    far: &Far<T, R>,
) -> Entry<Stored<T>> {
    let Record { body, meta } = record;
    let key = Meta::key(meta.as_ref()).as_ref().map_or(0, Key::hash64);
    let size = body.bytes.len() + Meta::bytes(meta.as_ref());
    Entry::new(T::Form::arrive(body, far), meta, size).placed(key, partition.0)
}

/// The key that a message is kept by, which its value has where nothing else was said of it.
pub(crate) fn key_of<'a, T: Payload>(
    entry: &EntryRef<'a, Stored<T>>,
    value: &'a T,
) -> Option<Key<'a>> {
    let of_value = || if entry.key() == 0 { None } else { value.key_of() };
    Meta::key(entry.meta()).or_else(of_value)
}

/// What a reader makes of a message.
#[inline]
pub(crate) fn open<T: Payload>(
    entry: EntryRef<'_, Stored<T>>,
    reader: &Reader<T>,
) -> Result<Opened<T>, DecodeError> {
    match T::Form::opened() {
        Some(opened) => Ok(opened()),
        None => T::Form::open(entry.payload, entry.meta(), reader),
    }
}

/// A message of a topic; dereferences to the value.
///
/// A native message borrows the value in the log, which all its readers share. Whatever the
/// format, a message keeps the stretch of the log alive that it is in, up to 256 messages or
/// about 1 MiB, also after retention has removed it: to keep a value for long, take it out with
/// [`into_inner`](Self::into_inner).
///
/// ```
/// # use memq::{Broker, Topic};
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), memq::Error> {
/// #[derive(Topic)]
/// #[topic(name = "frames")]
/// struct Frame { #[topic(key)] camera: u8, pixels: Vec<u8> }
///
/// let broker = Broker::new();
/// let frames = broker.publisher::<Frame>().await?;
/// let mut incoming = broker.subscriber::<Frame>().await?;
///
/// frames.publish(Frame { camera: 3, pixels: vec![0; 64] }).header("trace", "4bf92f").await?;
///
/// let frame = incoming.recv().await?;
/// assert_eq!(frame.pixels.len(), 64);
/// assert_eq!(frame.offset().0, 0);
/// assert_eq!(frame.key(), Some("3".into()));
/// assert_eq!(frame.headers().get("trace"), Some("4bf92f"));
/// # Ok(())
/// # }
/// ```
pub struct Message<T: Payload> {
    slot: SlotRef<Stored<T>>,
    opened: Opened<T>,
}

impl<T: Payload> Message<T> {
    pub(crate) fn new(slot: SlotRef<Stored<T>>, opened: Opened<T>) -> Self {
        Self { slot, opened }
    }

    fn borrow(&self) -> MessageRef<'_, T> {
        MessageRef { offset: self.slot.offset(), entry: self.slot.entry(), opened: &self.opened }
    }

    /// Where the message is in its topic.
    #[must_use]
    pub fn offset(&self) -> Offset {
        self.slot.offset()
    }

    /// The key that the log goes by: the one given on publishing, or else the one the type takes from the
    /// value. Of bytes it is the one given, or none: nobody looks into them.
    #[must_use]
    pub fn key(&self) -> Option<Key<'_>> {
        self.borrow().key()
    }

    /// The headers given on publishing.
    #[must_use]
    pub fn headers(&self) -> &Headers {
        Meta::headers(self.slot.entry().meta())
    }

    /// The partition it belongs to; 0 where there is one.
    #[must_use]
    pub fn partition(&self) -> Partition {
        Partition(self.slot.entry().partition())
    }

    /// When the message was stored; see [`Timestamp`] for how exactly.
    #[must_use]
    pub fn published_at(&self) -> Timestamp {
        self.slot.entry().at()
    }

    /// The value alone. A native one is cloned, since other readers share it; every other is
    /// this reader's own and is moved.
    ///
    /// In generic code the bound is `<T as Payload>::Form: codec::Take<T>`.
    #[must_use]
    pub fn into_inner(self) -> T
    where
        T::Form: Take<T>,
    {
        <T::Form as Take<T>>::take(self.slot.entry().payload, self.opened)
    }
}

impl<T: Payload> Deref for Message<T> {
    type Target = T;

    fn deref(&self) -> &T {
        T::Form::get(self.slot.entry().payload, &self.opened)
    }
}

/// The same message; a native value is not copied.
impl<T: Payload> Clone for Message<T>
where
    Opened<T>: Clone,
{
    fn clone(&self) -> Self {
        Self { slot: self.slot.clone(), opened: self.opened.clone() }
    }
}

impl<T: Payload + fmt::Debug> fmt::Debug for Message<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.borrow(), f)
    }
}

/// A message that is read where it is: inside a [`Batch`], or lent by
/// [`recv_ref`](crate::Subscriber::recv_ref); dereferences to the value.
pub struct MessageRef<'a, T: Payload> {
    offset: Offset,
    entry: EntryRef<'a, Stored<T>>,
    opened: &'a Opened<T>,
}

impl<T: Payload> Clone for MessageRef<'_, T> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T: Payload> Copy for MessageRef<'_, T> {}

impl<'a, T: Payload> MessageRef<'a, T> {
    pub(crate) fn new(
        offset: Offset,
        entry: EntryRef<'a, Stored<T>>,
        opened: &'a Opened<T>,
    ) -> Self {
        Self { offset, entry, opened }
    }

    /// Where the message is in its topic.
    #[must_use]
    pub fn offset(&self) -> Offset {
        self.offset
    }

    /// The key that the log goes by: the one given on publishing, or else the one the type takes from the
    /// value. Of bytes it is the one given, or none: nobody looks into them.
    #[must_use]
    pub fn key(&self) -> Option<Key<'a>> {
        key_of(&self.entry, self.get())
    }

    /// The headers given on publishing.
    #[must_use]
    pub fn headers(&self) -> &'a Headers {
        Meta::headers(self.entry.meta())
    }

    /// The partition it belongs to; 0 where there is one.
    #[must_use]
    pub fn partition(&self) -> Partition {
        Partition(self.entry.partition())
    }

    /// When the message was stored; see [`Timestamp`] for how exactly.
    #[must_use]
    pub fn published_at(&self) -> Timestamp {
        self.entry.at()
    }

    /// The value, for as long as what it was read from.
    #[must_use]
    pub fn get(&self) -> &'a T {
        T::Form::get(self.entry.payload, self.opened)
    }
}

impl<T: Payload> Deref for MessageRef<'_, T> {
    type Target = T;

    fn deref(&self) -> &T {
        self.get()
    }
}

impl<T: Payload + fmt::Debug> fmt::Debug for MessageRef<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut message = f.debug_struct("Message");
        message.field("offset", &self.offset.0);
        if !T::SHOWS_META {
            message.field("key", &self.key()).field("headers", self.headers());
        }
        message.field("value", self.get()).finish()
    }
}
