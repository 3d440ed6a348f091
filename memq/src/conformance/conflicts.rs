//! Topics and groups that are opened again: with other options that is a conflict, by name.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::kit::{Checked, ITEMS, Item, Kit, ensure, instead, items, same};
use crate::broker::TopicBuilder;
use crate::codec::Json;
use crate::error::{AdminError, GroupConflict, OpenError};
use crate::options::{Format, Overflow};
use crate::record::Record;
use crate::spi::Capability;
use crate::topic::{Topic, TopicSpec};

/// Another type for the topic of items.
#[derive(Debug, Serialize, Deserialize)]
struct Thing {
    value: String,
}

impl Topic for Thing {
    type Codec = Json;
    const SPEC: TopicSpec = TopicSpec::new(ITEMS);
}

/// Items with options of their type.
#[derive(Debug, Serialize, Deserialize)]
struct Few(u64);

impl Topic for Few {
    type Codec = Json;
    const SPEC: TopicSpec = TopicSpec::new("few").max_messages(8);
}

pub(super) async fn other_options_or_type_conflict_by_name(kit: Kit) -> Checked {
    type Say = fn(TopicBuilder<'_, Record>) -> TopicBuilder<'_, Record>;
    let broker = kit.open().await?;
    let second = Duration::from_secs(1);
    items(&broker)
        .max(100)
        .max_bytes(1_000_000)
        .ttl(60 * second)
        .overflow(Overflow::Reject)
        .partitions(2)
        .dedup(30 * second)
        .create()
        .await?;
    let other = kit.join(&broker).await?;
    // A topic that holds messages keeps its options, also for those who come from elsewhere.
    broker.publisher::<Item>().await?.publish(Item::new(0)).await?;
    let others: [(&str, Say); 7] = [
        ("format", |topic| topic.format(Format::MessagePack)),
        ("max", |topic| topic.max(101)),
        ("max_bytes", |topic| topic.max_bytes(1_000_001)),
        ("ttl", |topic| topic.ttl(Duration::from_secs(61))),
        ("overflow", |topic| topic.overflow(Overflow::Wait)),
        ("partitions", |topic| topic.partitions(3)),
        ("dedup", |topic| topic.dedup(Duration::from_secs(31))),
    ];
    for broker in [&broker, &other] {
        for (option, say) in others {
            match say(broker.topic(ITEMS)).await {
                Err(OpenError::Conflict(conflict)) => {
                    same("the topic", &*conflict.topic, ITEMS)?;
                    same("the option", conflict.option, option)?;
                    let differ = conflict.existing != conflict.requested;
                    ensure(differ, format_args!("no conflict in {conflict}"))?;
                    if option == "max" {
                        let values = (&*conflict.existing, &*conflict.requested);
                        same("both values", values, ("100", "101"))?;
                    }
                }
                seen => instead(&format!("a conflict of {option}"), seen)?,
            }
        }
        // What is said again is none, and what is not said is none.
        items(broker).max(100).ttl(60 * second).await?;
        broker.topic(ITEMS).await?;
        same("max", broker.options(ITEMS).await?.max_messages, 100)?;
    }
    match broker.subscriber::<Thing>().await {
        Err(OpenError::Conflict(conflict)) => {
            same("the option", conflict.option, "type")?;
            let both = conflict.existing.contains("Item") && conflict.requested.contains("Thing");
            ensure(both, format_args!("the types are not named: {conflict}"))?;
        }
        seen => instead("a conflict of type", seen)?,
    }
    // The options of a type count as said.
    broker.create::<Few>().await?;
    match other.topic("few").max(9).await {
        Err(OpenError::Conflict(conflict)) => same("the option", conflict.option, "max")?,
        seen => instead("a conflict of max", seen)?,
    }
    match broker.topic("no spaces").await {
        Err(OpenError::Name(_)) => Ok(()),
        seen => instead("OpenError::Name", seen),
    }
}

pub(super) async fn what_a_type_leaves_open_is_said_with_it(kit: Kit) -> Checked {
    let broker = kit.open().await?;
    let other = kit.join(&broker).await?;
    broker.create::<Item>().max(100).await?;
    broker.publisher::<Item>().await?.publish(Item::new(0)).await?;
    for broker in [&broker, &other] {
        same("max", broker.options(ITEMS).await?.max_messages, 100)?;
        // Who comes later need not say it, and cannot say another.
        broker.create::<Item>().await?;
        broker.create::<Item>().max(100).await?;
        match broker.create::<Item>().max(101).await {
            Err(OpenError::Conflict(conflict)) => {
                let seen = (conflict.option, &*conflict.existing, &*conflict.requested);
                same("the conflict", seen, ("max", "100", "101"))?;
            }
            seen => instead("a conflict of max", seen)?,
        }
    }
    // What the type says cannot be said otherwise, and no topic comes of it.
    match broker.create::<Few>().max_bytes(1_000_000).max(9).subscriber().await {
        Err(OpenError::Conflict(conflict)) => {
            let seen = (conflict.option, &*conflict.existing, &*conflict.requested);
            same("the conflict", seen, ("max", "8, as its type says", "9"))?;
        }
        seen => instead("a conflict of max", seen)?,
    }
    same("topics", broker.topics().await?.len(), 1)?;
    broker.create::<Few>().max_bytes(1_000_000).max(8).await?;
    let options = other.options("few").await?;
    same("what both say", (options.max_messages, options.max_bytes), (8, 1_000_000))
}

pub(super) async fn what_a_group_was_opened_with_stays(kit: Kit) -> Checked {
    let broker = kit.open().await?;
    let other = kit.join(&broker).await?;
    let second = Duration::from_secs(1);
    let first = kit.group(&broker, "work");
    let first = first.max_attempts(3).ack_deadline(40 * second).dead_letter("graves").await?;
    for broker in [&broker, &other] {
        let open = || kit.group(broker, "work");
        for (option, builder) in [
            ("max_attempts", open().max_attempts(4)),
            ("ack_deadline", open().ack_deadline(41 * second)),
            ("dead_letter", open().dead_letter("elsewhere")),
            ("group_max_in_flight", open().group_max_in_flight(1)),
            ("auto_ack", open().auto_ack()),
            ("any_order", open().any_order()),
        ] {
            match builder.await {
                // A group of any order says so already.
                Ok(_) if option == "any_order" && !kit.can(Capability::KeyOrder) => {}
                Err(OpenError::GroupConflict(GroupConflict {
                    option: named,
                    existing,
                    requested,
                    ..
                })) => {
                    same("the option", named, option)?;
                    ensure(existing != requested, format_args!("no conflict of {option}"))?;
                    if option == "max_attempts" {
                        same("both values", (&*existing, &*requested), ("3", "4"))?;
                    }
                }
                seen => instead(&format!("a conflict of {option}"), seen)?,
            }
        }
        // Who says nothing takes what the group has.
        let member = open().await?;
        same("the dead-letter topic", member.dead_letter_topic(), first.dead_letter_topic())?;
        open().max_attempts(3).ack_deadline(40 * second).await?;
    }
    let topics = broker.topics().await?;
    let named = topics.iter().any(|topic| topic.as_str() == "elsewhere");
    ensure(!named, "a refused group left a dead-letter topic")?;
    match kit.group(&broker, "no.dots").await {
        Err(OpenError::GroupName { group }) => same("the name", &*group, "no.dots")?,
        seen => instead("GroupName", seen)?,
    }
    match broker.subscriber::<Item>().filter(|_| true).group("filters").await {
        Err(OpenError::Option { option, .. }) => same("the option", option, "filter"),
        seen => instead("OpenError::Option", seen),
    }
}

pub(super) async fn topics_and_options_are_as_they_were_said(kit: Kit) -> Checked {
    let broker = kit.open().await?;
    let other = kit.join(&broker).await?;
    same("topics at first", broker.topics().await?.len(), 0)?;
    let ttl = Duration::from_secs(90);
    let reading =
        broker.topic("readings.north_1").format(Format::Json).max(77).max_bytes(5_000_000);
    reading.ttl(ttl).overflow(Overflow::Wait).partitions(3).dedup(ttl / 2).create().await?;
    broker.topic("a").create().await?;
    broker.topic("a.b").create().await?;
    broker.create::<Few>().await?;
    for broker in [&broker, &other] {
        let topics: Vec<_> =
            broker.topics().await?.iter().map(|topic| topic.as_str().to_owned()).collect();
        same("the topics", &topics[..], &["a", "a.b", "few", "readings.north_1"][..])?;
        let options = broker.options("readings.north_1").await?;
        same("max", options.max_messages, 77)?;
        same("max_bytes", options.max_bytes, 5_000_000)?;
        same("ttl", options.ttl, Some(ttl))?;
        same("overflow", options.overflow, Overflow::Wait)?;
        same("partitions", options.partitions, 3)?;
        same("dedup", options.dedup, Some(ttl / 2))?;
        same("format", options.format, Format::Json)?;
        let few = broker.options("few").await?;
        same("max and format", (few.max_messages, few.format), (8, Format::Json))?;
        same("what nobody said", few.overflow, Overflow::DropOldest)?;
    }
    // Two topics of which one's name begins like the other's are two.
    broker.topic("a").publisher().await?.publish_bytes("x").await?;
    let published = (other.stats("a").await?.published, other.stats("a.b").await?.published);
    same("published in a and in a.b", published, (1, 0))?;
    other.delete("a").await?;
    same("the other stays", broker.stats("a.b").await?.published, 0)?;
    let missing = |seen: Result<(), AdminError>| match seen {
        Err(AdminError::NotFound { topic }) => same("what is not there", &*topic, "a"),
        seen => instead("NotFound", seen),
    };
    missing(broker.options("a").await.map(drop))?;
    missing(broker.stats("a").await.map(drop))?;
    missing(broker.close("a").await)?;
    missing(broker.delete("a").await)?;
    missing(broker.delete_group("a", "work").await)?;
    match broker.delete_group("a.b", "work").await {
        Err(AdminError::NoGroup { .. }) => Ok(()),
        seen => instead("NoGroup", seen),
    }
}
