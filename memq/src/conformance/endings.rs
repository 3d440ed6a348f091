//! How topics, groups and brokers end: everybody is told, and nothing comes back by itself.

use std::future::IntoFuture;

use super::Failure;
use super::kit::{
    Checked, ITEMS, Item, Kit, claim, done, ensure, instead, items, pause, receive, same, settled,
    soon,
};
use super::runtime::task;
use crate::error::{AdminError, PublishError, RecvError};
use crate::options::Overflow;
use crate::position::Offset;

/// What a receive or a publish ended with, where nothing else is expected.
fn name<T>(received: Result<T, RecvError>) -> &'static str {
    match received {
        Ok(_) => "a message",
        Err(RecvError::Closed) => "Closed",
        Err(RecvError::Deleted) => "Deleted",
        Err(RecvError::GroupDeleted) => "GroupDeleted",
        Err(_) => "another error",
    }
}

pub(super) async fn close_drains_and_then_everybody_is_told(kit: Kit) -> Checked {
    let broker = kit.open().await?;
    let other = kit.join(&broker).await?;
    let publisher = broker.publisher::<Item>().await?;
    let elsewhere = other.publisher::<Item>().await?;
    let mut reader = broker.subscriber::<Item>().await?;
    let mut group = kit.group(&other, "work").await?;
    // One that has read everything, and waits.
    let mut waits = broker.subscriber::<Item>().await?;
    publisher.publish_batch((0..5).map(Item::new)).await?;
    let waiting = task(async move {
        for value in 0..5 {
            same("the message", receive(&mut waits).await?.value, value)?;
        }
        Ok::<_, Failure>(name(soon("the end", waits.recv()).await?))
    });
    other.close(ITEMS).await?;
    for publisher in [&publisher, &elsewhere, &broker.publisher::<Item>().await?] {
        match soon("a publish", publisher.publish(Item::new(9)).into_future()).await? {
            Err(PublishError::Closed(item)) => same("given back", item, Item::new(9))?,
            seen => instead("Closed", seen)?,
        }
    }
    same("what one that waits is told", waiting.await??, "Closed")?;
    let mut late = broker.subscriber::<Item>().await?;
    for reader in [&mut reader, &mut late] {
        for value in 0..5 {
            same("what is drained", receive(reader).await?.value, value)?;
        }
        same("the end", name(soon("the end", reader.recv()).await?), "Closed")?;
        ensure(soon("the end", reader.next()).await?.is_none(), "the stream goes on")?;
    }
    for value in 0..5 {
        let item = claim(&mut group).await?;
        same("what is drained", item.value, value)?;
        item.ack_confirmed().await?;
    }
    same("the end", name(soon("the end", group.recv()).await?), "Closed")?;
    // It stays, until it is deleted.
    same("its messages", broker.stats(ITEMS).await?.published, 5)
}

pub(super) async fn delete_ends_everybody(kit: Kit) -> Checked {
    let broker = kit.open().await?;
    let other = kit.join(&broker).await?;
    let publisher = broker.publisher::<Item>().await?;
    let mut behind = broker.subscriber::<Item>().await?;
    let mut waits = broker.subscriber::<Item>().await?;
    let mut group = kit.group(&other, "work").await?;
    publisher.publish(Item::new(0)).await?;
    same("the message", receive(&mut behind).await?.value, 0)?;
    same("the message", receive(&mut waits).await?.value, 0)?;
    claim(&mut group).await?.ack_confirmed().await?;
    let reading = task(async move { soon("the end", waits.recv()).await.map(name) });
    let sharing = task(async move { soon("the end", group.recv()).await.map(name) });
    other.delete(ITEMS).await?;
    same("what a reader that waits is told", reading.await??, "Deleted")?;
    same("what a member that waits is told", sharing.await??, "Deleted")?;
    same("what a reader is told", name(soon("the end", behind.recv()).await?), "Deleted")?;
    match soon("a publish", publisher.publish(Item::new(1)).into_future()).await? {
        Err(PublishError::Deleted(item)) => same("given back", item, Item::new(1))?,
        seen => instead("Deleted", seen)?,
    }
    match broker.delete(ITEMS).await {
        Err(AdminError::NotFound { topic }) => same("what is not there", &*topic, ITEMS),
        seen => instead("NotFound", seen),
    }
}

