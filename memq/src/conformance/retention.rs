//! What a topic keeps, what happens when it is full, and that the numbers add up.

use std::collections::BTreeSet;
use std::future::IntoFuture;
use std::time::Duration;

use futures_util::{Stream, StreamExt};
use tokio::time::timeout;

use super::kit::{
    Checked, Failure, ITEMS, Item, Kit, claim, done, ensure, instead, items, pause, receive, same,
    settled, soon,
};
use super::runtime::task;
use crate::error::{BatchError, LagReason, PublishError, RecvError};
use crate::options::{Overflow, Retain};
use crate::position::Offset;
use crate::publisher::Publisher;
use crate::spi::Capability;

/// Publishes as soon as a topic that rejects has room.
async fn publish_with_patience(to: &Publisher<Item>, mut item: Item) -> Result<Offset, Failure> {
    loop {
        match to.publish(item).await {
            Err(PublishError::Full(back)) => item = back,
            other => return Ok(other?),
        }
        pause().await;
    }
}

pub(super) async fn full_and_reject_gives_the_value_back(kit: Kit) -> Checked {
    let broker = kit.open().await?;
    items(&broker).max(2).overflow(Overflow::Reject).create().await?;
    let publisher = broker.publisher::<Item>().await?;
    // What it holds is not settled, so there is no room for more.
    let mut group = kit.group(&broker, "work").await?;
    publisher.publish(Item::new(0)).await?;
    let BatchError { published, reason, rest, .. } = match soon(
        "a batch",
        publisher.publish_batch((1..4).map(Item::new)).into_future(),
    )
    .await?
    {
        Err(error) => error,
        other => return instead("an error, since there is room for one", other),
    };
    same("published of the batch", published, vec![Offset(1)])?;
    same("the rest of the batch", rest, vec![Item::new(2), Item::new(3)])?;
    ensure(matches!(*reason, PublishError::Full(())), format_args!("the reason is {reason}"))?;
    let first = claim(&mut group).await?;
    same("the first", first.value, 0)?;
    match soon("a publish", publisher.publish(Item::keyed(7, 9)).into_future()).await? {
        Err(PublishError::Full(item)) => same("given back", item, Item::keyed(7, 9))?,
        other => instead("Full", other)?,
    }
    first.ack_confirmed().await?;
    let offset = soon("room", publish_with_patience(&publisher, Item::new(2))).await??;
    same("the offset of the next", offset, Offset(2))?;
    for value in 1..3 {
        let item = claim(&mut group).await?;
        same("nothing was dropped or stored by a refusal", item.value, value)?;
        item.ack_confirmed().await?;
    }
    let stats = broker.stats(ITEMS).await?;
    kit.nothing_dropped(&stats)?;
    same("published", stats.published, 3)
}

pub(super) async fn full_and_wait_waits_for_everyone_and_drops_nothing(kit: Kit) -> Checked {
    const COUNT: u64 = 60;
    let broker = kit.open().await?;
    items(&broker).max(16).overflow(Overflow::Wait).create().await?;
    let publisher = broker.publisher::<Item>().await?;
    let mut quick = kit.group(&broker, "quick").await?;
    let mut slow = kit.group(&broker, "slow").await?;
    publisher.publish_batch((0..16).map(Item::new)).await?;
    for value in 0..16 {
        let item = claim(&mut quick).await?;
        same("the message", item.value, value)?;
        item.ack_confirmed().await?;
    }
    // One has passed everything, the other nothing: there is no room, however long one waits.
    match publisher.publish(Item::new(99)).within(Duration::from_secs(1)).await {
        Err(PublishError::Timeout(item)) => same("given back", item, Item::new(99))?,
        other => instead("Timeout, since a group has passed nothing", other)?,
    }
    let mut tasks = Vec::new();
    for number in 1..=3 {
        let publisher = publisher.clone();
        tasks.push(task(async move {
            for at in 0..COUNT / 3 {
                publisher.publish(Item::new(number * 1_000 + at)).await?;
            }
            Ok::<_, Failure>(())
        }));
    }
    let (mut seen, mut slowly) = (Vec::new(), Vec::new());
    for at in 0..16 + COUNT {
        let item = claim(&mut slow).await?;
        same("the offset", item.offset(), Offset(at))?;
        slowly.push(item.value);
        item.ack_confirmed().await?;
        if at >= 16 {
            let item = claim(&mut quick).await?;
            same("the offset", item.offset(), Offset(at))?;
            seen.push(item.value);
            item.ack_confirmed().await?;
        }
    }
    for task in tasks {
        soon("a publisher", task).await???;
    }
    same("what both groups were given", &seen, &slowly[16..])?;
    for number in 1..=3 {
        let own: Vec<_> = seen.iter().filter(|value| **value / 1_000 == number).collect();
        same("what one published", own.len() as u64, COUNT / 3)?;
        ensure(own.is_sorted(), "the messages of a publisher are out of order")?;
    }
    let stats = broker.stats(ITEMS).await?;
    kit.nothing_dropped(&stats)?;
    same("published", stats.published, 16 + COUNT)
}

