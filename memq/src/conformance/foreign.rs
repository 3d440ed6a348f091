//! Bytes from elsewhere: typed errors, one for each, and everything else goes on.

use super::Failure;
use super::kit::{
    Checked, ITEMS, Item, Kit, claim, done, ensure, instead, items, receive, same, soon,
};
use crate::dead_letter::DeadLetter;
use crate::error::{EncodeError, PublishError, RecvError};
use crate::options::{Compression, Format};
use crate::position::Offset;
use crate::record::Record;

pub(super) async fn an_undecodable_record_is_one_error_and_reading_goes_on(kit: Kit) -> Checked {
    let broker = kit.open().await?;
    let publisher = broker.publisher::<Item>().await?;
    let writer = items(&broker).publisher().await?;
    publisher.publish(Item::new(0)).await?;
    writer.publish_bytes("not an item").await?;
    writer.publish_bytes(r#"{"key":null,"value":2}"#).await?;
    writer.publish(Record::new(r#"{"key":null}"#).with_format(Format::Json)).await?;
    writer.publish(Record::new(&[0x81][..]).with_format(Format::MessagePack)).await?;
    publisher.publish(Item::new(5)).await?;
    let mut reader = broker.subscriber::<Item>().await?;
    for at in 0..6 {
        match (at, soon("a message", reader.recv()).await?) {
            (0 | 2 | 5, Ok(item)) => same("the value", item.value, at)?,
            (1 | 3 | 4, Err(RecvError::Decode { offset, .. })) => {
                same("the offset of what cannot be read", offset, Offset(at))?;
            }
            (at, other) => instead(&format!("offset {at} or its Decode"), other)?,
        }
    }
    // In a batch it ends the batch, and is told next.
    let mut reader = broker.subscriber::<Item>().await?;
    let (mut seen, mut faults) = (Vec::new(), Vec::new());
    while seen.last() != Some(&5) {
        match soon("a batch", reader.recv_batch(10)).await? {
            Ok(batch) => seen.extend(batch.iter().map(|item| item.value)),
            Err(RecvError::Decode { offset, .. }) => faults.push(offset.0),
            other => instead("a batch or Decode", other)?,
        }
    }
    same("read and refused", (seen, faults), (vec![0, 2, 5], vec![1, 3, 4]))?;
    // To whoever reads bytes, they are bytes.
    let mut raw = broker.topic(ITEMS).subscriber().await?;
    receive(&mut raw).await?;
    same("the bytes", &receive(&mut raw).await?.bytes()[..], &b"not an item"[..])
}

pub(super) async fn an_undecodable_record_is_a_dead_letter_of_its_group(kit: Kit) -> Checked {
    let broker = kit.open().await?;
    let publisher = broker.publisher::<Item>().await?;
    let writer = items(&broker).publisher().await?;
    writer.publish_bytes("not an item").await?;
    publisher.publish(Item::new(1)).await?;
    let mut group = kit.group(&broker, "work").await?;
    let item = claim(&mut group).await?;
    same("the first that can be read", item.value, 1)?;
    item.ack_confirmed().await?;
    let stats = done(&broker, ITEMS, "work").await?;
    kit.ended(&stats, 1, 1)?;
    let dead = broker.dead_letters::<Item>("work").topic().await?;
    let letter = receive(&mut broker.topic(dead.as_str()).subscriber().await?).await?;
    same("its bytes", &letter.bytes()[..], &b"not an item"[..])?;
    let why = DeadLetter::of(letter.headers());
    let why = why.ok_or_else(|| Failure::new("the headers do not say why it died"))?;
    same("its offset", why.offset, Offset(0))?;
    ensure(why.reason.len() > 10, "the reason does not say what is wrong")
}

pub(super) async fn bytes_from_anywhere_are_typed_errors(kit: Kit) -> Checked {
    let broker = kit.open().await?;
    let writer = items(&broker).publisher().await?;
    // Bytes that begin like a frame and are none are refused, and given back.
    match writer.publish_bytes(&b"TMQ\xffnonsense"[..]).await {
        Err(PublishError::Encode { message, source: EncodeError::Frame(_) }) => {
            same("given back", &message.bytes()[..], &b"TMQ\xffnonsense"[..])?;
        }
        other => instead("EncodeError::Frame", other)?,
    }
    let mut seed = 1_u64;
    let mut sent = Vec::new();
    for round in 0..300_usize {
        let random = std::iter::repeat_with(|| {
            seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            (seed >> 56) as u8
        });
        let start: &[u8] =
            [&b""[..], b"TMQ", b"\x1f\x8b\x08", b"\x28\xb5\x2f\xfd", b"{"][round % 5];
        let bytes: Vec<u8> = start.iter().copied().chain(random.take(round % 64)).collect();
        let formats = [Format::Raw, Format::Json, Format::MessagePack, Format::Bincode];
        let compressions = [Compression::None, Compression::Gzip, Compression::Zstd];
        let record = Record::new(bytes.clone())
            .with_format(formats[round % 4])
            .with_compression(compressions[round % 3]);
        writer.publish(record).await?;
        sent.push(bytes);
    }
    broker.publisher::<Item>().await?.publish(Item::new(7)).await?;
    let mut reader = broker.subscriber::<Item>().await?;
    let mut raw = broker.topic(ITEMS).subscriber().await?;
    for bytes in sent {
        match soon("a message", reader.recv()).await? {
            // A short one may happen to be an item.
            Ok(_) | Err(RecvError::Decode { .. }) => {}
            other => instead("a message or Decode", other)?,
        }
        same("the bytes as they are kept", &receive(&mut raw).await?.bytes()[..], &bytes[..])?;
    }
    same("what comes after them", receive(&mut reader).await?.value, 7)
}
