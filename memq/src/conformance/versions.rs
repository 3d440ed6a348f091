//! Types that changed: older messages are read through the types they were written from, and newer
//! ones are errors.

use serde::{Deserialize, Serialize};

use super::Failure;
use super::kit::{Checked, Kit, claim, done, ensure, instead, receive, same, soon};
use crate::codec::Json;
use crate::dead_letter::DeadLetter;
use crate::error::{Cause, DecodeError, OpenError, RecvError};
use crate::options::Format;
use crate::position::Offset;
use crate::record::Record;
use crate::schema::{Fingerprint, Lineage};
use crate::spi::Capability;
use crate::topic::{Topic, TopicSpec};

const THINGS: &str = "things";

/// Version 1.
#[derive(Debug, Serialize, Deserialize)]
struct One {
    value: u64,
}

impl Topic for One {
    type Codec = Json;
    const SPEC: TopicSpec = TopicSpec::new(THINGS);
}

/// Version 2.
#[derive(Debug, Serialize, Deserialize)]
struct Two {
    values: Vec<u64>,
}

impl From<One> for Two {
    fn from(one: One) -> Self {
        Self { values: vec![one.value] }
    }
}

impl Topic for Two {
    type Codec = Json;
    const SPEC: TopicSpec = TopicSpec::new(THINGS).version(2);
    const LINEAGE: Lineage<Self> = Lineage::from::<One>();
}

/// Version 3, which not each of version 2 can become.
#[derive(Debug, Serialize, Deserialize)]
struct Three {
    most: u64,
}

impl TryFrom<Two> for Three {
    type Error = Cause;

    fn try_from(two: Two) -> Result<Self, Cause> {
        let most = two.values.into_iter().max().ok_or("there are no values")?;
        Ok(Self { most })
    }
}

impl Topic for Three {
    type Codec = Json;
    const SPEC: TopicSpec = TopicSpec::new(THINGS).version(3);
    const SHAPE: Option<Fingerprint> = Some(Fingerprint::of("three"));
    const LINEAGE: Lineage<Self> = Lineage::try_from::<Two>();
}

/// Another version 3, which knows nothing of the others.
#[derive(Debug, Serialize, Deserialize)]
struct Stranger {
    most: u64,
}

impl Topic for Stranger {
    type Codec = Json;
    const SPEC: TopicSpec = TopicSpec::new(THINGS).version(3);
}

