//! What a subscriber is promised: everything once, in order, and nothing lost without a word.

use std::collections::HashMap;
use std::pin::pin;
use std::time::Duration;

use futures_util::future::{Either, select};

use super::kit::{
    Checked, Failure, Item, Kit, abandon, claim, done, ensure, instead, items, receive, same, soon,
};
use super::runtime::task;
use crate::error::{LagReason, OpenError, PublishError, RecvError};
use crate::headers::Headers;
use crate::key::Key;
use crate::options::{Compression, Format, Start};
use crate::position::{Offset, Partition};
use crate::record::Record;
use crate::spi::Capability;
use crate::subscriber::Subscriber;

pub(super) async fn no_reader_sees_twice_out_of_order_or_misses(kit: Kit) -> Checked {
    const EACH: u64 = 150;
    let broker = kit.open().await?;
    let other = kit.join(&broker).await?;
    broker.create::<Item>().await?;
    let mut tasks = Vec::new();
    for number in 0..3 {
        let broker = if number == 0 { &other } else { &broker };
        let mut reader = broker.subscriber::<Item>().await?;
        tasks.push(task(async move {
            let mut next = [0; 4];
            for offset in 0..4 * EACH {
                let item = receive(&mut reader).await?;
                same("the offset", item.offset(), Offset(offset))?;
                let (publisher, at) = ((item.value / 1_000) as usize, item.value % 1_000);
                same("the next of its publisher", at, next[publisher])?;
                next[publisher] += 1;
            }
            Ok::<_, Failure>(())
        }));
    }
    for number in 0..4 {
        let broker = if number % 2 == 0 { &broker } else { &other };
        let publisher = broker.publisher::<Item>().await?;
        tasks.push(task(async move {
            for at in 0..EACH {
                publisher.publish(Item::new(number * 1_000 + at)).await?;
            }
            Ok(())
        }));
    }
    for task in tasks {
        task.await??;
    }
    Ok(())
}

/// Reads up to this offset; whatever is missing must have been told, once for each gap. Returns how
/// many were received and how many were skipped.
async fn read_to(
    reader: &mut Subscriber<Item>,
    last: Offset,
    mut next: u64,
) -> Result<(u64, u64), Failure> {
    let (mut received, mut skipped) = (0, 0);
    let mut told = false;
    while next <= last.0 {
        match soon("a message", reader.recv()).await? {
            Ok(item) => {
                same("the offset after what was told", item.offset(), Offset(next))?;
                same("its value", item.value, next)?;
                (next, received, told) = (next + 1, received + 1, false);
            }
            Err(RecvError::Lagged { skipped: missed, .. }) => {
                ensure(!told, "lag is told twice in a row")?;
                ensure(missed > 0, "lag of nothing is told")?;
                (next, skipped, told) = (next + missed, skipped + missed, true);
            }
            other => instead("a message or lag", other)?,
        }
    }
    Ok((received, skipped))
}

pub(super) async fn a_slow_subscriber_is_told_lagged_once_with_the_exact_count(
    kit: Kit,
) -> Checked {
    const COUNT: u64 = 2_000;
    let broker = kit.open().await?;
    items(&broker).max(8).create().await?;
    let publisher = broker.publisher::<Item>().await?;
    let mut slow = broker.subscriber::<Item>().await?;
    publisher.publish_batch((0..3).map(Item::new)).await?;
    same("the first message", receive(&mut slow).await?.value, 0)?;
    publisher.publish_batch((3..COUNT).map(Item::new)).await?;
    let (received, skipped) = read_to(&mut slow, Offset(COUNT - 1), 1).await?;
    same("received and skipped", received + skipped, COUNT - 1)?;
    ensure(received >= 8, "what is kept was not received")?;

    // One that begins where nothing is kept any more was too slow by all of that.
    let mut late = broker.subscriber::<Item>().from(Offset(0)).await?;
    match soon("lag", late.recv()).await? {
        Err(RecvError::Lagged { skipped, reason }) => {
            same("skipped", skipped, COUNT - 8)?;
            if kit.can(Capability::DropCauses) {
                same("the reason", reason, LagReason::MaxMessages)?;
            }
        }
        other => instead("Lagged", other)?,
    }
    for value in COUNT - 8..COUNT {
        let item = receive(&mut late).await?;
        same("a message that is kept", (item.offset(), item.value), (Offset(value), value))?;
    }
    Ok(())
}

