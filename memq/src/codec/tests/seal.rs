//! Stages, through the pipeline of the handles and through files.

use std::sync::Arc;

use super::*;
use crate::codec::Stage;
use crate::codec::form::{Decoders, Form, Look, Raw, Reader, Writer};
use crate::codec::stage::Stages;
use crate::error::{Cause, DecodeError};
use crate::key::Key;
use crate::schema::Versions;
use crate::topic::{Topic, TopicSpec};

impl Topic for Order {
    type Codec = Json;
    const SPEC: TopicSpec = TopicSpec::new("orders");
}

/// Turns the bytes around and adds its key, which it wants back.
struct Lock(u8);

impl Stage for Lock {
    fn name(&self) -> &str {
        "lock"
    }

    fn seal(&self, bytes: &[u8]) -> Result<Vec<u8>, Cause> {
        Ok(bytes.iter().rev().copied().chain([self.0]).collect())
    }

    fn open(&self, bytes: &[u8]) -> Result<Vec<u8>, Cause> {
        match bytes {
            [rest @ .., key] if *key == self.0 => Ok(rest.iter().rev().copied().collect()),
            _ => Err("another key".into()),
        }
    }
}

fn locks() -> [Arc<dyn Stage>; 2] {
    [Arc::new(Lock(1)), Arc::new(Lock(2))]
}

fn stages() -> Stages {
    locks().into_iter().fold(Stages::default(), |stages, lock| stages.with(lock))
}

fn written(compression: Compression) -> Record {
    let mut writer = Writer::<Order>::typed::<Json>();
    writer.compression = compression;
    writer.level = compression.default_level();
    writer.stages = stages();
    let packed = Encoded::pack::<Blind>(&sample(), &writer).unwrap();
    assert!(packed.made.about.is_sealed());
    Record { body: packed.made, meta: packed.meta }
}

/// Finds neither keys nor footprints.
struct Blind;

impl<T> Look<T> for Blind {
    fn key(_: &T) -> Option<Key<'_>> {
        None
    }

    fn footprint(_: &T) -> usize {
        0
    }
}

fn reader<T>(stages: Stages) -> Reader<T> {
    Reader::new(Arc::new(Decoders::new(Format::Json)), stages, Versions::none())
}

#[test]
fn what_was_sealed_is_read_from_a_file() {
    for compression in COMPRESSIONS {
        let sealed = written(compression);
        for file in [sealed.frame().unwrap(), sealed.frame_checked().unwrap()] {
            let read = Record::parse(file).unwrap();
            assert_eq!(read.format(), Format::Custom);
            assert!(matches!(read.decode::<Order>(), Err(DecodeError::Unknown)));
            let opened = read.unseal(&locks()).unwrap();
            assert_eq!((opened.format(), opened.compression()), (Format::Json, compression));
            assert_eq!(opened.decode::<Order>().unwrap(), sample());
        }
    }
}

#[test]
fn a_sealed_record_says_so() {
    let sealed = written(Compression::Zstd);
    assert!(matches!(sealed.decode::<Order>(), Err(DecodeError::Sealed)));
    assert!(matches!(sealed.decode_as::<Json, Order>(), Err(DecodeError::Sealed)));
    assert!(matches!(sealed.payload(), Err(DecodeError::Sealed)));
    assert!(matches!(sealed.decompress(1), Err(DecodeError::Sealed)));
    assert_eq!(sealed.unseal(&locks()).unwrap().decode::<Order>().unwrap(), sample());
}

#[test]
fn a_wrong_key_is_an_error() {
    let sealed = written(Compression::None);
    let [first, second] = locks();
    let wrong: [&[Arc<dyn Stage>]; 4] = [
        &[second.clone(), first.clone()],
        std::slice::from_ref(&first),
        std::slice::from_ref(&second),
        &[],
    ];
    for locks in wrong {
        let opened = sealed.unseal(locks);
        assert!(
            matches!(opened, Err(DecodeError::Stage { .. } | DecodeError::Frame(_))),
            "{opened:?}"
        );
    }
}

#[test]
fn subscribers_undo_the_stages() {
    for compression in COMPRESSIONS {
        let sealed = written(compression);
        let typed = reader::<Order>(stages());
        typed.decoders.add::<Json>().unwrap();
        let order = <Encoded as Form<Order>>::open(&sealed.body, None, &typed).unwrap();
        assert_eq!(order, sample());
        let raw = Raw::open(&sealed.body, None, &reader(stages())).unwrap();
        assert_eq!(raw.decode::<Order>().unwrap(), sample());
        let without = Raw::open(&sealed.body, None, &reader(Stages::default()));
        assert!(matches!(without, Err(DecodeError::Sealed)));
    }
}

#[test]
fn a_record_keeps_its_format_when_it_is_compressed_and_sealed() {
    let mut writer = Writer::<Record>::raw(Format::Json);
    writer.compression = Compression::Gzip;
    writer.level = 6;
    writer.stages = stages();
    let record =
        Record::new(encode(Format::MessagePack, &sample())).with_format(Format::MessagePack);
    let packed = Raw::pack::<Blind>(&record, &writer).unwrap();
    let stored = Raw::store(&mut Some(record), packed.made);
    let raw = Raw::open(&stored, None, &reader(stages())).unwrap();
    assert_eq!((raw.format(), raw.compression()), (Format::MessagePack, Compression::Gzip));
    assert_eq!(raw.decode::<Order>().unwrap(), sample());
}

/// A value that publishes another while it is written.
struct Nosy;

struct Inside;

impl Codec<Nosy> for Inside {
    type Form = Encoded;
    const FORMAT: Format = Format::Custom;

    fn encode(_: &Nosy, out: &mut Vec<u8>) -> Result<(), crate::EncodeError> {
        out.extend_from_slice(b"outer");
        assert_eq!(written(Compression::Gzip).unseal(&locks()).unwrap().format(), Format::Json);
        Ok(())
    }

    fn decode(_: &[u8]) -> Result<Nosy, DecodeError> {
        Ok(Nosy)
    }
}

impl Topic for Nosy {
    type Codec = Inside;
    const SPEC: TopicSpec = TopicSpec::new("nosy");
}

#[test]
fn a_codec_may_publish() {
    let writer = Writer::<Nosy>::typed::<Inside>();
    let packed = Encoded::pack::<Blind>(&Nosy, &writer).unwrap();
    assert_eq!(packed.made.bytes, "outer");
}
