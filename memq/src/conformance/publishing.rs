//! What it means that something was published.

use std::collections::BTreeSet;
use std::future::IntoFuture;
use std::time::Duration;

use super::kit::{
    Checked, Item, Kit, abandon, ensure, instead, items, receive, same, settled, soon,
};
use super::runtime::task;
use crate::error::PublishError;
use crate::key::TopicKey;
use crate::options::{Overflow, Start};
use crate::position::Offset;

pub(super) async fn published_means_in_the_log_at_that_offset(kit: Kit) -> Checked {
    let broker = kit.open().await?;
    let other = kit.join(&broker).await?;
    let publisher = broker.publisher::<Item>().await?;
    for value in 0..20 {
        let offset = publisher.publish(Item::new(value)).await?;
        let next = other.stats("items").await?.next;
        same("the next offset, once a message was published", next, offset.next())?;
        for broker in [&broker, &other] {
            let mut reader = broker.subscriber::<Item>().from(offset).await?;
            let item = receive(&mut reader).await?;
            same("what was published", (item.offset(), item.value), (offset, value))?;
        }
    }
    Ok(())
}

pub(super) async fn offsets_are_dense_ordered_and_never_reused(kit: Kit) -> Checked {
    let broker = kit.open().await?;
    items(&broker).max(8).create().await?;
    let other = kit.join(&broker).await?;
    let mut tasks = Vec::new();
    for number in 0..4 {
        let broker = if number % 2 == 0 { &broker } else { &other };
        let publisher = broker.publisher::<Item>().await?;
        tasks.push(task(async move {
            let mut offsets = Vec::new();
            for value in 0..50 {
                offsets.push(publisher.publish(Item::new(number * 100 + value)).await?);
            }
            Ok::<_, super::Failure>(offsets)
        }));
    }
    let mut all = BTreeSet::new();
    for task in tasks {
        let offsets = soon("four publishers", task).await???;
        let rises = offsets.is_sorted_by(|one, other| one < other);
        ensure(rises, format_args!("offsets of one publisher are not in order: {offsets:?}"))?;
        for offset in offsets {
            ensure(all.insert(offset), format_args!("offset {offset} was given twice"))?;
        }
    }
    same("all offsets", all, (0..200).map(Offset).collect::<BTreeSet<_>>())?;
    // All but eight are gone by now; their offsets are not given again.
    let offset = broker.publisher::<Item>().await?.publish(Item::new(1_000)).await?;
    same("the offset after those", offset, Offset(200))
}

pub(super) async fn a_batch_is_stored_in_order_and_whole(kit: Kit) -> Checked {
    let broker = kit.open().await?;
    let publisher = broker.publisher::<Item>().await?;
    let mut expected = 0;
    for size in [1, 7, 600, 0, 3] {
        let batch = (0..size).map(|at| Item::new(expected + at));
        let offsets = soon("a batch", publisher.publish_batch(batch).into_future()).await??;
        let dense: Vec<_> = (expected..expected + size).map(Offset).collect();
        same("the offsets of a batch", offsets, dense)?;
        expected += size;
    }
    let mut reader = broker.subscriber::<Item>().await?;
    for value in 0..expected {
        let item = receive(&mut reader).await?;
        same("a message of a batch", (item.offset(), item.value), (Offset(value), value))?;
    }
    Ok(())
}

/// Some of these wait for room when they are dropped, and some are on their way.
pub(super) async fn a_dropped_publish_is_whole_or_not_at_all(kit: Kit) -> Checked {
    const FENCE: u64 = 1_000;
    let broker = kit.open().await?;
    items(&broker).max(8).overflow(Overflow::Wait).create().await?;
    let publisher = broker.publisher::<Item>().await?;
    let mut reader = broker.subscriber::<Item>().await?;
    let reading = task(async move {
        let mut seen = Vec::new();
        while seen.last() != Some(&FENCE) {
            seen.push(receive(&mut reader).await?.value);
        }
        Ok::<_, super::Failure>(seen)
    });
    let mut stored = Vec::new();
    for value in 0..90 {
        let publishing = publisher.publish(Item::new(value)).into_future();
        if value % 10 == 9 {
            // Those before it that were not dropped too early are stored before it.
            publishing.await?;
            stored.push(value);
        } else if let Some(published) = abandon(value % 5, publishing).await {
            published?;
            stored.push(value);
        }
    }
    publisher.publish(Item::new(FENCE)).await?;
    let seen = soon("the reader", reading).await???;
    let rises = seen.is_sorted_by(|one, other| one < other);
    ensure(rises, format_args!("doubled or out of order: {seen:?}"))?;
    let lost: Vec<_> = stored.iter().filter(|value| !seen.contains(value)).collect();
    same("published, and then not there", lost, Vec::<&u64>::new())?;
    let published = broker.stats("items").await?.published;
    same("the count of what was published", published, seen.len() as u64)
}

