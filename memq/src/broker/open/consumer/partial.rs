//! What a subscriber may pass over, and a group may not.

use super::ConsumerBuilder;
use crate::payload::Payload;
use crate::position::Partition;

/// What no message of a group is. Without it the compiler would say of `filter` and `partition` that a
/// builder is no iterator.
#[diagnostic::on_unimplemented(
    message = "the members of a consumer group take all of its topic: it has no `filter`, and no `partition`",
    label = "not of a group",
    note = "what one member passed over would be lost to the group, so `ack` what is not wanted; the partitions are divided among the members",
    note = "or subscribe without `group`: each such subscriber gets every message, and may pass over some"
)]
pub trait PassedOver {}

impl<T: Payload> ConsumerBuilder<'_, T> {
    #[doc(hidden)]
    pub fn filter(mut self, keep: impl Fn(&T) -> bool + Send + Sync + 'static) -> Self
    where
        T: PassedOver,
    {
        self.subscriber = self.subscriber.filter(keep);
        self
    }

    #[doc(hidden)]
    pub fn partition(mut self, partition: impl Into<Partition>) -> Self
    where
        T: PassedOver,
    {
        self.subscriber = self.subscriber.partition(partition);
        self
    }
}
