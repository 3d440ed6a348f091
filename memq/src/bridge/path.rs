//! Whence a message came over bridges, as its headers say; and that it goes nowhere twice.

use crate::headers::Headers;
use crate::position::{Offset, Timestamp};

const PATH: &str = "memq-bridge-path";
const OFFSET: &str = "memq-bridge-offset";
const AT: &str = "memq-bridge-at";

/// The topics that a message may go through. Nobody builds that many in a row.
const MOST: usize = 32;

/// Whence a message came that was mirrored, as its headers say.
///
/// The headers are `memq-bridge-path`, with the identities of the topics that the message was in, from
/// the first to the one that it is in; `memq-bridge-offset`, where it was in the first; and
/// `memq-bridge-at` (RFC 3339), when it was stored there. Beside them the record is what it was:
/// payload, format, key and headers.
///
/// A bridge goes by them where the last of the path is the topic that it reads. So a message that is
/// published anew with the headers of another one is mirrored like every other, unless it is published
/// to the same topic: there it counts as the one that it was made of.
///
/// ```
/// # use memq::{Broker, Mirrored, bridge};
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), memq::Error> {
/// # let (local, remote) = (Broker::new(), Broker::new());
/// # local.topic("audit").publisher().await?.publish_bytes("signed in").await?;
/// # let mirror = bridge(&local, &remote).topic_named("audit").mirror_out().await?;
/// # let handle = mirror.handle();
/// # tokio::spawn(mirror);
/// # let mut copies = remote.topic("audit").subscriber().await?;
/// let copy = copies.recv().await?;
/// let whence = Mirrored::of(copy.headers()).unwrap();
/// assert_eq!((whence.offset.0, whence.hops), (0, 1));
/// # handle.shutdown(std::time::Duration::from_secs(9)).await;
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Mirrored {
    /// The identity of the topic that it was published to, as 16 hexadecimal digits. It is another one
    /// for each topic of each system, and for one that is deleted and created again.
    pub origin: String,
    /// Its offset there.
    pub offset: Offset,
    /// When it was stored there.
    pub at: Timestamp,
    /// How many bridges it went over.
    pub hops: usize,
}

impl Mirrored {
    /// What the headers say; `None` where they are not those of a message that was mirrored.
    #[must_use]
    pub fn of(headers: &Headers) -> Option<Self> {
        let (origin, rest) = headers.get(PATH)?.split_once(' ')?;
        Some(Self {
            origin: origin.into(),
            offset: Offset(headers.get(OFFSET)?.parse().ok()?),
            at: humantime::parse_rfc3339(headers.get(AT)?).ok()?.into(),
            hops: rest.split(' ').count(),
        })
    }
}

/// From a topic to its mirror, by their identities.
#[derive(Clone, Copy, Debug)]
pub(super) struct Route {
    pub(super) source: u64,
    pub(super) target: u64,
}

impl Route {
    /// The headers with which a message goes on, which was stored at this offset and time; `None` where
    /// it has been to the target.
    pub(super) fn through(
        &self,
        headers: &Headers,
        offset: Offset,
        at: Timestamp,
    ) -> Option<Headers> {
        let (source, target) = (identity(self.source), identity(self.target));
        let mut through = headers.clone();
        // One that ends elsewhere is of another message.
        let known = headers.get(PATH).filter(|path| path.rsplit(' ').next() == Some(&*source));
        let path = match known {
            Some(path) => {
                let been = path.split(' ').any(|topic| topic == target);
                if been || path.split(' ').count() >= MOST {
                    return None;
                }
                format!("{path} {target}")
            }
            None => {
                through.set_own(OFFSET, offset.to_string());
                through.set_own(AT, at.to_string());
                format!("{source} {target}")
            }
        };
        through.set_own(PATH, path);
        Some(through)
    }

    /// The id of a message, which is the same each time that it is sent.
    pub(super) fn id(&self, offset: u64) -> String {
        format!("memq-bridge:{}:{offset}", identity(self.source))
    }
}

fn identity(topic: u64) -> String {
    format!("{topic:016x}")
}

#[cfg(test)]
mod tests {
    use super::*;

    const THERE: Route = Route { source: 1, target: 2 };
    const BACK: Route = Route { source: 2, target: 1 };
    const ON: Route = Route { source: 2, target: 3 };

    fn go(route: Route, headers: &Headers, offset: u64) -> Option<Headers> {
        route.through(headers, Offset(offset), Timestamp::from_nanos(offset))
    }

    #[test]
    fn a_message_goes_on_and_never_back() {
        let mut headers = Headers::new();
        headers.insert("trace", "4bf92f").unwrap();
        let there = go(THERE, &headers, 7).unwrap();
        assert!(go(BACK, &there, 40).is_none());
        let on = go(ON, &there, 40).unwrap();
        assert_eq!(on.get("trace"), Some("4bf92f"));
        let whence = Mirrored::of(&on).unwrap();
        let origin = "0000000000000001".to_owned();
        let at = Timestamp::from_nanos(7);
        assert_eq!(whence, Mirrored { origin, offset: Offset(7), at, hops: 2 });
        assert!(go(Route { source: 3, target: 1 }, &on, 0).is_none());
        assert!(Mirrored::of(&headers).is_none());
    }

    #[test]
    fn headers_of_another_message_are_not_believed() {
        let there = go(THERE, &Headers::new(), 7).unwrap();
        // Published anew, to a topic that the headers do not speak of.
        let anew = go(Route { source: 8, target: 1 }, &there, 3).unwrap();
        assert_eq!(Mirrored::of(&anew).unwrap().offset, Offset(3));
        assert_eq!(Mirrored::of(&anew).unwrap().hops, 1);
    }

    #[test]
    fn a_path_ends_somewhere() {
        let mut headers = go(THERE, &Headers::new(), 0);
        let mut topics = 2;
        while let Some(on) = headers {
            headers = go(Route { source: topics, target: topics + 1 }, &on, 0);
            topics += 1;
        }
        assert_eq!(topics, MOST as u64 + 1);
    }
}
