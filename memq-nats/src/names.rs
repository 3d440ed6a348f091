//! What topics, partitions and groups are called on the server, and ids that nobody else makes.

use std::fmt;
use std::hash::{BuildHasher as _, Hasher as _, RandomState};

use async_nats::datetime::DateTime;
use memq::{Offset, Partition, Timestamp, TopicName};

use crate::delivered::number;

/// Stands for the dot of a topic's name, which streams may not have. It is in no topic's name.
const DOT: char = '=';

/// What separates a group's name from the rest in the name of a durable. It is in no group's.
const PART: char = '=';

/// What all names of one application on a server begin with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Namespace(Box<str>);

/// What a subject says about the message that was published to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Place {
    pub(crate) partition: Partition,
    pub(crate) keyed: bool,
}

impl Default for Namespace {
    fn default() -> Self {
        Self("memq".into())
    }
}

impl Namespace {
    /// 1 to 32 characters that end no token: so the first `-` of a stream's name ends the namespace.
    pub(crate) fn new(name: &str) -> Option<Self> {
        let fine = |c: char| c.is_ascii_alphanumeric() || c == '_';
        let fits = !name.is_empty() && name.len() <= 32 && name.chars().all(fine);
        fits.then(|| Self(name.into()))
    }

    /// The stream of a topic.
    pub(crate) fn stream(&self, topic: &TopicName) -> String {
        format!("{}-{}", self.0, topic.as_str().replace('.', &DOT.to_string()))
    }

    /// The topic of a stream; `None` where it is none of this namespace.
    pub(crate) fn topic(&self, stream: &str) -> Option<TopicName> {
        let name = stream.strip_prefix(&*self.0)?.strip_prefix('-')?;
        if name.contains('.') {
            return None;
        }
        TopicName::new(&name.replace(DOT, ".")).ok()
    }

    /// All that is published to a topic.
    pub(crate) fn subjects(&self, topic: &TopicName) -> String {
        format!("{}.{topic}.*.*", self.0)
    }

    /// Where a message is published: its partition, and whether it has a key.
    pub(crate) fn subject(&self, topic: &TopicName, place: Place) -> String {
        format!("{}.{topic}.{}.{}", self.0, place.partition, token(place.keyed))
    }

    /// All without a key, of every partition.
    pub(crate) fn unkeyed(&self, topic: &TopicName) -> String {
        format!("{}.{topic}.*.{}", self.0, token(false))
    }

    /// Where closing and deleting a topic is told to who has it open.
    pub(crate) fn notices(&self, topic: &TopicName) -> String {
        format!("_{}.notice.{topic}", self.0)
    }
}

impl fmt::Display for Namespace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Place {
    /// What a subject of a topic says; `None` where no publisher of memq's would use it.
    pub(crate) fn of(subject: &str) -> Option<Self> {
        let (before, keyed) = match subject.as_bytes() {
            [before @ .., b'.', b'k'] => (before, true),
            [before @ .., b'.', b'n'] => (before, false),
            _ => return None,
        };
        let partition = before.rsplit(|byte| *byte == b'.').next()?;
        let (partition, []) = number(partition)? else { return None };
        Some(Self { partition: Partition(partition.try_into().ok()?), keyed })
    }
}

/// The last token of a subject.
const fn token(keyed: bool) -> &'static str {
    if keyed { "k" } else { "n" }
}

/// Whether a group, or an epoch of one, can be called this. What is no such name is never asked for: it
/// would say more to the server than a name.
pub(crate) fn is_name(name: &str) -> bool {
    let fine = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-';
    !name.is_empty() && name.bytes().all(fine)
}

/// A durable consumer of a group, of those it has since it was created or moved: which part it is.
pub(crate) fn durable(group: &str, epoch: &str, part: impl fmt::Display) -> String {
    format!("{group}{PART}{epoch}{PART}{part}")
}

/// Whether a consumer is this part of some group.
pub(crate) fn is_part(durable: &str, part: &str) -> bool {
    let mut names = durable.split(PART);
    names.nth(2) == Some(part) && names.next().is_none()
}

/// Since when a consumer is one of this group; `None` where it is none.
pub(crate) fn part_of<'n>(durable: &'n str, group: &str) -> Option<&'n str> {
    let (epoch, _) = durable.strip_prefix(group)?.strip_prefix(PART)?.split_once(PART)?;
    Some(epoch)
}

/// When something was, as the client has it.
pub(crate) fn timestamp(at: DateTime) -> Timestamp {
    Timestamp::from_nanos(at.unix_timestamp_nanos().try_into().unwrap_or_default())
}

/// The offset of the message with this sequence: sequences begin at 1.
pub(crate) const fn offset(sequence: u64) -> Offset {
    Offset(sequence.saturating_sub(1))
}

