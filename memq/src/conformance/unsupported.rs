//! What a back end cannot do: refused by name, and never done in another way.

use std::time::Duration;

use super::Failure;
use super::kit::{Checked, Item, Kit, claim, instead, same, soon};
use super::native::Value;
use crate::broker::Broker;
use crate::error::{CommitError, OpenError, PublishError, SeekError};
use crate::options::{Overflow, Retain, Start};
use crate::spi::Capability;

/// Of a back end that can do everything there is nothing to see here.
pub(super) async fn what_is_not_supported_is_told_by_name(kit: Kit) -> Checked {
    let broker = kit.open().await?;
    for lacks in Capability::ALL.into_iter().filter(|one| !kit.can(*one)) {
        if let Some(seen) = refusal(&kit, &broker, lacks).await? {
            same("what is told", seen, lacks.what())?;
        }
    }
    Ok(())
}

/// What was told on asking for this; `None` where there is nothing to ask for.
async fn refusal(
    kit: &Kit,
    broker: &Broker,
    lacks: Capability,
) -> Result<Option<&'static str>, Failure> {
    let topic = broker.topic("refused");
    let minute = Duration::from_secs(60);
    let groups = kit.can(Capability::Groups);
    let opened = match lacks {
        Capability::Native => broker.publisher::<Value>().await.map(drop),
        Capability::Partitions => topic.partitions(2).await,
        Capability::Dedup => topic.dedup(minute).await,
        Capability::Ttl => topic.ttl(minute).await,
        Capability::Reject => topic.overflow(Overflow::Reject).await,
        Capability::Wait => topic.overflow(Overflow::Wait).await,
        Capability::UntilConsumed => topic.retain(Retain::UntilConsumed).await,
        Capability::Groups => broker.subscriber::<Item>().group("work").await.map(drop),
        Capability::KeyOrder if groups => {
            broker.subscriber::<Item>().group("ordered").await.map(drop)
        }
        Capability::PublishNow => return now(broker).await.map(Some),
        Capability::Reserve => return reserve(broker).await.map(Some),
        Capability::Commit if groups => return commit(broker).await.map(Some),
        Capability::GroupSeek if groups => return seek(broker).await.map(Some),
        _ => return Ok(None),
    };
    match opened {
        Err(OpenError::Unsupported { what, .. }) => Ok(Some(what)),
        other => instead(&format!("OpenError::Unsupported of {lacks}"), other),
    }
}

async fn now(broker: &Broker) -> Result<&'static str, Failure> {
    let publisher = broker.publisher::<Item>().await?;
    match publisher.try_publish(Item::new(7)) {
        Err(PublishError::Unsupported { message, what, .. }) => {
            same("given back", message, Item::new(7))?;
            Ok(what)
        }
        other => instead("PublishError::Unsupported", other),
    }
}

async fn reserve(broker: &Broker) -> Result<&'static str, Failure> {
    let publisher = broker.publisher::<Item>().await?;
    match soon("an answer", publisher.reserve()).await? {
        Err(PublishError::Unsupported { what, .. }) => Ok(what),
        other => instead("PublishError::Unsupported", other.map(drop)),
    }
}

async fn commit(broker: &Broker) -> Result<&'static str, Failure> {
    broker.publisher::<Item>().await?.publish(Item::new(0)).await?;
    let mut group = broker.subscriber::<Item>().group("commits").any_order().await?;
    let held = claim(&mut group).await?;
    let told = match soon("an answer", group.commit(held.offset())).await? {
        Err(CommitError::Unsupported { what, .. }) => what,
        other => return instead("CommitError::Unsupported", other),
    };
    held.ack_confirmed().await?;
    Ok(told)
}

async fn seek(broker: &Broker) -> Result<&'static str, Failure> {
    broker.publisher::<Item>().await?.publish(Item::new(0)).await?;
    let mut group = broker.subscriber::<Item>().group("seeks").any_order().await?;
    match soon("an answer", group.seek(Start::Earliest)).await? {
        Err(SeekError::Unsupported { what, .. }) => Ok(what),
        other => instead("SeekError::Unsupported", other),
    }
}