/// The next message, after what lag there is.
async fn past_lag<M>(
    from: &mut (impl Stream<Item = Result<M, RecvError>> + Unpin),
) -> Result<M, Failure> {
    loop {
        let next = soon("a message", from.next()).await?;
        match next.ok_or_else(|| Failure::new("the stream has ended"))? {
            Err(RecvError::Lagged { .. }) => {}
            other => return Ok(other?),
        }
    }
}

pub(super) async fn ttl_expired_is_never_delivered(kit: Kit) -> Checked {
    const COUNT: u64 = 100;
    const TTL: Duration = Duration::from_millis(500);
    let broker = kit.open().await?;
    items(&broker).ttl(TTL).create().await?;
    let publisher = broker.publisher::<Item>().await?;
    let mut early = broker.subscriber::<Item>().await?;
    let mut group = kit.group(&broker, "work").await?;
    let mut settles = kit.group(&broker, "settles").auto_ack().await?;
    publisher.publish_batch((0..COUNT).map(Item::new)).await?;
    // With the first one, more may be fetched than were asked for. Where the machine is slow that comes
    // too late.
    drop(timeout(TTL, early.recv()).await);
    drop(timeout(TTL, group.recv()).await);
    drop(timeout(TTL, settles.recv()).await);
    // Nobody comes by, and they go.
    let stats = settled(&broker, ITEMS, |stats| stats.depth == 0).await?;
    same("what expired", stats.dropped.total(), COUNT)?;
    if kit.can(Capability::DropCauses) {
        same("what expired, by its cause", stats.dropped.expired, COUNT)?;
    }
    let mut late = broker.subscriber::<Item>().from(Offset(0)).await?;
    // These expire too where the machine is slow, so that there are more of them.
    let publishing = task(async move {
        for value in COUNT.. {
            publisher.publish(Item::new(value)).await?;
            pause().await;
        }
        Ok::<_, Failure>(())
    });
    match soon("lag", late.recv()).await? {
        Err(RecvError::Lagged { skipped, reason }) => {
            ensure(skipped >= 1, "lag of nothing is told")?;
            if kit.can(Capability::DropCauses) {
                same("the reason", reason, LagReason::Expired)?;
            }
        }
        other => instead("Lagged, since the first one expired", other)?,
    }
    for reader in [&mut late, &mut early] {
        let value = past_lag(reader).await?.value;
        ensure(value >= COUNT, "an expired message was delivered")?;
    }
    for group in [&mut group, &mut settles] {
        let item = past_lag(group).await?;
        ensure(item.value >= COUNT, "an expired message was delivered to a group")?;
        item.ack();
    }
    publishing.abort();
    Ok(())
}

pub(super) async fn max_and_max_bytes_hold(kit: Kit) -> Checked {
    let broker = kit.open().await?;
    items(&broker).max(10).create().await?;
    let publisher = broker.publisher::<Item>().await?;
    for value in 0..40 {
        publisher.publish(Item::new(value)).await?;
        let stats = broker.stats(ITEMS).await?;
        same("messages kept", stats.depth, (value + 1).min(10))?;
    }
    publisher.publish_batch((40..100).map(Item::new)).await?;
    same("messages kept", broker.stats(ITEMS).await?.depth, 10)?;
    let mut reader = broker.subscriber::<Item>().await?;
    for value in 90..100 {
        same("a message that is kept", receive(&mut reader).await?.value, value)?;
    }

    const MOST: usize = 20_000;
    let large = broker.topic("large").max_bytes(MOST);
    let writer = large.publisher().await?;
    for length in (0..60).map(|at| at * 97).chain([15_000, 0, 5_000, 5_000]) {
        writer.publish_bytes(vec![b'x'; length]).await?;
        let stats = broker.stats("large").await?;
        ensure(stats.bytes <= MOST as u64, format_args!("{} bytes are kept", stats.bytes))?;
        ensure(stats.depth > 0, "nothing is kept")?;
    }
    match writer.publish_bytes(vec![0; MOST + 1]).await {
        Err(PublishError::TooLarge { message, .. }) => {
            same("given back, in bytes", message.bytes().len(), MOST + 1)?;
        }
        other => instead("TooLarge", other)?,
    }
    // What is kept are the newest, as many as have room.
    let mut kept = large.subscriber().await?;
    let stats = broker.stats("large").await?;
    let (mut bytes, mut last) = (0, 0);
    for _ in 0..stats.depth {
        last = receive(&mut kept).await?.bytes().len();
        bytes += last;
    }
    same("the newest", last, 5_000)?;
    ensure((5_000..=MOST).contains(&bytes), format_args!("{bytes} bytes can be read"))
}

