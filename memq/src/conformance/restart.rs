//! What is kept when the system that keeps it ends and starts again.

use std::collections::BTreeSet;
use std::future::IntoFuture;
use std::time::Duration;

use tokio::time::timeout;

use super::Failure;
use super::kit::{Checked, ITEMS, Item, Kit, LOOK, claim, ensure, items, receive, same, soon};
use super::runtime::task;
use crate::broker::Broker;
use crate::consumer::Consumer;
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

/// Messages in the topic of a group that is restarted.
const SHARED: u64 = 30;

/// A group of them. What was on its way when the system ended comes back by its deadline.
async fn member(kit: &Kit, broker: &Broker) -> Result<Consumer<Item>, Failure> {
    Ok(kit.group(broker, "work").ack_deadline(Duration::from_secs(2)).await?)
}

/// Acknowledges ten of them, of which none was kept before.
async fn ten(group: &mut Consumer<Item>, kept: &BTreeSet<u64>) -> Result<BTreeSet<u64>, Failure> {
    let mut acked = BTreeSet::new();
    while acked.len() < 10 {
        let item = claim(group).await?;
        let again = kept.contains(&item.value);
        ensure(!again, format_args!("{item:?} came again, of {kept:?}"))?;
        acked.insert(item.value);
        item.ack_confirmed().await?;
    }
    Ok(acked)
}

/// Acknowledges the rest, after a restart. What was acknowledged before it may come again, but for what
/// was kept.
async fn rest(
    kit: &Kit,
    broker: &Broker,
    mut group: Consumer<Item>,
    kept: &BTreeSet<u64>,
    acked: &BTreeSet<u64>,
) -> Checked {
    // One that was here goes on, and one that comes now.
    let other = kit.join(broker).await?;
    let mut late = member(kit, &other).await?;
    let mut seen: BTreeSet<_> = kept.union(acked).copied().collect();
    let is_done = |stats: &TopicStats| stats.group("work").is_some_and(|group| group.lag == 0);
    loop {
        for member in [&mut group, &mut late] {
            if let Ok(item) = timeout(LOOK, member.recv()).await {
                let item = item?;
                let again = kept.contains(&item.value);
                ensure(!again, format_args!("{item:?} came again, of {kept:?}"))?;
                seen.insert(item.value);
                item.ack();
            }
        }
        if is_done(&broker.stats(ITEMS).await?) {
            break;
        }
    }
    same("what came", seen, (0..SHARED).collect())
}

pub(super) async fn groups_lose_nothing_through_a_restart(kit: Kit) -> Checked {
    let broker = kit.open().await?;
    let publisher = broker.publisher::<Item>().await?;
    publisher.publish_batch((0..SHARED).map(Item::new)).await?;
    let mut group = member(&kit, &broker).await?;
    let acked = ten(&mut group, &BTreeSet::new()).await?;
    kit.restart().await?;
    rest(&kit, &broker, group, &BTreeSet::new(), &acked).await
}

pub(super) async fn groups_resume_after_restart(kit: Kit) -> Checked {
    let broker = kit.open().await?;
    let publisher = broker.publisher::<Item>().await?;
    publisher.publish_batch((0..SHARED).map(Item::new)).await?;
    let mut group = member(&kit, &broker).await?;
    let kept = ten(&mut group, &BTreeSet::new()).await?;
    kit.restart_in_order().await?;
    // What was settled in the last moment before it is ended otherwise may come again.
    let lately = ten(&mut group, &kept).await?;
    kit.restart().await?;
    rest(&kit, &broker, group, &kept, &lately).await
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
