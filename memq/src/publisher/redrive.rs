//! A message that is in a log already, on its way into another.

use std::future::poll_fn;
use std::sync::Arc;
use std::task::{Poll, ready};

use super::Publisher;
use super::remote::outgoing;
use super::room::Room;
use crate::codec::form::Form;
use crate::engine::offer::{ANY, Entry};
use crate::engine::state::Refusal;
use crate::error::PublishError;
use crate::key::partition_of;
use crate::message::Stored;
use crate::payload::Payload;
use crate::position::{Offset, Partition};
use crate::remote::Site;

impl<T: Payload> Publisher<T> {
    /// Stores a message that is encoded, in this partition if there is one; waits for room where the
    /// topic does. Where the topic is kept elsewhere it may be stored twice; an id is for that, in a
    /// topic that remembers some.
    pub(crate) async fn store(
        &self,
        entry: Entry<Stored<T>>,
        partition: Partition,
        id: Option<Arc<str>>,
    ) -> Result<Offset, PublishError<()>> {
        let partition = match entry.key {
            _ if self.check(partition).is_ok() => partition.0,
            0 => ANY,
            key => partition_of(key, self.partitions),
        };
        let topic = match &self.site {
            Site::Here(topic) => topic,
            Site::There(far) => {
                let body = T::Form::depart(entry.given.own(), far);
                let mut outgoing = outgoing(body, entry.meta, partition);
                outgoing.within = self.within;
                outgoing.id = id.filter(|_| self.dedup);
                return T::Form::there(far).store(outgoing).await;
            }
        };
        let mut room = Room::new(self, topic, self.within);
        let size = entry.size;
        let mut entry = Some(Entry { partition, ..entry });
        poll_fn(|cx| {
            loop {
                match topic.append(&mut entry, None, room.place()) {
                    Ok(offset) => return Poll::Ready(Ok(offset)),
                    Err(Refusal::Full) => {}
                    Err(refusal) => return Poll::Ready(Err(refusal.into())),
                }
                if let Err(refusal) = ready!(room.poll(size, cx)) {
                    return Poll::Ready(Err(refusal));
                }
            }
        })
        .await
    }
}
