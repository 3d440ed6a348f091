//! Dead letters: messages that a group gave up, as they are kept in the group's dead-letter topic.

use std::fmt;
use std::sync::{Arc, Weak};

use crate::codec::form::Form;
use crate::engine::group::Burial;
use crate::engine::offer::{ANY, Entry, Given};
use crate::engine::queue::Place;
use crate::engine::registry::Registry;
use crate::engine::segment::SlotRef;
use crate::engine::state::Refusal;
use crate::engine::topic::Topic;
use crate::error::PublishError;
use crate::headers::Headers;
use crate::key::partition_of;
use crate::message::Stored;
use crate::name::TopicName;
use crate::options::Request;
use crate::payload::Payload;
use crate::position::{Offset, Partition, Timestamp};
use crate::record::Meta;

const REASON: &str = "memq-dead-reason";
const TOPIC: &str = "memq-dead-topic";
const PARTITION: &str = "memq-dead-partition";
const OFFSET: &str = "memq-dead-offset";
const GROUP: &str = "memq-dead-group";
const ATTEMPTS: &str = "memq-dead-attempts";
const AT: &str = "memq-dead-at";

/// All of them; redriving takes them off.
const HEADERS: [&str; 7] = [REASON, TOPIC, PARTITION, OFFSET, GROUP, ATTEMPTS, AT];

/// Follows the names of those that a message had before it died, once for each time that it has died
/// since; redriving takes it off once.
const BEFORE: &str = "-before";

/// How often a name may have that: where dead letters die in a circle, a message does not grow for ever.
const MAX_BEFORE: usize = 4;

/// The longest reason that is kept, in bytes; the rest is cut off.
const MAX_REASON: usize = 1024;

