//! What a group gives up: kept in its dead-letter topic, with why, and given back once.

use std::time::Duration;

use super::kit::{
    Checked, Failure, ITEMS, Item, Kit, claim, done, ensure, instead, items, receive, same, soon,
};
use crate::dead_letter::DeadLetter;
use crate::error::{OpenError, SettleError};
use crate::key::Key;
use crate::position::{Offset, Partition};

pub(super) async fn past_max_attempts_it_is_a_dead_letter_with_reason_origin_attempts(
    kit: Kit,
) -> Checked {
    let broker = kit.open().await?;
    items(&broker).partitions(3).create().await?;
    let publisher = broker.publisher::<Item>().await?;
    publisher.publish(Item::new(9)).await?;
    publisher.publish(Item::keyed(5, 0)).header("trace", "4bf92f").partition(2).await?;
    publisher.publish(Item::keyed(6, 1)).partition(2).await?;
    let mut group = kit.group(&broker, "work").max_attempts(3).await?;
    let mut attempts = Vec::new();
    for _ in 0..5 {
        let item = claim(&mut group).await?;
        if item.value != 0 {
            item.ack_confirmed().await?;
            continue;
        }
        attempts.push(item.attempt());
        match item.attempt() {
            1 => item.nack_after(Duration::ZERO),
            2 => drop(item),
            _ => item.nack_confirmed().await?,
        }
    }
    same("the attempts", attempts, vec![1, 2, 3])?;

    let letters = broker.dead_letters::<Item>("work");
    let name = letters.topic().await?;
    same("the dead-letter topic", group.dead_letter_topic(), Some(&name))?;
    same("its name", name.as_str(), "items.work.dead")?;
    let letter = receive(&mut letters.subscriber().await?).await?;
    same("the value", &*letter, &Item::keyed(5, 0))?;
    same("the key", letter.key(), Some(Key::from(5_u64)))?;
    same("its header", letter.headers().get("trace"), Some("4bf92f"))?;
    let why = DeadLetter::of(letter.headers());
    let why = why.ok_or_else(|| Failure::new("the headers do not say why it died"))?;
    let origin = (&*why.topic, why.partition, why.offset, &*why.group);
    same("whence it is", origin, (ITEMS, Partition(2), Offset(1), "work"))?;
    same("its attempts", why.attempts, 3)?;
    ensure(!why.reason.is_empty(), "it has no reason")?;
    let stats = done(&broker, ITEMS, "work").await?;
    kit.ended(&stats, 2, 1)?;
    // It died once.
    same("dead letters", broker.stats(&name).await?.published, 1)
}

pub(super) async fn a_rejected_message_is_a_dead_letter_at_once(kit: Kit) -> Checked {
    let broker = kit.open().await?;
    let publisher = broker.publisher::<Item>().await?;
    publisher.publish_batch((0..3).map(Item::new)).await?;
    let group = || kit.group(&broker, "work").dead_letter("graves");
    let mut group = group().await?;
    for value in 0..3 {
        let item = claim(&mut group).await?;
        same("the message", (item.value, item.attempt()), (value, 1))?;
        match value {
            0 => item.reject("no\nsuch customer"),
            1 => item.reject_confirmed("two").await?,
            _ => item.ack_confirmed().await?,
        }
    }
    done(&broker, ITEMS, "work").await?;
    let mut dead = broker.dead_letters::<Item>("work").subscriber().await?;
    let mut seen = Vec::new();
    for _ in 0..2 {
        let letter = receive(&mut dead).await?;
        let why = DeadLetter::of(letter.headers());
        let why = why.ok_or_else(|| Failure::new("the headers do not say why it died"))?;
        seen.push((letter.value, why.offset.0, why.attempts, why.reason));
    }
    seen.sort();
    let expected = [(0, 0, 1, "no such customer".to_owned()), (1, 1, 1, "two".to_owned())];
    same("the dead letters", &seen[..], &expected[..])?;
    same("kept in the topic that was named", broker.stats("graves").await?.depth, 2)?;

    let without = kit.group(&broker, "keeps").without_dead_letters();
    let mut keeps = without.await?;
    match claim(&mut keeps).await?.reject_confirmed("no").await {
        Err(SettleError::NoDeadLetterTopic) => {}
        other => instead("NoDeadLetterTopic", other)?,
    }
    let mut again = 0;
    while again != 2 {
        let item = claim(&mut keeps).await?;
        again = again.max(item.attempt());
        item.ack();
    }
    match broker.dead_letters::<Item>("keeps").topic().await {
        Err(OpenError::NoDeadLetters { .. }) => Ok(()),
        other => instead("NoDeadLetters", other),
    }
}

pub(super) async fn redrive_gives_back_once(kit: Kit) -> Checked {
    let broker = kit.open().await?;
    let publisher = broker.publisher::<Item>().await?;
    for value in 0..3 {
        publisher.publish(Item::keyed(value, value)).header("trace", value.to_string()).await?;
    }
    let mut group = kit.group(&broker, "work").await?;
    for _ in 0..3 {
        claim(&mut group).await?.reject_confirmed("not now").await?;
    }
    let letters = broker.dead_letters::<Item>("work");
    let done_now = soon("a redrive", letters.redrive(|item, _| item.value != 1)).await??;
    same("redriven and left", (done_now.redriven, done_now.left), (2, 1))?;
    let again = soon("a redrive", letters.redrive(|item, _| item.value != 1)).await??;
    same("redriven again", again.redriven, 0)?;
    let later = kit.join(&broker).await?;
    let later = later.dead_letters::<Item>("work");
    let rest = soon("a redrive", later.redrive(|_, why| why.reason == "not now")).await??;
    same("redriven later", rest.redriven, 1)?;
    for (at, value) in [0, 2, 1].into_iter().enumerate() {
        let item = claim(&mut group).await?;
        same("what comes back", (item.value, item.attempt()), (value, 1))?;
        same("its offset", item.offset(), Offset(3 + at as u64))?;
        same("its key", item.key(), Some(Key::from(value)))?;
        same("its header", item.headers().get("trace"), Some(&*value.to_string()))?;
        same("what says that it died", DeadLetter::of(item.headers()), None)?;
        item.ack_confirmed().await?;
    }
    done(&broker, ITEMS, "work").await?;
    same("published in all", broker.stats(ITEMS).await?.published, 6)
}
