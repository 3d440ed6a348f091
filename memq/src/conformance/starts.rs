//! Where readers start, and where `seek` takes them.

use std::time::Duration;

use super::kit::{Checked, Item, Kit, ensure, instead, items, receive, same, soon};
use crate::error::{OpenError, RecvError, SeekError};
use crate::options::Start;
use crate::position::Offset;

pub(super) async fn starts_earliest_latest_offset_time(kit: Kit) -> Checked {
    let broker = kit.open().await?;
    items(&broker).max(20).create().await?;
    let publisher = broker.publisher::<Item>().await?;
    publisher.publish_batch((0..30).map(Item::new)).await?;
    let open = |start: Start| broker.subscriber::<Item>().from(start);

    let mut latest = open(Start::Latest).await?;
    let mut none = open(Start::Last(0)).await?;
    let mut end = open(Start::Offset(Offset(30))).await?;
    let mut future = None;
    let mut times = Vec::new();
    for (start, first) in [
        (Start::Earliest, 10),
        (Start::default(), 10),
        (Start::Offset(Offset(10)), 10),
        (Start::Offset(Offset(17)), 17),
        (Start::Last(1), 29),
        (Start::Last(13), 17),
        (Start::Last(20), 10),
        // There are fewer, and nothing is missed.
        (Start::Last(21), 10),
        (Start::Last(u64::MAX), 10),
        (Start::Ago(Duration::from_secs(3_600)), 10),
    ] {
        let mut reader = open(start).await?;
        for value in first..30 {
            let item = receive(&mut reader).await?;
            same("the message", (start, item.offset(), item.value), (start, Offset(value), value))?;
            if start == Start::Earliest {
                times.push((item.published_at(), value));
            }
        }
    }
    for (at, value) in times {
        // Earlier ones may have the same date; none of that date is missed.
        let item = receive(&mut open(Start::Time(at)).await?).await?;
        ensure(item.value <= value, format_args!("began at {}, {value} missed", item.value))?;
        if future.is_none() {
            future = Some(open(Start::Time(at + Duration::from_secs(86_400))).await?);
        }
    }
    match open(Start::Offset(Offset(31))).await {
        Err(OpenError::BeyondEnd { requested: Offset(31), end: Offset(30), .. }) => {}
        other => instead("BeyondEnd", other)?,
    }
    match open(Start::Committed).await {
        Err(OpenError::Option { .. }) => {}
        other => instead("OpenError::Option, for a subscriber has no group", other)?,
    }
    publisher.publish(Item::new(30)).await?;
    for reader in [&mut latest, &mut none, &mut end].into_iter().chain(&mut future) {
        let item = receive(reader).await?;
        same("the first after the end", (item.offset(), item.value), (Offset(30), 30))?;
    }
    // One that starts before what is kept is told what it misses.
    match soon("lag", open(Start::Offset(Offset(4))).await?.recv()).await? {
        Err(RecvError::Lagged { skipped: 7, .. }) => Ok(()),
        other => instead("7 skipped", other),
    }
}

pub(super) async fn seek_moves_there_and_stays_where_it_cannot(kit: Kit) -> Checked {
    let broker = kit.open().await?;
    let publisher = broker.publisher::<Item>().await?;
    publisher.publish_batch((0..40).map(Item::new)).await?;
    let mut reader = broker.subscriber::<Item>().await?;
    for value in 0..10 {
        same("before", receive(&mut reader).await?.value, value)?;
    }
    match soon("a seek", reader.seek(41)).await? {
        Err(SeekError::BeyondEnd { requested: Offset(41), end: Offset(40) }) => {}
        other => instead("BeyondEnd", other)?,
    }
    match soon("a seek", reader.seek(Start::Committed)).await? {
        Err(SeekError::NotAGroup) => {}
        other => instead("NotAGroup", other)?,
    }
    same("where it stays", reader.position(), Offset(10))?;
    same("what it goes on with", receive(&mut reader).await?.value, 10)?;
    for (start, next) in [
        (Start::Offset(Offset(3)), 3),
        (Start::Offset(Offset(30)), 30),
        (Start::Earliest, 0),
        (Start::Offset(Offset(39)), 39),
        (Start::Last(7), 33),
        (Start::Last(41), 0),
        (Start::Ago(Duration::from_secs(3_600)), 0),
    ] {
        let offset = soon("a seek", reader.seek(start)).await??;
        same("where it moved", (start, offset), (start, Offset(next)))?;
        let item = receive(&mut reader).await?;
        same("what is there", (item.offset(), item.value), (Offset(next), next))?;
    }
    for end in [Start::Latest, Start::Last(0)] {
        same("the latest", soon("a seek", reader.seek(end)).await??, Offset(40))?;
    }
    publisher.publish(Item::new(40)).await?;
    same("what comes then", receive(&mut reader).await?.value, 40)
}