/// Why and whence a message is in a dead-letter topic, as its headers say.
///
/// The headers are `memq-dead-reason`, `-topic`, `-partition`, `-offset`, `-group`, `-attempts` and
/// `-at` (RFC 3339). Beside them the record is what it was: payload, key and headers. Those of a message
/// that was a dead letter already go on as `memq-dead-reason-before` and so on, four times at most, and are
/// what they were once it is redriven.
///
/// ```
/// # use memq::{Broker, DeadLetter, Topic};
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), memq::Error> {
/// # #[derive(Topic)]
/// # #[topic(name = "orders")]
/// # struct Order { item: String }
/// # let broker = Broker::new();
/// # broker.publisher::<Order>().await?.publish(Order { item: "tea".into() }).await?;
/// let mut billing = broker.subscriber::<Order>().group("billing").await?;
/// billing.recv().await?.reject("the customer does not exist");
///
/// let mut dead = broker.dead_letters::<Order>("billing").subscriber().await?;
/// let order = dead.recv().await?;
/// let why = DeadLetter::of(order.headers()).unwrap();
/// assert_eq!(why.reason, "the customer does not exist");
/// assert_eq!((why.topic.as_str(), why.offset.0, why.attempts), ("orders", 0, 1));
/// assert_eq!(order.item, "tea");
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct DeadLetter {
    /// Why it was given up: what was said on rejecting it, or how the last attempt ended. Without
    /// control characters, and cut at 1,024 bytes.
    pub reason: String,
    /// The topic it was in.
    pub topic: String,
    /// The partition it was in.
    pub partition: Partition,
    /// Its offset there.
    pub offset: Offset,
    /// The group that gave it up.
    pub group: String,
    /// How often it was handed out.
    pub attempts: u32,
    /// When it was given up.
    pub at: Timestamp,
}

impl DeadLetter {
    /// What the headers say; `None` where they are not those of a dead letter.
    #[must_use]
    pub fn of(headers: &Headers) -> Option<Self> {
        let at = humantime::parse_rfc3339(headers.get(AT)?).ok()?;
        Some(Self {
            reason: headers.get(REASON)?.into(),
            topic: headers.get(TOPIC)?.into(),
            partition: Partition(headers.get(PARTITION)?.parse().ok()?),
            offset: Offset(headers.get(OFFSET)?.parse().ok()?),
            group: headers.get(GROUP)?.into(),
            attempts: headers.get(ATTEMPTS)?.parse().ok()?,
            at: at.into(),
        })
    }

    fn write(&self, headers: &mut Headers) {
        headers.remove(|name| times_before(name) == Some(MAX_BEFORE));
        headers.rename(|name| times_before(name).map(|_| [name, BEFORE].concat().into()));
        headers.set_own(REASON, self.reason.as_str());
        headers.set_own(TOPIC, self.topic.as_str());
        headers.set_own(PARTITION, self.partition.to_string());
        headers.set_own(OFFSET, self.offset.to_string());
        headers.set_own(GROUP, self.group.as_str());
        headers.set_own(ATTEMPTS, self.attempts.to_string());
        headers.set_own(AT, self.at.to_string());
    }
}

/// How often a message has died since it got this header, if that is one of a dead letter.
fn times_before(name: &str) -> Option<usize> {
    let mut times = 0;
    let mut name = name;
    while let Some(then) = name.strip_suffix(BEFORE) {
        (name, times) = (then, times + 1);
    }
    HEADERS.contains(&name).then_some(times)
}

/// Takes off what it has as a dead letter, so that what it was before is what it is.
fn unwrite(headers: &mut Headers) {
    headers.remove(|name| HEADERS.contains(&name));
    headers.rename(|name| {
        times_before(name)?;
        name.strip_suffix(BEFORE).map(Box::from)
    });
}

/// A reason as a header can hold it.
pub(crate) fn reason(said: impl fmt::Display) -> Box<str> {
    let mut reason = String::new();
    for character in said.to_string().chars() {
        let character = if character.is_control() { ' ' } else { character };
        if reason.len() + character.len_utf8() > MAX_REASON {
            break;
        }
        reason.push(character);
    }
    reason.into()
}

/// The topic that a group's dead messages go to.
pub(crate) struct DeadLetterTopic<T: Payload> {
    pub(crate) topic: Arc<Topic<Stored<T>>>,
    pub(crate) partitions: u16,
    /// Where a topic of its name is, if it was deleted and created again.
    pub(crate) registry: Weak<Registry>,
}

impl<T: Payload> Clone for DeadLetterTopic<T> {
    fn clone(&self) -> Self {
        let (topic, registry) = (self.topic.clone(), self.registry.clone());
        Self { topic, partitions: self.partitions, registry }
    }
}

impl<T: Payload> DeadLetterTopic<T> {
    /// Stores a dead message of this topic and group.
    pub(crate) fn bury(
        &self,
        slot: &SlotRef<Stored<T>>,
        burial: &Burial,
        from: &Topic<Stored<T>>,
        group: &str,
    ) -> Result<(), PublishError<()>> {
        let letter = letter(slot, burial, from.name(), group, self.topic.now());
        let entry = again::<T>(slot, Some(from), |headers| letter.write(headers));
        let mut entry = Some(among(entry, self.partitions));
        match store(&self.topic, slot, &mut entry) {
            Ok(()) => {}
            Err(Refusal::Deleted) => self.bury_anew(slot, entry)?,
            Err(refusal) => return Err(refusal.into()),
        }
        slot.lent();
        Ok(())
    }

    /// The topic was deleted: stores the message in the one that was created since, if there is one.
    fn bury_anew(
        &self,
        slot: &SlotRef<Stored<T>>,
        entry: Option<Entry<Stored<T>>>,
    ) -> Result<(), PublishError<()>> {
        let deleted = || PublishError::Deleted(());
        let registry = self.registry.upgrade().ok_or_else(deleted)?;
        let found = registry.get(self.topic.name().as_str()).ok_or_else(deleted)?;
        let topic = found.into_any().downcast::<Topic<Stored<T>>>().map_err(|_| deleted())?;
        topic.publisher_opened();
        // It may have another number of them.
        let partitions = topic.settle(&Request::default()).0.partitions;
        let mut entry = entry.map(|entry| among(entry, partitions));
        store(&topic, slot, &mut entry)?;
        Ok(())
    }
}

/// In the partition of its key, of so many.
fn among<P>(entry: Entry<P>, partitions: u16) -> Entry<P> {
    let partition = match entry.key {
        0 => ANY,
        key => partition_of(key, partitions),
    };
    Entry { partition, ..entry }
}

/// Stores a dead message. One that keeps more beside itself than the topic holds is counted as all that
/// it holds: refused, it would never be buried.
fn store<P: Send + Sync + 'static>(
    topic: &Arc<Topic<P>>,
    slot: &SlotRef<P>,
    entry: &mut Option<Entry<P>>,
) -> Result<(), Refusal> {
    let refusal = match topic.append(&mut *entry, None, &mut Place::default()) {
        Ok(_) => return Ok(()),
        Err(refusal) => refusal,
    };
    match (&refusal, entry.as_mut()) {
        (&Refusal::TooLarge { max_bytes, .. }, Some(letter))
            if own_size(slot, letter.meta.as_ref()) <= max_bytes =>
        {
            letter.size = u32::try_from(max_bytes).unwrap_or(u32::MAX - 1);
            topic.append(entry, None, &mut Place::default()).map(drop)
        }
        _ => Err(refusal),
    }
}

