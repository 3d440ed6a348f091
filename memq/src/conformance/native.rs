//! Messages that are values: handed to every reader as they are, neither encoded nor copied.

use std::sync::Arc;

use super::kit::{Checked, Kit, claim, ensure, receive, same};
use crate::codec::Native;
use crate::position::Offset;
use crate::topic::{Topic, TopicSpec};

/// Neither `Clone` nor serde.
#[derive(Debug)]
pub(super) struct Value(Arc<str>);

impl Topic for Value {
    type Codec = Native;
    const SPEC: TopicSpec = TopicSpec::new("values");
}

pub(super) async fn native_messages_are_shared_and_not_copied(kit: Kit) -> Checked {
    let broker = kit.open().await?;
    let publisher = broker.publisher::<Value>().await?;
    let value: Arc<str> = "as it is".into();
    let offset = publisher.publish(Value(value.clone())).await?;
    same("the offset", offset, Offset(0))?;
    let mut readers = [broker.subscriber::<Value>().await?, broker.subscriber::<Value>().await?];
    for reader in &mut readers {
        let message = receive(reader).await?;
        ensure(Arc::ptr_eq(&message.0, &value), "a reader was given a copy")?;
    }
    let mut group = broker.subscriber::<Value>().group("work").await?;
    claim(&mut group).await?.reject_confirmed("not now").await?;
    let mut dead = broker.dead_letters::<Value>("work").subscriber().await?;
    ensure(Arc::ptr_eq(&receive(&mut dead).await?.0, &value), "a dead letter is a copy")
}