pub(super) async fn loss_is_never_silent_the_sum_holds(kit: Kit) -> Checked {
    const COUNT: u64 = 1_200;
    let broker = kit.open().await?;
    items(&broker).max(16).create().await?;
    let publisher = broker.publisher::<Item>().await?;
    let mut all = broker.subscriber::<Item>().await?;
    let mut even = broker.subscriber::<Item>().filter(|item| item.value % 2 == 0).await?;
    let publishing = task(async move {
        for value in 0..COUNT {
            publisher.publish(Item::new(value)).await?;
            if value % 40 == 0 {
                tokio::task::yield_now().await;
            }
        }
        Ok::<_, Failure>(())
    });
    let (mut received, mut skipped) = (0, 0);
    let mut last = None;
    // The last one is even and kept, so it ends the reading.
    while last != Some(COUNT - 2) {
        match soon("a message", even.recv()).await? {
            Ok(item) => {
                same("what the filter keeps", item.value % 2, 0)?;
                ensure(last < Some(item.value), "a message came twice or out of order")?;
                (last, received) = (Some(item.value), received + 1);
            }
            Err(RecvError::Lagged { skipped: missed, .. }) => skipped += missed,
            other => instead("a message or lag", other)?,
        }
        let stats = even.stats();
        let sum = stats.delivered + stats.filtered + stats.skipped + stats.lag;
        same("delivered + filtered + skipped + lag", sum, stats.since_start)?;
        same("delivered and skipped", (stats.delivered, stats.skipped), (received, skipped))?;
    }
    publishing.await??;
    let (received, skipped) = read_to(&mut all, Offset(COUNT - 1), 0).await?;
    same("received and skipped", received + skipped, COUNT)?;
    let stats = all.stats();
    let seen = (stats.since_start, stats.delivered, stats.skipped, stats.lag);
    same("the subscriber's statistics", seen, (COUNT, received, skipped, 0))
}

pub(super) async fn a_dropped_recv_loses_nothing(kit: Kit) -> Checked {
    const COUNT: u64 = 500;
    let broker = kit.open().await?;
    let publisher = broker.publisher::<Item>().await?;
    let mut reader = broker.subscriber::<Item>().await?;
    let publishing = task(async move {
        for value in 0..COUNT {
            publisher.publish(Item::new(value)).await?;
            if value % 7 == 0 {
                tokio::task::yield_now().await;
            }
        }
        Ok::<_, Failure>(())
    });
    let mut seen = Vec::new();
    for round in 0.. {
        let polls = round / 6 % 4;
        match round % 6 {
            0 => seen.extend(abandon(polls, reader.recv()).await.transpose()?.map(|i| i.value)),
            1 => {
                let batch = abandon(polls, reader.recv_batch(3)).await.transpose()?;
                seen.extend(batch.into_iter().flatten().map(|item| item.value));
            }
            2 => {
                let next = abandon(polls, reader.next()).await.flatten();
                seen.extend(next.transpose()?.map(|item| item.value));
            }
            3 => {
                let receiving = reader.recv_timeout(Duration::from_micros(polls));
                seen.extend(receiving.await?.map(|item| item.value));
            }
            4 => {
                // What `select!` does: the other one may win, and then this is dropped.
                let (other, receiving) = (pin!(tokio::task::yield_now()), pin!(reader.recv()));
                if let Either::Right((item, _)) = select(other, receiving).await {
                    seen.push(item?.value);
                }
            }
            // So that it goes on.
            _ => seen.push(receive(&mut reader).await?.value),
        }
        if seen.last() == Some(&(COUNT - 1)) {
            break;
        }
    }
    publishing.await??;
    same("what was received", seen, (0..COUNT).collect::<Vec<_>>())
}

pub(super) async fn a_dropped_recv_loses_nothing_to_its_group(kit: Kit) -> Checked {
    const COUNT: u64 = 200;
    let broker = kit.open().await?;
    let publisher = broker.publisher::<Item>().await?;
    let mut group = kit.group(&broker, "work").await?;
    publisher.publish_batch((0..COUNT).map(Item::new)).await?;
    let mut seen = Vec::new();
    for round in 0.. {
        let polls = round / 3 % 4;
        let received = match round % 3 {
            0 => abandon(polls, group.recv()).await.transpose()?.into_iter().collect::<Vec<_>>(),
            1 => {
                let batch = abandon(polls, group.recv_batch(3)).await.transpose()?;
                batch.into_iter().flatten().collect()
            }
            _ => vec![claim(&mut group).await?],
        };
        for item in received {
            same("the attempt", item.attempt(), 1)?;
            seen.push(item.value);
            item.ack();
        }
        if seen.len() as u64 >= COUNT {
            break;
        }
    }
    seen.sort_unstable();
    same("what was received", seen, (0..COUNT).collect::<Vec<_>>())?;
    done(&broker, "items", "work").await?;
    Ok(())
}

/// Names and values that are easily lost on a way, or changed.
const HEADERS: [(&str, &str); 9] = [
    ("trace", "4bf92f"),
    ("Trace", "another"),
    ("empty", ""),
    ("edges", "  two spaces  "),
    ("text", "größer: «x», 1=2; 東京"),
    ("Content-Type", "mine"),
    ("Nats-Msg-Id", "mine too"),
    ("memq-version", "and mine"),
    ("!#$%&'*+-.^_`|~\"(),/;<=>?@[]{}", "every kind of character"),
];

/// Their order among themselves says nothing.
fn sorted(headers: &Headers) -> Vec<(&str, &str)> {
    let mut all: Vec<_> = headers.iter().collect();
    all.sort_unstable();
    all
}