pub(super) async fn versions_are_read_through_their_chain(kit: Kit) -> Checked {
    let broker = kit.open().await?;
    broker.publisher::<One>().await?.publish(One { value: 1 }).await?;
    broker.publisher::<Two>().await?.publish(Two { values: vec![2, 1] }).await?;
    broker.publisher::<Three>().await?.publish(Three { most: 3 }).await?;
    // What says nothing is of version 1.
    let writer = broker.topic(THINGS).publisher().await?;
    writer.publish_bytes(r#"{"value":4}"#).await?;
    let two = Record::new(r#"{"values":[]}"#).with_format(Format::Json).with_version(2);
    writer.publish(two).await?;
    broker.publisher::<Two>().await?.publish(Two { values: vec![6] }).await?;

    let other = kit.join(&broker).await?;
    for broker in [&broker, &other] {
        let mut reader = broker.subscriber::<Three>().await?;
        for at in 0..6 {
            match (at, soon("a message", reader.recv()).await?) {
                (0 | 1 | 2 | 3 | 5, Ok(three)) => same("the value", three.most, at + 1)?,
                (4, Err(RecvError::Decode { offset, source, .. })) => {
                    same("the offset of what does not fit", offset, Offset(4))?;
                    match source {
                        DecodeError::Upcast { from: 2, to: 3, .. } => {}
                        other => instead("Upcast from 2 to 3", other)?,
                    }
                }
                (at, other) => instead(&format!("offset {at}"), other)?,
            }
        }
        match broker.subscriber::<Stranger>().await {
            Err(OpenError::Conflict(conflict)) => same("the option", conflict.option, "type")?,
            seen => instead("a conflict of type", seen)?,
        }
    }
    let mut raw = other.topic(THINGS).subscriber().await?;
    for version in [1, 2, 3, 1, 2, 2] {
        same("the version", receive(&mut raw).await?.version(), version)?;
    }

    // In a group it is a dead letter, of the version it had, also when it comes back.
    let group = broker.subscriber::<Three>().group("work");
    let group = if kit.can(Capability::KeyOrder) { group } else { group.any_order() };
    let mut group = group.await?;
    let mut seen = Vec::new();
    for _ in 0..5 {
        let three = claim(&mut group).await?;
        seen.push(three.most);
        three.ack_confirmed().await?;
    }
    seen.sort_unstable();
    same("the values", seen, vec![1, 2, 3, 4, 6])?;
    done(&broker, THINGS, "work").await?;
    let letters = broker.dead_letters::<Two>("work");
    let letter = receive(&mut letters.subscriber().await?).await?;
    ensure(letter.values.is_empty(), "the dead letter is another message")?;
    let why = DeadLetter::of(letter.headers());
    let why = why.ok_or_else(|| Failure::new("the headers do not say why it died"))?;
    let told = why.reason.contains("version 2") && why.reason.contains("there are no values");
    ensure(told, format_args!("the reason does not say what is wrong: {}", why.reason))?;
    let redriven = soon("a redrive", letters.redrive(|_, _| true)).await??;
    same("redriven and left", (redriven.redriven, redriven.left), (1, 0))?;
    let again = receive(&mut raw).await?;
    same("what came back", (again.offset(), again.version()), (Offset(6), 2))
}

pub(super) async fn a_newer_version_is_an_error_by_name(kit: Kit) -> Checked {
    let broker = kit.open().await?;
    let three = broker.publisher::<Three>().await?;
    three.publish(Three { most: 0 }).await?;
    let writer = broker.topic(THINGS).publisher().await?;
    let json =
        |version| Record::new(r#"{"most":1}"#).with_format(Format::Json).with_version(version);
    let print = Fingerprint::of("another three");
    writer.publish(json(4).with_fingerprint(print)).await?;
    writer.publish(json(3).with_fingerprint(print)).await?;
    three.publish(Three { most: 3 }).await?;

    let other = kit.join(&broker).await?;
    let mut reader = other.subscriber::<Three>().await?;
    for at in 0..4 {
        match (at, soon("a message", reader.recv()).await?) {
            (0 | 3, Ok(three)) => same("the value", three.most, at)?,
            (1, Err(RecvError::Decode { source, .. })) => {
                let text = source.to_string();
                match source {
                    DecodeError::Version { got: 4, have: 3 } => {}
                    other => instead("Version 4 at 3", other)?,
                }
                ensure(text.contains("update this reader"), format_args!("no remedy: {text}"))?;
            }
            (2, Err(RecvError::Decode { source: DecodeError::Schema { got, have }, .. })) => {
                same("both fingerprints", (got, Some(have)), (print, Three::SHAPE))?;
            }
            (at, other) => instead(&format!("offset {at} or its Decode"), other)?,
        }
    }
    // An older reader knows the newer type as little.
    let mut reader = other.subscriber::<Two>().await?;
    match soon("a message", reader.recv()).await? {
        Err(RecvError::Decode { source: DecodeError::Version { got: 3, have: 2 }, .. }) => {}
        seen => instead("Version 3 at 2", seen)?,
    }
    let group = other.subscriber::<Three>().group("work");
    let group = if kit.can(Capability::KeyOrder) { group } else { group.any_order() };
    let mut group = group.await?;
    let mut seen = Vec::new();
    for _ in 0..2 {
        let three = claim(&mut group).await?;
        seen.push(three.most);
        three.ack_confirmed().await?;
    }
    seen.sort_unstable();
    same("the values", seen, vec![0, 3])?;
    done(&broker, THINGS, "work").await?;
    let dead = broker.dead_letters::<Three>("work").topic().await?;
    let mut dead = broker.topic(dead.as_str()).subscriber().await?;
    let mut seen = Vec::new();
    for _ in 0..2 {
        let letter = receive(&mut dead).await?;
        let why = DeadLetter::of(letter.headers());
        let why = why.ok_or_else(|| Failure::new("the headers do not say why it died"))?;
        ensure(
            why.reason.contains("version"),
            format_args!("it does not say why: {}", why.reason),
        )?;
        seen.push((letter.version(), letter.fingerprint()));
    }
    seen.sort();
    same("the dead letters", seen, vec![(3, Some(print)), (4, Some(print))])
}