pub(super) async fn nobody_recreates_a_deleted_topic_silently(kit: Kit) -> Checked {
    let broker = kit.open().await?;
    let old = broker.publisher::<Item>().await?;
    old.publish_batch((0..3).map(Item::new)).await?;
    let mut reader = broker.subscriber::<Item>().await?;
    let mut group = kit.group(&broker, "work").without_dead_letters().await?;
    broker.delete(ITEMS).await?;
    let refused = |seen: Result<Offset, PublishError<Item>>| match seen {
        Err(PublishError::Deleted(_)) => Ok(()),
        seen => instead("Deleted", seen),
    };
    refused(soon("a publish", old.publish(Item::new(3)).into_future()).await?)?;
    let there = broker.topics().await?;
    ensure(there.is_empty(), format_args!("there are topics again: {there:?}"))?;

    // Only opening it creates it, as a new one.
    let new = broker.publisher::<Item>().await?;
    same("the first offset of the new one", new.publish(Item::new(100)).await?, Offset(0))?;
    refused(soon("a publish", old.publish(Item::new(4)).into_future()).await?)?;
    // Nobody who had the old one sees anything of the new one.
    loop {
        match soon("a message or the end", reader.recv()).await? {
            Ok(item) => ensure(item.value < 100, "an old reader was given a new message")?,
            Err(RecvError::Deleted) => break,
            seen => instead("Deleted", seen)?,
        }
    }
    loop {
        match soon("a delivery or the end", group.recv()).await? {
            Ok(item) => ensure(item.value < 100, "an old member was given a new message")?,
            Err(RecvError::Deleted) => break,
            seen => instead("Deleted", seen)?,
        }
    }
    same("the second offset", new.publish(Item::new(101)).await?, Offset(1))?;
    let mut reader = broker.subscriber::<Item>().await?;
    for value in 100..102 {
        same("the message", receive(&mut reader).await?.value, value)?;
    }
    let stats = broker.stats(ITEMS).await?;
    same("published, and groups", (stats.published, stats.groups.len()), (2, 0))
}

pub(super) async fn a_deleted_group_ends_its_members(kit: Kit) -> Checked {
    let broker = kit.open().await?;
    let other = kit.join(&broker).await?;
    let publisher = broker.publisher::<Item>().await?;
    publisher.publish_batch((0..3).map(Item::new)).await?;
    let mut group = kit.group(&broker, "work").await?;
    for _ in 0..3 {
        claim(&mut group).await?.ack_confirmed().await?;
    }
    let waiting = task(async move { soon("the end", group.recv()).await.map(name) });
    other.delete_group(ITEMS, "work").await?;
    same("what a member is told", waiting.await??, "GroupDeleted")?;
    match broker.delete_group(ITEMS, "work").await {
        Err(AdminError::NoGroup { group, .. }) => same("what is not there", &*group, "work")?,
        seen => instead("NoGroup", seen)?,
    }
    // A new one of its name knows nothing of it.
    let mut group = kit.group(&broker, "work").max_attempts(2).await?;
    for value in 0..3 {
        let item = claim(&mut group).await?;
        same("the message", (item.value, item.attempt()), (value, 1))?;
        item.ack_confirmed().await?;
    }
    done(&broker, ITEMS, "work").await?;
    Ok(())
}

pub(super) async fn a_dropped_broker_wakes_everybody(kit: Kit) -> Checked {
    let broker = kit.open().await?;
    items(&broker).max(2).overflow(Overflow::Wait).create().await?;
    let publisher = broker.publisher::<Item>().await?;
    let mut reader = broker.subscriber::<Item>().await?;
    let mut group = kit.group(&broker, "work").await?;
    publisher.publish_batch((0..2).map(Item::new)).await?;
    for value in 0..2 {
        same("the message", receive(&mut reader).await?.value, value)?;
    }
    // It holds both, so that a publisher waits for room.
    let held = (claim(&mut group).await?, claim(&mut group).await?);
    let waits = publisher.clone();
    let publishing = task(async move { waits.publish(Item::new(2)).await });
    let reading = task(async move { soon("the end", reader.recv()).await.map(name) });
    let clone = broker.clone();
    drop(broker);
    // One is left, so nothing has ended.
    settled(&clone, ITEMS, |stats| stats.published == 2).await?;
    pause().await;
    ensure(!reading.is_finished(), "a reader ended while there was a broker")?;
    ensure(!publishing.is_finished(), "a publisher ended while there was a broker")?;
    drop(clone);
    same("what a reader that waits is told", reading.await??, "Closed")?;
    match soon("the publisher", publishing).await?? {
        Err(PublishError::Closed(item)) => same("given back", item, Item::new(2))?,
        seen => instead("Closed", seen)?,
    }
    drop(held);
    match soon("a publish", publisher.publish(Item::new(3)).into_future()).await? {
        Err(PublishError::Closed(_)) => Ok(()),
        seen => instead("Closed", seen),
    }
}
