//! Damaged, cut, forged and random bytes: an error or a value, never a panic.

use super::*;
use crate::codec::frame;
use crate::error::FrameError;

fn frames() -> Vec<(String, Vec<u8>)> {
    let mut frames = Vec::new();
    for format in FORMATS {
        for compression in COMPRESSIONS {
            let record = record(format, compression, &encode(format, &sample()));
            frames.push((
                format!("{format}, {compression}"),
                record.frame_checked().unwrap().to_vec(),
            ));
        }
    }
    frames
}

/// Bytes that merely lost their magic are no frame, and any others that differ must be found.
fn read(bytes: &[u8]) -> Result<Body, FrameError> {
    frame::read(&bytes.to_vec().into())
}

#[test]
fn every_flipped_bit_is_found() {
    for (what, frame) in frames() {
        for index in 0..frame.len() {
            for bit in 0..8 {
                let mut damaged = frame.clone();
                damaged[index] ^= 1 << bit;
                assert!(read(&damaged).is_err(), "{what}: byte {index}, bit {bit}");
            }
        }
    }
}

#[test]
fn every_damaged_byte_is_found_but_two_that_make_another_frame() {
    for (what, frame) in frames().into_iter().filter(|(what, _)| what.starts_with("Json")) {
        for index in 0..frame.len() {
            for byte in (0..=u8::MAX).filter(|byte| *byte != frame[index]) {
                let mut damaged = frame.clone();
                damaged[index] = byte;
                // As the specification says: version 1, and a checksum that is not announced
                // beside an option of a later version that is.
                let other = match index {
                    3 => byte == 1,
                    6 => byte & 0x08 == 0 && byte & 0x70 != 0 && byte & 0x80 == 0,
                    _ => false,
                };
                assert!(other || read(&damaged).is_err(), "{what}: byte {index} is {byte:#x}");
            }
        }
    }
}

#[test]
fn every_cut_is_found() {
    for (what, frame) in frames() {
        for end in 0..frame.len() {
            assert!(read(&frame[..end]).is_err(), "{what}: {end}");
            if end >= frame::MAGIC.len() {
                assert!(Record::parse(frame[..end].to_vec()).is_err(), "{what}: {end}");
            }
        }
        let longer = [&frame[..], b"\0"].concat();
        assert!(matches!(read(&longer), Err(FrameError::Checksum { .. })), "{what}");
    }
}

#[test]
fn damage_without_a_checksum_never_panics() {
    for format in FORMATS {
        for compression in COMPRESSIONS {
            let plain = encode(format, &sample());
            let whole = record(format, compression, &plain).frame().unwrap();
            for index in 0..whole.len() {
                for bit in 0..8 {
                    let mut damaged = whole.to_vec();
                    damaged[index] ^= 1 << bit;
                    everything(&damaged);
                }
                everything(&whole[..index]);
            }
        }
    }
}

#[test]
fn compressed_payloads_are_whole_or_an_error() {
    for compression in [Compression::Gzip, Compression::Zstd] {
        let whole = record(Format::Raw, compression, &encode(Format::Json, &sample()));
        let bytes = whole.bytes();
        for end in 0..bytes.len() {
            let cut = Record::new(bytes.slice(..end)).with_compression(compression);
            assert!(cut.payload().is_err(), "{compression} {end}");
        }
        let longer = [&bytes[..], b"\0"].concat();
        assert!(Record::new(longer).with_compression(compression).payload().is_err());
    }
}

/// All that can be done with bytes from anywhere.
fn everything(bytes: &[u8]) {
    let _ = Record::detect(bytes);
    let Ok(parsed) = Record::parse(bytes.to_vec()) else { return };
    let raw = Record::new(bytes.to_vec());
    let mut records = vec![parsed.clone(), raw.clone(), parsed.with_format(Format::Json)];
    for format in FORMATS {
        for compression in COMPRESSIONS {
            records.push(raw.clone().with_format(format).with_compression(compression));
        }
    }
    for record in records {
        let _ = record.payload();
        let _ = record.decompress(100);
        let _ = record.frame().map(|frame| Record::parse(frame).unwrap());
        let _ = record.decode::<Order>();
        let _ = record.decode::<Vec<Option<State>>>();
        let _ = record.decode_as::<Postcard, (String, Order)>();
        let _ = record.unseal(&[]);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn random_bytes_never_panic(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
        everything(&bytes);
    }

    #[test]
    fn random_frames_never_panic(
        header in proptest::collection::vec(0..10_u8, 0..12),
        version in 0..4_u8,
        bytes in proptest::collection::vec(any::<u8>(), 0..60),
    ) {
        everything(&[b"TMQ", &[version][..], &header, &bytes].concat());
    }

    #[test]
    fn random_compressed_bytes_never_panic(
        bytes in proptest::collection::vec(any::<u8>(), 0..60),
        gzip in any::<bool>(),
    ) {
        let magic: &[u8] = if gzip { b"\x1f\x8b\x08" } else { b"\x28\xb5\x2f\xfd" };
        everything(&[magic, &bytes].concat());
    }

    #[test]
    fn several_damaged_bytes_never_panic(
        order in order(),
        damage in proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..6),
    ) {
        for format in FORMATS {
            for compression in COMPRESSIONS {
                let record = record(format, compression, &encode(format, &order));
                let mut bytes = record.frame().unwrap().to_vec();
                for (index, byte) in &damage {
                    let index = index.index(bytes.len());
                    bytes[index] = *byte;
                }
                everything(&bytes);
            }
        }
    }

    #[test]
    fn bytes_that_begin_like_a_frame_come_back(rest in proptest::collection::vec(any::<u8>(), 0..40)) {
        let spoofed = [b"TMQ", &rest[..]].concat();
        let record = Record::new(spoofed.clone());
        prop_assert_eq!(record.format(), Format::Raw);
        for frame in [record.frame().unwrap(), record.frame_checked().unwrap()] {
            let back = Record::parse(frame.clone()).unwrap();
            prop_assert_eq!(back.format(), Format::Raw);
            prop_assert_eq!(&back.bytes()[..], &spoofed[..]);
            // exactly one is taken off
            let twice = Record::new(frame.clone()).frame().unwrap();
            let once = Record::parse(twice).unwrap();
            prop_assert_eq!(once.bytes(), &frame);
        }
    }
}
