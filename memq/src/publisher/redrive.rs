//! A message that is in a log already, on its way into another.

use std::future::poll_fn;
use std::task::Poll;

use super::Publisher;
use super::room::Room;
use crate::engine::segment::{ANY, Entry};
use crate::engine::state::Refusal;
use crate::error::PublishError;
use crate::key::partition_of;
use crate::message::Stored;
use crate::payload::Payload;
use crate::position::{Offset, Partition};

impl<T: Payload> Publisher<T> {
    /// Stores a message that is encoded, in this partition if there is one; waits for room where the
    /// topic does.
    pub(crate) async fn store(
        &self,
        entry: Entry<Stored<T>>,
        partition: Partition,
    ) -> Result<Offset, PublishError<()>> {
        let partition = match entry.key {
            _ if self.check(partition).is_ok() => partition.0,
            0 => ANY,
            key => partition_of(key, self.partitions),
        };
        let mut room = Room::new(self, self.within);
        let mut entry = Some(Entry { partition, ..entry });
        poll_fn(|cx| {
            while let Some(ready) = entry.take() {
                match self.topic.append(ready, None, room.place()) {
                    Ok(offset) => return Poll::Ready(Ok(offset)),
                    Err((Refusal::Full, ready)) => {
                        let size = ready.size;
                        entry = Some(ready);
                        match room.poll(size, cx) {
                            Poll::Ready(Ok(())) => {}
                            Poll::Ready(Err(refusal)) => return Poll::Ready(Err(refusal)),
                            Poll::Pending => return Poll::Pending,
                        }
                    }
                    Err((refusal, _)) => return Poll::Ready(Err(refusal.into())),
                }
            }
            Poll::Pending
        })
        .await
    }
}
