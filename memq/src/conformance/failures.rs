//! Deliveries that fail, are late, are extended, or are passed by `commit` and `seek`.

use std::time::Duration;

use super::kit::{Checked, ITEMS, Item, Kit, claim, done, ensure, instead, same, settled, soon};
use crate::backoff::Backoff;
use crate::error::{CommitError, SeekError, SettleError};
use crate::options::Start;
use crate::position::Offset;
use crate::spi::Capability;

/// Longer than any case takes.
const NEVER: Duration = Duration::from_secs(3_600);

/// How long a delivery may take where it is to be late.
const SHORT: Duration = Duration::from_secs(1);

pub(super) async fn dropped_nacked_or_late_comes_back_with_attempt_plus_one(kit: Kit) -> Checked {
    let broker = kit.open().await?;
    let publisher = broker.publisher::<Item>().await?;
    publisher.publish(Item::new(0)).await?;
    let group = kit.group(&broker, "work").ack_deadline(NEVER).max_attempts(9);
    let mut group = group.backoff(Backoff::fixed(Duration::from_millis(10))).await?;
    for attempt in 1..=6 {
        let item = claim(&mut group).await?;
        let seen = (item.offset(), item.value, item.attempt());
        same("what comes back", seen, (Offset(0), 0, attempt))?;
        match attempt {
            1 => drop(item),
            2 => item.nack(),
            3 => item.nack_after(Duration::ZERO),
            4 => item.nack_confirmed().await?,
            5 => drop(item.into_parts()),
            _ => item.ack_confirmed().await?,
        }
    }
    let stats = done(&broker, ITEMS, "work").await?;
    same("settled and dead", (stats.settled, stats.dead_lettered), (1, 0))?;

    // Late: nobody says anything, and it is handed out again while it is still held.
    let mut late = kit.group(&broker, "late").ack_deadline(SHORT).await?;
    let held = claim(&mut late).await?;
    same("the attempt", held.attempt(), 1)?;
    let again = claim(&mut late).await?;
    same("what comes back", (again.value, again.attempt()), (0, 2))?;
    again.ack_confirmed().await?;
    // Whatever becomes of this one, the message is settled.
    held.nack_after(Duration::ZERO);
    publisher.publish(Item::new(1)).await?;
    let next = claim(&mut late).await?;
    same("the next", (next.value, next.attempt()), (1, 1))?;
    next.ack_confirmed().await?;
    done(&broker, ITEMS, "late").await?;
    Ok(())
}

pub(super) async fn a_delivery_that_was_handed_out_again_settles_nothing(kit: Kit) -> Checked {
    let broker = kit.open().await?;
    broker.publisher::<Item>().await?.publish(Item::new(0)).await?;
    let mut group = kit.group(&broker, "work").ack_deadline(SHORT).await?;
    let held = claim(&mut group).await?;
    let again = claim(&mut group).await?;
    same("the attempt", again.attempt(), 2)?;
    match held.ack_confirmed().await {
        Err(SettleError::HandedOutAgain) => {}
        other => instead("HandedOutAgain", other)?,
    }
    again.nack_after(Duration::ZERO);
    let last = claim(&mut group).await?;
    same("the attempt, since the first did not settle it", last.attempt(), 3)?;
    last.ack_confirmed().await?;
    done(&broker, ITEMS, "work").await?;
    Ok(())
}

/// How often the machine may be slower than a deadline.
const SLOW: u32 = 5;

pub(super) async fn extending_keeps_a_delivery(kit: Kit) -> Checked {
    let broker = kit.open().await?;
    let publisher = broker.publisher::<Item>().await?;
    publisher.publish_batch([Item::new(0), Item::new(1)]).await?;
    let mut group = kit.group(&broker, "work").ack_deadline(SHORT).max_attempts(50).await?;
    let (mut slow, mut hand_outs) = (0, 3);
    let mut first = claim(&mut group).await?;
    let (extended, held) = loop {
        same("the message", first.value, 0)?;
        match first.extend_by(NEVER) {
            Ok(()) => {
                let held = claim(&mut group).await?;
                if held.value == 0 {
                    (first, hand_outs) = (held, hand_outs + 1);
                } else {
                    // The second comes back by its deadline, which the first would have passed
                    // before it.
                    let again = claim(&mut group).await?;
                    if again.value == 1 {
                        same("what comes back", again.attempt(), held.attempt() + 1)?;
                        again.ack_confirmed().await?;
                        break (first, held);
                    }
                    held.nack_after(Duration::ZERO);
                    (first, hand_outs) = (again, hand_outs + 2);
                }
            }
            Err(SettleError::Expired | SettleError::HandedOutAgain) => {
                first.nack_after(Duration::ZERO);
                (first, hand_outs) = (claim(&mut group).await?, hand_outs + 1);
            }
            other => instead("an extension", other)?,
        }
        // Where nothing is kept, it comes back each time.
        slow += 1;
        ensure(slow < SLOW, "what was extended comes back")?;
    };
    publisher.publish(Item::new(2)).await?;
    let next = claim(&mut group).await?;
    same("the next", (next.value, next.attempt()), (2, 1))?;
    next.ack_confirmed().await?;
    extended.ack_confirmed().await?;
    drop(held);
    let stats = done(&broker, ITEMS, "work").await?;
    same("settled", stats.settled, 3)?;
    // What came and was overtaken by its own return was not given on.
    let exact = slow > 0 || stats.delivered == hand_outs + 1;
    ensure(exact, format_args!("handed out {} times, and not {}", stats.delivered, hand_outs + 1))
}