pub(super) async fn a_repeated_id_returns_the_first_offset(kit: Kit) -> Checked {
    let broker = kit.open().await?;
    items(&broker).dedup(Duration::from_secs(60)).create().await?;
    let other = kit.join(&broker).await?;
    let (here, there) = (broker.publisher::<Item>().await?, other.publisher::<Item>().await?);
    let first = here.publish(Item::new(0)).id("a").await?;
    let second = here.publish(Item::new(1)).id("b").await?;
    for publisher in [&here, &there] {
        let again = publisher.publish(Item::new(2)).id("a").await?;
        same("the offset of a repeated id", again, first)?;
        let again = publisher.publish(Item::new(3)).id("b").await?;
        same("the offset of a repeated id", again, second)?;
        let sent = publisher.send(Item::new(5)).id("a").into_future();
        let again = soon("a receipt", soon("a place in the window", sent).await??).await??;
        same("the offset of a repeated id that was sent", again, first)?;
    }
    // Without an id nothing is repeated.
    here.publish(Item::new(4)).await?;
    here.publish(Item::new(4)).await?;
    let mut reader = broker.subscriber::<Item>().await?;
    for expected in [0, 1, 4, 4] {
        same("what was stored", receive(&mut reader).await?.value, expected)?;
    }
    let stats = broker.stats("items").await?;
    same("published", stats.published, 4)?;

    // A topic that remembers no ids refuses them, since they would promise too much.
    let plain = broker.topic("plain").publisher().await?;
    match plain.publish_bytes("x").id("a").await {
        Err(PublishError::NoDedup(record)) => same("given back", &record.bytes()[..], &b"x"[..]),
        other => instead("NoDedup", other),
    }
}

pub(super) async fn publishing_now_is_as_publishing(kit: Kit) -> Checked {
    let broker = kit.open().await?;
    items(&broker).max(2).overflow(Overflow::Reject).create().await?;
    let publisher = broker.publisher::<Item>().await?;
    for value in 0..2 {
        same("the offset", publisher.try_publish(Item::new(value))?, Offset(value))?;
    }
    match publisher.publish(Item::new(2)).now() {
        Err(PublishError::Full(item)) => same("given back", item, Item::new(2))?,
        other => instead("Full", other)?,
    }
    let mut reader = broker.subscriber::<Item>().from(Start::Earliest).await?;
    for value in 0..2 {
        same("the message", receive(&mut reader).await?.value, value)?;
    }
    Ok(())
}

pub(super) async fn a_permit_is_room_that_nobody_else_gets(kit: Kit) -> Checked {
    let broker = kit.open().await?;
    items(&broker).max(2).overflow(Overflow::Reject).create().await?;
    let publisher = broker.publisher::<Item>().await?;
    let joined = kit.join(&broker).await?;
    let other = joined.publisher::<Item>().await?;
    publisher.publish(Item::new(0)).await?;
    let permit = soon("a permit", publisher.reserve()).await??;
    match other.publish(Item::new(9)).await {
        Err(PublishError::Full(item)) => same("given back", item, Item::new(9))?,
        other => instead("Full, since the room is reserved", other)?,
    }
    same("the offset", permit.send(Item::new(1))?, Offset(1))?;
    settled(&broker, "items", |stats| stats.depth == 2).await?;
    Ok(())
}

pub(super) async fn send_keeps_order_and_its_receipts_tell(kit: Kit) -> Checked {
    const COUNT: u64 = 400;
    let broker = kit.open().await?;
    let publisher = broker.publisher::<Item>().await?;
    let mut receipts = Vec::new();
    for value in 0..COUNT {
        let sending = publisher.send(Item::keyed(value % 3, value)).header("trace", "4bf92f");
        let receipt = soon("a place in the window", sending.into_future()).await??;
        // Some go on without anybody who asks for them.
        if value % 5 != 0 {
            receipts.push((value, receipt));
        }
    }
    soon("a flush", publisher.flush()).await?;
    same("published, once it is flushed", broker.stats("items").await?.published, COUNT)?;
    // In any order.
    for (value, receipt) in receipts.into_iter().rev() {
        let offset = soon("a receipt", receipt).await??;
        same("the offset of what was sent", offset, Offset(value))?;
    }
    let joined = kit.join(&broker).await?;
    let mut reader = joined.subscriber::<Item>().await?;
    for value in 0..COUNT {
        let item = receive(&mut reader).await?;
        same("what was sent", (item.offset(), item.value), (Offset(value), value))?;
        same("its key", item.key(), (value % 3).to_key())?;
        same("its header", item.headers().get("trace"), Some("4bf92f"))?;
    }
    // What is published and awaited comes after what was sent before it.
    let first = soon("a place in the window", publisher.send(Item::new(COUNT)).into_future());
    let first = first.await??;
    let second = publisher.publish(Item::new(COUNT + 1)).await?;
    let first = soon("a receipt", first).await??;
    same("both offsets", (first, second), (Offset(COUNT), Offset(COUNT + 1)))
}

/// Whether it is the future or the receipt that tells is the back end's.
pub(super) async fn what_is_sent_and_refused_comes_back(kit: Kit) -> Checked {
    let broker = kit.open().await?;
    items(&broker).max(2).overflow(Overflow::Reject).create().await?;
    let publisher = broker.publisher::<Item>().await?;
    let mut outcomes = Vec::new();
    for value in 0..4 {
        let sent = soon("a place in the window", publisher.send(Item::new(value)).into_future());
        outcomes.push(match sent.await? {
            Ok(receipt) => soon("a receipt", receipt).await?,
            Err(error) => Err(error),
        });
    }
    for (value, outcome) in (0..).zip(outcomes) {
        match outcome {
            Ok(offset) if value < 2 => same("the offset", offset, Offset(value))?,
            Err(PublishError::Full(item)) if value >= 2 => same("given back", item.value, value)?,
            other => instead(&format!("what becomes of {value}, of room for 2"), other)?,
        }
    }
    broker.close("items").await?;
    let sent = soon("a place in the window", publisher.send(Item::new(9)).into_future()).await?;
    let told = match sent {
        Ok(receipt) => soon("a receipt", receipt).await?,
        Err(error) => Err(error),
    };
    match told {
        Err(PublishError::Closed(item)) => same("given back", item, Item::new(9))?,
        other => instead("Closed", other)?,
    }
    same("published", broker.stats("items").await?.published, 2)
}