pub(super) async fn headers_keys_and_times_come_back(kit: Kit) -> Checked {
    let broker = kit.open().await?;
    let topic = broker.topic("records");
    let writer = topic.publisher().await?;
    let mut early = topic.subscriber().await?;
    let mut headers = Headers::new();
    for (name, value) in HEADERS {
        headers.insert(name, value)?;
    }
    let long = "k".repeat(300);
    let keys: [Option<&[u8]>; 6] = [
        None,
        Some(b"7"),
        Some(b""),
        Some(&[0, 255, 10, 13, 32]),
        Some("ключ".as_bytes()),
        Some(long.as_bytes()),
    ];
    let mut sent = Vec::new();
    for (at, key) in keys.into_iter().enumerate() {
        let payload: Vec<u8> = (0..at * 100).map(|byte| (byte % 256) as u8).collect();
        let mut record = Record::new(payload).with_key(key);
        if at % 2 == 0 {
            record = record.with_headers(headers.clone()).with_format(Format::MessagePack);
        } else {
            // Bytes that were compressed elsewhere are not compressed again.
            record = record.with_compression(Compression::Gzip);
        }
        writer.publish(record.clone()).await?;
        sent.push(record);
    }
    let joined = kit.join(&broker).await?;
    let mut late = joined.topic("records").subscriber().await?;
    let mut before = None;
    for (at, expected) in sent.iter().enumerate() {
        let (one, other) = (receive(&mut early).await?, receive(&mut late).await?);
        for record in [&one, &other] {
            same("the payload", record.bytes(), expected.bytes())?;
            same("the key", record.key(), expected.key())?;
            let mut there = if at % 2 == 0 { HEADERS.to_vec() } else { Vec::new() };
            there.sort_unstable();
            same("the headers", sorted(record.headers()), there)?;
            same("the format", record.format(), expected.format())?;
            same("the compression", record.compression(), expected.compression())?;
        }
        let at = one.published_at();
        same("the time, to another reader", other.published_at(), at)?;
        ensure(before <= Some(at), "times go backwards along the topic")?;
        before = Some(at);
    }
    // What is said on publishing goes over what the type and the message have.
    let items = broker.publisher::<Item>().await?;
    items.publish(Item::keyed(1, 1)).await?;
    items.publish(Item::keyed(1, 2)).key("said").header("trace", "said").await?;
    let mut reader = broker.subscriber::<Item>().await?;
    same("the type's key", receive(&mut reader).await?.key(), Some(Key::from(1_u64)))?;
    let item = receive(&mut reader).await?;
    same("the key that was said", item.key(), Some(Key::from("said")))?;
    same("the header that was said", item.headers().get("trace"), Some("said"))
}

pub(super) async fn partitions_keep_keys_together(kit: Kit) -> Checked {
    const PARTITIONS: u16 = 4;
    let broker = kit.open().await?;
    items(&broker).partitions(PARTITIONS).create().await?;
    let other = kit.join(&broker).await?;
    let (here, there) = (broker.publisher::<Item>().await?, other.publisher::<Item>().await?);
    let mut expected = HashMap::<u16, Vec<u64>>::new();
    for value in 0..80 {
        let key = value % 13;
        let publisher = if key % 2 == 0 { &here } else { &there };
        let offset = publisher.publish(Item::keyed(key, value)).await?;
        same("the offset, which is the topic's", offset, Offset(value))?;
        let partition = Key::from(key).partition(PARTITIONS);
        expected.entry(partition.0).or_default().push(value);
    }
    // In a partition that is said, whatever the key.
    here.publish(Item::keyed(3, 80)).partition(2).await?;
    expected.entry(2).or_default().push(80);
    match here.publish(Item::new(81)).partition(PARTITIONS).await {
        Err(PublishError::Partition { message, .. }) => same("given back", message.value, 81)?,
        other => instead("PublishError::Partition", other)?,
    }

    // A reader of all has them in one order; a reader of one has that alone.
    let mut all = broker.subscriber::<Item>().await?;
    for offset in 0..81 {
        let item = receive(&mut all).await?;
        same("the offset", item.offset(), Offset(offset))?;
        let there = expected.get(&item.partition().0).is_some_and(|at| at.contains(&item.value));
        ensure(there, format_args!("{} is in partition {}", item.value, item.partition()))?;
    }
    for (partition, values) in &expected {
        let builder = broker.subscriber::<Item>().partition(*partition);
        let mut one = builder.from(Start::Earliest).await?;
        for value in values {
            let item = receive(&mut one).await?;
            let seen = (item.partition(), item.value);
            same("what is in the partition", seen, (Partition(*partition), *value))?;
        }
        let stats = one.stats();
        same("skipped by a reader of one partition", stats.skipped, 0)?;
    }
    match broker.subscriber::<Item>().partition(PARTITIONS).await {
        Err(OpenError::Partition { partitions: PARTITIONS, .. }) => {}
        other => instead("OpenError::Partition", other)?,
    }
    // Messages without a key go to each in turn.
    for value in 100..108 {
        here.publish(Item::new(value)).await?;
    }
    let mut turns = vec![0; usize::from(PARTITIONS)];
    for _ in 0..8 {
        turns[usize::from(receive(&mut all).await?.partition().0)] += 1;
    }
    same("messages without a key in each partition", turns, vec![2; usize::from(PARTITIONS)])
}