/// What is said of a dead message of this topic and group.
fn letter<P>(
    slot: &SlotRef<P>,
    burial: &Burial,
    topic: &TopicName,
    group: &str,
    at: Timestamp,
) -> DeadLetter {
    DeadLetter {
        // How its last attempt ended may have made it longer.
        reason: String::from(reason(&burial.reason)),
        topic: topic.to_string(),
        partition: Partition(slot.entry().partition()),
        offset: slot.offset(),
        group: group.into(),
        attempts: burial.attempts,
        at,
    }
}

/// A dead message of this topic and group, for dead letters elsewhere.
pub(crate) fn dead<T: Payload>(
    slot: &SlotRef<Stored<T>>,
    burial: &Burial,
    topic: &TopicName,
    group: &str,
    at: Timestamp,
) -> Entry<Stored<T>> {
    let letter = letter(slot, burial, topic, group, at);
    again::<T>(slot, None, |headers| letter.write(headers))
}

/// A dead letter as it was before it died, for the topic it came from. The topic that it is in, where
/// that is here.
pub(crate) fn alive<T: Payload>(
    slot: &SlotRef<Stored<T>>,
    from: Option<&Topic<Stored<T>>>,
) -> Entry<Stored<T>> {
    again::<T>(slot, from, unwrite)
}

/// The same message for another log, with other headers. Its partition is not chosen. Where it stays in
/// the topic that it is in, it is [lent](SlotRef::lent) once it is stored.
fn again<T: Payload>(
    slot: &SlotRef<Stored<T>>,
    from: Option<&Topic<Stored<T>>>,
    change: impl FnOnce(&mut Headers),
) -> Entry<Stored<T>> {
    let entry = slot.entry();
    let mut meta = entry.meta().map(|meta| Meta::clone(meta)).unwrap_or_default();
    change(&mut meta.headers);
    let meta = Meta::share(meta.key, meta.headers);
    let (given, lent) = match T::Form::again(entry.payload) {
        Some(stored) => (Given::Own(stored), 0),
        None => {
            // What it keeps is known, and grows no more.
            if let Some(from) = from {
                from.end_segment(slot.offset());
            }
            let (slot, lent) = slot.lend();
            (Given::Borrowed(slot), lent)
        }
    };
    let size = own_size(slot, meta.as_ref()).saturating_add(lent);
    Entry::of(given, meta, size).placed(entry.key(), ANY)
}

/// What a message counts with other headers, without what it keeps beside itself.
fn own_size<P>(slot: &SlotRef<P>, meta: Option<&Arc<Meta>>) -> usize {
    let entry = slot.entry();
    let bare = (entry.size() as usize).saturating_sub(Meta::bytes(entry.meta()));
    bare.saturating_add(Meta::bytes(meta))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reason_is_one_line_and_is_cut_between_characters() {
        assert_eq!(&*reason("two\r\nlines"), "two  lines");
        let long = reason("ß".repeat(1_000));
        assert_eq!((long.len(), long.chars().count()), (1_024, 512));
        let odd = reason(format!("x{}", "ß".repeat(1_000)));
        assert_eq!(odd.len(), 1_023);
    }

    #[test]
    fn what_the_headers_say_is_read_back() {
        let letter = DeadLetter {
            reason: "no such customer".into(),
            topic: "orders".into(),
            partition: Partition(3),
            offset: Offset(17),
            group: "billing".into(),
            attempts: 5,
            at: Timestamp::from_nanos(1_234_567_890_123_456_789),
        };
        let mut headers = Headers::new();
        headers.insert("trace", "4bf92f").unwrap();
        letter.write(&mut headers);
        assert_eq!(DeadLetter::of(&headers), Some(letter));
        unwrite(&mut headers);
        assert_eq!(headers.iter().collect::<Vec<_>>(), [("trace", "4bf92f")]);
        assert_eq!(DeadLetter::of(&headers), None);
    }

    #[test]
    fn who_died_more_than_once_is_what_it_was_before_up_to_four_times() {
        let died = |times: u32| DeadLetter {
            reason: "no".into(),
            topic: "orders".into(),
            partition: Partition(0),
            offset: Offset(0),
            group: "billing".into(),
            attempts: times,
            at: Timestamp::from_nanos(0),
        };
        let mut headers = Headers::new();
        headers.insert("memq-dead-before", "mine").unwrap();
        for times in 1..=9 {
            died(times).write(&mut headers);
        }
        assert_eq!(headers.len(), 1 + 7 * (1 + MAX_BEFORE));
        for times in (5..=9).rev() {
            assert_eq!(DeadLetter::of(&headers), Some(died(times)));
            unwrite(&mut headers);
        }
        assert_eq!(headers.iter().collect::<Vec<_>>(), [("memq-dead-before", "mine")]);
    }
}
