//! What is kept when the system that keeps it ends and starts again.

use std::collections::BTreeSet;
use std::future::IntoFuture;

use super::Failure;
use super::kit::{Checked, ITEMS, Item, Kit, claim, done, ensure, items, receive, same, soon};
use super::runtime::task;
use crate::position::Offset;

pub(super) async fn restart_keeps_what_was_acknowledged(kit: Kit) -> Checked {
    let broker = kit.open().await?;
    items(&broker).max(1_000).create().await?;
    let publisher = broker.publisher::<Item>().await?;
    for value in 0..50 {
        publisher.publish(Item::new(value)).await?;
    }
    publisher.publish_batch((50..100).map(Item::new)).await?;
    kit.restart().await?;
    // Also to who was there, and comes back by itself.
    let offset = soon("a publish", publisher.publish(Item::new(100)).into_future()).await??;
    same("the next offset", offset, Offset(100))?;
    let other = kit.join(&broker).await?;
    for broker in [&broker, &other] {
        let mut reader = broker.subscriber::<Item>().await?;
        for value in 0..101 {
            let item = receive(&mut reader).await?;
            same("what was kept", (item.offset(), item.value), (Offset(value), value))?;
        }
        same("its options", broker.options(ITEMS).await?.max_messages, 1_000)?;
    }
    Ok(())
}

pub(super) async fn groups_resume_after_restart(kit: Kit) -> Checked {
    let broker = kit.open().await?;
    let publisher = broker.publisher::<Item>().await?;
    publisher.publish_batch((0..20).map(Item::new)).await?;
    let mut group = kit.group(&broker, "work").max_attempts(7).await?;
    for value in 0..10 {
        let item = claim(&mut group).await?;
        same("the message", item.value, value)?;
        item.ack_confirmed().await?;
    }
    kit.restart().await?;
    // What was not acknowledged may come twice; what was does not come again.
    let mut seen = BTreeSet::new();
    while seen.len() < 5 {
        let item = claim(&mut group).await?;
        seen.insert(item.value);
        item.ack_confirmed().await?;
    }
    drop(group);
    let other = kit.join(&broker).await?;
    let mut group = kit.group(&other, "work").max_attempts(7).await?;
    while seen.len() < 10 {
        let item = claim(&mut group).await?;
        seen.insert(item.value);
        item.ack_confirmed().await?;
    }
    same("what was left to do", seen, (10..20).collect::<BTreeSet<_>>())?;
    done(&broker, ITEMS, "work").await?;
    Ok(())
}

pub(super) async fn a_reader_goes_on_through_a_restart(kit: Kit) -> Checked {
    const COUNT: u64 = 400;
    let broker = kit.open().await?;
    let publisher = broker.publisher::<Item>().await?;
    let mut reader = broker.subscriber::<Item>().await?;
    let mut half = broker.subscriber::<Item>().await?;
    let publishing = task(async move {
        for value in 0..COUNT {
            let offset = publisher.publish(Item::new(value)).await?;
            // One at a time, and nothing twice: the outcome of none is left unknown.
            same("the offset", offset, Offset(value))?;
        }
        Ok::<_, Failure>(())
    });
    for value in 0..COUNT / 4 {
        same("before", receive(&mut half).await?.value, value)?;
    }
    kit.restart().await?;
    for value in 0..COUNT {
        let item = receive(&mut reader).await?;
        let seen = (item.offset(), item.value);
        same("through a restart", seen, (Offset(value), value))?;
    }
    for value in COUNT / 4..COUNT {
        same("after", receive(&mut half).await?.value, value)?;
    }
    publishing.await??;
    ensure(half.stats().skipped == 0, "something was skipped")
}