pub(super) async fn commit_is_final_and_only_seek_moves(kit: Kit) -> Checked {
    let broker = kit.open().await?;
    let publisher = broker.publisher::<Item>().await?;
    publisher.publish_batch((0..10).map(Item::new)).await?;
    let group = || kit.group(&broker, "work").ack_deadline(NEVER);
    let (mut member, other) = (group().await?, group().await?);
    let mut held = Vec::new();
    for value in 0..4 {
        let item = claim(&mut member).await?;
        same("the message", item.value, value)?;
        held.push(item);
    }
    // Also what another member holds, and what was not handed out yet.
    other.commit(4).await?;
    if let (true, Some(item)) = (kit.can(Capability::StaleSettles), held.pop()) {
        match item.ack_confirmed().await {
            Err(SettleError::AlreadySettled) => {}
            seen => instead("AlreadySettled", seen)?,
        }
    }
    drop(held);
    let item = claim(&mut member).await?;
    same("after what was committed", (item.value, item.attempt()), (5, 1))?;
    // It never moves backwards.
    other.commit(2).await?;
    drop(item);
    let item = claim(&mut member).await?;
    same("what comes back", (item.value, item.attempt()), (5, 2))?;
    item.ack_confirmed().await?;
    let like = |stats: &crate::TopicStats| stats.group("work").is_some_and(|g| g.in_flight == 0);
    let stats = settled(&broker, ITEMS, like).await?;
    let committed = stats.group("work").map(|group| group.committed);
    same("where it resumes", committed, Some(Offset(6)))?;
    match other.commit(10).await {
        Err(CommitError::BeyondEnd { requested: Offset(10), end: Offset(10) }) => {}
        seen => instead("BeyondEnd", seen)?,
    }
    same("where `seek` takes it", soon("a seek", member.seek(3)).await??, Offset(3))?;
    for value in 3..10 {
        let item = claim(&mut member).await?;
        same("what is there again", (item.value, item.attempt()), (value, 1))?;
        item.ack_confirmed().await?;
    }
    done(&broker, ITEMS, "work").await?;
    Ok(())
}

pub(super) async fn a_group_that_seeks_gets_what_is_there_again(kit: Kit) -> Checked {
    let broker = kit.open().await?;
    let publisher = broker.publisher::<Item>().await?;
    publisher.publish_batch((0..8).map(Item::new)).await?;
    let mut group = kit.group(&broker, "work").ack_deadline(NEVER).await?;
    for value in 0..8 {
        let item = claim(&mut group).await?;
        same("the message", item.value, value)?;
        item.ack_confirmed().await?;
    }
    match soon("a seek", group.seek(9)).await? {
        Err(SeekError::BeyondEnd { requested: Offset(9), end: Offset(8) }) => {}
        other => instead("BeyondEnd", other)?,
    }
    let starts = [(Start::Earliest, 0), (Start::Offset(Offset(5)), 5), (Start::Last(2), 6)];
    for (start, first) in starts {
        same("where it moved", soon("a seek", group.seek(start)).await??, Offset(first))?;
        for value in first..8 {
            let item = claim(&mut group).await?;
            same("what is there again", (item.value, item.attempt()), (value, 1))?;
            item.ack_confirmed().await?;
        }
    }
    same("the latest", soon("a seek", group.seek(Start::Latest)).await??, Offset(8))?;
    publisher.publish(Item::new(8)).await?;
    let item = claim(&mut group).await?;
    same("what comes then", item.value, 8)?;
    item.ack_confirmed().await?;
    let stats = done(&broker, ITEMS, "work").await?;
    ensure(stats.dead_lettered == 0, "something died")
}