/// The sequence of the message at this offset.
pub(crate) const fn sequence(offset: Offset) -> u64 {
    offset.0.saturating_add(1)
}

/// A reader's consumer.
pub(crate) fn reader() -> String {
    format!("r-{}", unique())
}

/// 32 hexadecimal digits that no other process makes.
pub(crate) fn unique() -> String {
    // Keyed by the system's random numbers, and each `RandomState` differently.
    let random = || {
        let mut hasher = RandomState::new().build_hasher();
        hasher.write_u32(std::process::id());
        hasher.finish()
    };
    format!("{:016x}{:016x}", random(), random())
}

/// Eight characters, which another name of a few gets by chance once in 10^12 times. Short, since each
/// message that a consumer sends and each acknowledgement carries its name.
pub(crate) fn short() -> String {
    let mut random = RandomState::new().build_hasher().finish();
    let mut next = || {
        let digit = u32::try_from(random % 36).unwrap_or_default();
        random /= 36;
        char::from_digit(digit, 36).unwrap_or('0')
    };
    (0..8).map(|_| next()).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn namespace() -> Namespace {
        Namespace::new("memq").unwrap()
    }

    #[test]
    fn a_namespace_has_no_dash_and_no_dot() {
        for good in ["memq", "a", "Shop_2"] {
            assert!(Namespace::new(good).is_some(), "{good}");
        }
        for bad in ["", "a-b", "a.b", "a b", "ä", "a=b", &"x".repeat(33)] {
            assert!(Namespace::new(bad).is_none(), "{bad}");
        }
    }

    #[test]
    fn streams_of_others_are_no_topics() {
        for other in ["orders", "memq", "memq-", "memqorders", "KV_memq", "memq-a.b", "memq-a==b"] {
            assert_eq!(namespace().topic(other), None, "{other}");
        }
    }

    #[test]
    fn a_subject_says_partition_and_key() {
        let topic: TopicName = "audit.2026".parse().unwrap();
        let place = Place { partition: Partition(7), keyed: true };
        let subject = namespace().subject(&topic, place);
        assert_eq!(subject, "memq.audit.2026.7.k");
        assert_eq!(Place::of(&subject), Some(place));
        for foreign in [
            "memq.a.0.x",
            "memq.a.-1.k",
            "memq.a.+1.k",
            "memq.a.1x.k",
            "memq.a.65536.n",
            "k",
            "0.",
            "",
        ] {
            assert_eq!(Place::of(foreign), None, "{foreign}");
        }
    }

    #[test]
    fn a_durable_says_whose_it_is() {
        let keyed = durable("billing", "7f", "k3");
        assert_eq!(keyed, "billing=7f=k3");
        assert_eq!(part_of(&keyed, "billing"), Some("7f"));
        assert!(is_part(&keyed, "k3") && !is_part(&keyed, "k") && !is_part("a=b=c=k3", "k3"));
        for other in ["bill", "billing-2", ""] {
            assert_eq!(part_of(&keyed, other), None, "{other}");
        }
        assert_eq!(part_of("billing", "billing"), None);
    }

    #[test]
    fn a_group_has_a_name_of_one_token() {
        assert!(is_name("billing_2-a") && is_name(&short()));
        for bad in ["", "a b", "a.b", "a\r\n", "a\t", "*", ">", "a=b", "ä"] {
            assert!(!is_name(bad), "{bad:?}");
        }
    }

    #[test]
    fn ids_differ() {
        let ids: std::collections::HashSet<_> = (0..1_000).map(|_| unique()).collect();
        assert_eq!(ids.len(), 1_000);
        assert!(ids.iter().all(|id| id.len() == 32));
        let ids: std::collections::HashSet<_> = (0..1_000).map(|_| short()).collect();
        assert_eq!(ids.len(), 1_000);
        assert!(ids.iter().all(|id| id.len() == 8 && !id.contains(PART)));
    }

    proptest! {
        #[test]
        fn every_topic_has_a_stream_of_its_own(
            one in "[A-Za-z0-9_-]{1,8}(\\.[A-Za-z0-9_-]{1,8}){0,3}",
            other in "[A-Za-z0-9_-]{1,8}(\\.[A-Za-z0-9_-]{1,8}){0,3}",
        ) {
            let (one, other) = (TopicName::new(&one).unwrap(), TopicName::new(&other).unwrap());
            let stream = namespace().stream(&one);
            prop_assert!(!stream.contains(['.', ' ', '*', '>', '/', '\\']));
            prop_assert_eq!(namespace().topic(&stream), Some(one.clone()));
            prop_assert_eq!(stream == namespace().stream(&other), one == other);
        }

        #[test]
        fn offsets_begin_at_zero_and_sequences_at_one(at in 0..u64::MAX) {
            prop_assert_eq!(offset(sequence(Offset(at))), Offset(at));
        }
    }
}