pub(super) async fn until_consumed_keeps_what_somebody_has_to_read(kit: Kit) -> Checked {
    let broker = kit.open().await?;
    items(&broker).retain(Retain::UntilConsumed).create().await?;
    let publisher = broker.publisher::<Item>().await?;
    publisher.publish_batch((0..5).map(Item::new)).await?;
    same("kept while nobody is there", broker.stats(ITEMS).await?.depth, 5)?;
    let mut group = kit.group(&broker, "work").await?;
    let mut reader = broker.subscriber::<Item>().await?;
    for value in 0..5 {
        same("the message", receive(&mut reader).await?.value, value)?;
    }
    same("kept for the group", broker.stats(ITEMS).await?.depth, 5)?;
    for value in 0..5 {
        let item = claim(&mut group).await?;
        same("the message", item.value, value)?;
        item.ack_confirmed().await?;
    }
    let stats = settled(&broker, ITEMS, |stats| stats.depth == 0).await?;
    kit.nothing_dropped(&stats)?;
    same("published", stats.published, 5)
}

pub(super) async fn stats_add_up(kit: Kit) -> Checked {
    const COUNT: u64 = 300;
    let broker = kit.open().await?;
    items(&broker).max(50).create().await?;
    let publisher = broker.publisher::<Item>().await?;
    let mut group = kit.group(&broker, "work").await?;
    let mut waiting = kit.group(&broker, "behind").await?;
    let publishing = task(async move {
        for value in 0..COUNT {
            publisher.publish(Item::new(value)).await?;
        }
        Ok::<_, Failure>(())
    });
    let (mut acked, mut dead, mut skipped) = (0, 0, 0);
    let mut published = 0;
    let mut offsets = BTreeSet::new();
    while acked + dead + skipped < COUNT {
        match soon("a delivery", group.recv()).await? {
            Ok(item) if item.value % 50 == 49 => {
                offsets.insert(item.offset());
                item.reject_confirmed("every fiftieth").await?;
                dead += 1;
            }
            Ok(item) => {
                offsets.insert(item.offset());
                item.ack_confirmed().await?;
                acked += 1;
            }
            Err(RecvError::Lagged { skipped: missed, .. }) => skipped += missed,
            other => instead("a delivery or lag", other)?,
        }
        if (acked + dead) % 20 == 0 {
            let stats = broker.stats(ITEMS).await?;
            let sum = stats.depth + stats.dropped.total() + stats.consumed;
            same("depth + dropped + consumed", sum, stats.published)?;
            same("the next offset", stats.next.0, stats.published)?;
            ensure(stats.depth <= 50, "more is kept than `max`")?;
            ensure(stats.published >= published, "the count of published goes back")?;
            published = stats.published;
            for group in &stats.groups {
                let sum = group.settled + group.dead_lettered + group.skipped + group.lag;
                same("settled + dead-lettered + skipped + lag", sum, group.since_start)?;
            }
        }
    }
    publishing.await??;
    same("deliveries of different messages", offsets.len() as u64, acked + dead)?;
    let stats = done(&broker, ITEMS, "work").await?;
    kit.ended(&stats, acked, dead)?;
    same("skipped and in flight", (stats.skipped, stats.in_flight), (skipped, 0))?;
    let stats = broker.stats(ITEMS).await?;
    same("published and kept", (stats.published, stats.depth), (COUNT, 50))?;
    same(
        "the oldest and the newest",
        (stats.earliest, stats.latest),
        (Some(Offset(COUNT - 50)), Some(Offset(COUNT - 1))),
    )?;
    // The other group was told of what it missed, all at once or in parts, and has the rest.
    let (mut missed, mut given) = (0, 0);
    while missed + given < COUNT {
        match soon("a delivery", waiting.recv()).await? {
            Ok(item) => {
                item.ack();
                given += 1;
            }
            Err(RecvError::Lagged { skipped, .. }) => missed += skipped,
            other => instead("a delivery or lag", other)?,
        }
    }
    let stats = done(&broker, ITEMS, "behind").await?;
    same("skipped and settled", (stats.skipped, stats.settled), (missed, given))
}
