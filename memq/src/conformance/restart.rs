//! What is kept when the system that keeps it ends and starts again.

use std::collections::BTreeSet;
use std::future::IntoFuture;
use std::time::Duration;

use tokio::time::timeout;

use super::Failure;
use super::kit::{Checked, ITEMS, Item, Kit, LOOK, claim, ensure, items, receive, same, soon};
use super::runtime::task;
use crate::engine::stats::TopicStats;
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
    const COUNT: u64 = 30;
    let broker = kit.open().await?;
    let publisher = broker.publisher::<Item>().await?;
    publisher.publish_batch((0..COUNT).map(Item::new)).await?;
    // What was on its way when the system ended comes back by this deadline.
    let open = |broker| kit.group(broker, "work").ack_deadline(Duration::from_secs(2));
    let mut group = open(&broker).await?;
    let (mut kept, mut lately) = (BTreeSet::new(), BTreeSet::new());
    while kept.len() < 10 {
        let item = claim(&mut group).await?;
        kept.insert(item.value);
        item.ack_confirmed().await?;
    }
    kit.restart_in_order().await?;
    while lately.len() < 10 {
        let item = claim(&mut group).await?;
        ensure(!kept.contains(&item.value), "what was acknowledged came again")?;
        lately.insert(item.value);
        item.ack_confirmed().await?;
    }
    kit.restart().await?;
    // What was acknowledged since may come again, and nothing that was acknowledged before. One that
    // was here goes on, and one that comes now.
    let other = kit.join(&broker).await?;
    let mut late = open(&other).await?;
    let mut seen: BTreeSet<_> = kept.union(&lately).copied().collect();
    let is_done = |stats: &TopicStats| stats.group("work").is_some_and(|group| group.lag == 0);
    while !is_done(&broker.stats(ITEMS).await?) {
        for member in [&mut group, &mut late] {
            if let Ok(item) = timeout(LOOK, member.recv()).await {
                let item = item?;
                ensure(!kept.contains(&item.value), "what was kept came again")?;
                seen.insert(item.value);
                item.ack();
            }
        }
    }
    same("what came", seen, (0..COUNT).collect())
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
