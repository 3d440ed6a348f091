//! What comes out of compressed bytes, and how much memory it takes.

use super::*;
use crate::options::Format;
use crate::record::About;

fn body(compression: Compression, bytes: impl Into<Bytes>, length: Option<u32>) -> Body {
    let about = About::new(Format::Raw).with_compression(compression).with_length(length);
    Body { bytes: bytes.into(), dictionaries: Dictionaries::default(), about }
}

/// Every message in a log has one, and a word beside it.
#[test]
#[cfg(target_pointer_width = "64")]
fn a_body_leaves_a_word_of_a_cache_line() {
    assert_eq!(size_of::<Body>(), 56);
}

/// What came out, and the memory taken for it.
fn open(body: &Body, limit: usize) -> (Result<Vec<u8>, DecodeError>, usize) {
    let mut out = Vec::new();
    let done = decompress(body, &Dictionaries::default(), limit, &mut out);
    let taken = out.capacity();
    (done.map(|()| out), taken)
}

#[cfg(any(feature = "gzip", feature = "zstd"))]
fn packed(compression: Compression, plain: &[u8]) -> Vec<u8> {
    let mut out = b"what was there".to_vec();
    compress(compression, compression.default_level(), None, plain, &mut out).unwrap();
    out
}

#[cfg(any(feature = "gzip", feature = "zstd"))]
fn available() -> impl Iterator<Item = Compression> {
    [Compression::Gzip, Compression::Zstd].into_iter().filter(|one| one.is_available())
}

/// 1 GiB in 32 KiB: blocks of one repeated byte.
#[cfg(feature = "zstd")]
fn zstd_bomb(blocks: u32) -> Vec<u8> {
    let mut bomb = b"\x28\xb5\x2f\xfd\x00\x58".to_vec();
    for block in 1..=blocks {
        let header: u32 = ((128 << 10) << 3) | (1 << 1) | u32::from(block == blocks);
        bomb.extend_from_slice(&header.to_le_bytes()[..3]);
        bomb.push(0);
    }
    bomb
}

/// 1 GiB in 1 MiB: members of a mebibyte of zeros.
#[cfg(feature = "gzip")]
fn gzip_bomb(members: usize) -> Vec<u8> {
    packed(Compression::Gzip, &vec![0; 1 << 20]).repeat(members)
}

#[test]
#[cfg(all(feature = "gzip", feature = "zstd"))]
fn a_bomb_is_refused_without_the_memory_it_asks_for() {
    let bombs = [(Compression::Zstd, zstd_bomb(8 << 10)), (Compression::Gzip, gzip_bomb(1 << 10))];
    for (compression, bomb) in bombs {
        let limit = 16 << 20;
        let (opened, taken) = open(&body(compression, bomb.clone(), None), limit);
        assert!(
            matches!(opened, Err(DecodeError::TooLarge { limit: 16_777_216 })),
            "{compression}"
        );
        assert!(taken <= limit + 1, "{compression}: {taken}");

        // and no declared length lifts the limit
        let (opened, taken) = open(&body(compression, bomb.clone(), Some(1 << 30)), limit);
        assert!(matches!(opened, Err(DecodeError::TooLarge { .. })), "{compression}");
        assert_eq!(taken, 0, "{compression}");

        let (opened, taken) = open(&body(compression, bomb, Some(1 << 20)), limit);
        let Err(DecodeError::Length { declared, got }) = opened else { panic!("{opened:?}") };
        assert_eq!((declared, got), (1 << 20, (1 << 20) + 1));
        assert!(taken <= (1 << 20) + 1, "{compression}: {taken}");
    }
}

#[test]
#[cfg(all(feature = "gzip", feature = "zstd"))]
fn what_is_within_the_limit_comes_out() {
    for (compression, large) in
        [(Compression::Zstd, zstd_bomb(16)), (Compression::Gzip, gzip_bomb(2))]
    {
        for length in [None, Some(2 << 20)] {
            let large = body(compression, large.clone(), length);
            assert_eq!(open(&large, 2 << 20).0.unwrap(), vec![0; 2 << 20]);
            assert!(open(&large, (2 << 20) - 1).0.is_err());
        }
    }
}

#[test]
#[cfg(any(feature = "gzip", feature = "zstd"))]
fn a_declared_length_is_not_allocated() {
    for compression in available() {
        let tiny = body(compression, packed(compression, b"tea"), Some(u32::MAX));
        let (opened, taken) = open(&tiny, usize::MAX);
        let Err(DecodeError::Length { declared, got: 3 }) = opened else { panic!("{opened:?}") };
        assert_eq!(declared, u32::MAX as usize);
        assert!(taken <= 1 << 16, "{compression}: {taken}");
    }
}

#[test]
#[cfg(any(feature = "gzip", feature = "zstd"))]
fn a_declared_length_must_be_exact() {
    for compression in available() {
        for plain in [&b""[..], b"t", b"tea", &[7; 100_000]] {
            let bytes = packed(compression, plain);
            let length = plain.len() as u32;
            let exact = body(compression, bytes.clone(), Some(length));
            assert_eq!(open(&exact, plain.len()).0.unwrap(), plain);
            for lie in
                [length + 1, length.wrapping_sub(1), length / 2 + 7].map(|lie| lie & 0xf_ffff)
            {
                if lie == length {
                    continue;
                }
                let (opened, _) = open(&body(compression, bytes.clone(), Some(lie)), 1 << 20);
                let Err(DecodeError::Length { declared, .. }) = opened else {
                    panic!("{compression} {lie}: {opened:?}")
                };
                assert_eq!(declared, lie as usize);
            }
        }
    }
}

#[test]
#[cfg(any(feature = "gzip", feature = "zstd"))]
fn several_members_are_one_payload_and_nothing_may_follow() {
    for compression in available() {
        let two = [packed(compression, b"green "), packed(compression, b"tea")].concat();
        assert_eq!(open(&body(compression, two.clone(), Some(9)), 9).0.unwrap(), b"green tea");
        for garbage in [&b"\0"[..], b"x", &[0; 100], b"\x1f\x8b", b"\x28\xb5\x2f", &two[..9]] {
            let (opened, _) = open(&body(compression, [&two, garbage].concat(), None), 1 << 20);
            assert!(matches!(opened, Err(DecodeError::Decompress { .. })), "{opened:?}");
        }
        let (opened, _) = open(&body(compression, Bytes::new(), None), 1 << 20);
        assert!(matches!(opened, Err(DecodeError::Decompress { .. })), "{opened:?}");
    }
}

#[test]
#[cfg(any(feature = "gzip", feature = "zstd"))]
fn a_level_out_of_range_is_refused_and_every_other_works() {
    for compression in available() {
        let (low, high) = compression.levels().unwrap();
        let plain = b"tea and tea and tea and tea".repeat(9);
        for level in low..=high {
            let mut out = Vec::new();
            compress(compression, level, None, &plain, &mut out).unwrap();
            let same = body(compression, out, None);
            assert_eq!(open(&same, 1 << 20).0.unwrap(), plain, "{compression} {level}");
        }
        for level in [low - 1, high + 1, i32::MIN, i32::MAX] {
            let refused = compress(compression, level, None, &plain, &mut Vec::new());
            assert!(matches!(refused, Err(EncodeError::Compress { .. })), "{refused:?}");
        }
    }
}

#[test]
fn what_is_missing_says_what_to_do() {
    for compression in [Compression::Gzip, Compression::Zstd, Compression::Lz4] {
        if compression.is_available() {
            continue;
        }
        let (opened, _) = open(&body(compression, &b"tea"[..], None), 10);
        let Err(DecodeError::Unavailable { remedy, .. }) = opened else { panic!("{opened:?}") };
        let written =
            compress(compression, compression.default_level(), None, b"tea", &mut Vec::new());
        let Err(EncodeError::Unavailable { remedy: same, .. }) = written else { panic!() };
        assert_eq!(remedy, same);
    }
}

#[test]
#[cfg(feature = "zstd")]
fn a_frame_that_claims_a_window_of_gigabytes_takes_none() {
    // A window of 2 GiB, then one block of ten bytes.
    let bytes = b"\x28\xb5\x2f\xfd\x00\xa8\x53\x00\x00t";
    assert_eq!(open(&body(Compression::Zstd, &bytes[..], None), 10).0.unwrap(), [b't'; 10]);
}

#[test]
#[cfg(feature = "gzip")]
fn a_gzip_header_may_say_more() {
    let deflated = b"\x2b\x49\x4d\x04\x00\x49\x84\xa1\x7e\x03\x00\x00\x00";
    let crc = {
        let mut crc = flate2::Crc::new();
        crc.update(b"tea");
        crc.sum().to_le_bytes()
    };
    let tail = [&deflated[..5], &crc, &deflated[9..]].concat();
    let with = |flags: u8, more: &[u8]| {
        let header = [0x1f, 0x8b, 8, flags, 1, 2, 3, 4, 0, 3];
        open(&body(Compression::Gzip, [&header, more, &tail].concat(), None), 100).0
    };
    assert_eq!(with(0, b"").unwrap(), b"tea");
    assert_eq!(with(1, b"").unwrap(), b"tea");
    assert_eq!(with(4, b"\x02\x00ab").unwrap(), b"tea");
    assert_eq!(with(8 | 16, b"name\0comment\0").unwrap(), b"tea");
    for (flags, more) in
        [(4, &b"\xff\xff"[..]), (8, b"name"), (0x20, b""), (0x80, b""), (2, b"\0\0")]
    {
        assert!(with(flags, more).is_err(), "{flags}");
    }
    let mut crc = flate2::Crc::new();
    crc.update(&[0x1f, 0x8b, 8, 2, 1, 2, 3, 4, 0, 3]);
    assert_eq!(with(2, &crc.sum().to_le_bytes()[..2]).unwrap(), b"tea");
}

#[test]
#[cfg(feature = "gzip")]
fn other_gzips_and_this_one_read_each_other() {
    use std::io::{Read, Write};
    let plain = b"tea and more tea".repeat(1_000);
    let mut theirs = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::new(6));
    theirs.write_all(&plain).unwrap();
    let theirs = body(Compression::Gzip, theirs.finish().unwrap(), None);
    assert_eq!(open(&theirs, 1 << 20).0.unwrap(), plain);

    let ours = packed(Compression::Gzip, &plain);
    let mut read = Vec::new();
    flate2::read::GzDecoder::new(&ours[..]).read_to_end(&mut read).unwrap();
    assert_eq!(read, plain);
}

#[cfg(feature = "zstd")]
mod with_a_dictionary {
    use super::*;

    const FLIGHTS: &[u8] = include_bytes!("../../../../examples/data/flights.dict");
    const FLIGHT: &[u8] =
        br#"{"date":"2001/01/01 06:55","delay":-19,"distance":1797,"origin":"LAX","destination":"BNA"}"#;

    fn flights() -> Dictionary {
        Dictionary::new(FLIGHTS).unwrap()
    }

    /// Another one, by its id alone.
    fn other() -> Dictionary {
        let mut bytes = FLIGHTS.to_vec();
        bytes[4..8].copy_from_slice(&77_u32.to_le_bytes());
        Dictionary::new(bytes).unwrap()
    }

    fn set(all: &[Dictionary]) -> Dictionaries {
        all.iter().fold(Dictionaries::default(), |set, one| set.with(one.clone()))
    }

    fn packed_at(level: i32, plain: &[u8]) -> Vec<u8> {
        let mut out = Vec::new();
        compress(Compression::Zstd, level, Some(&flights()), plain, &mut out).unwrap();
        out
    }

    fn open_with(
        bytes: impl Into<Bytes>,
        own: &Dictionaries,
        more: &Dictionaries,
        limit: usize,
    ) -> (Result<Vec<u8>, DecodeError>, usize) {
        let body =
            Body { dictionaries: own.clone(), ..body(Compression::Zstd, bytes.into(), None) };
        let mut out = Vec::new();
        let done = decompress(&body, more, limit, &mut out);
        let taken = out.capacity();
        (done.map(|()| out), taken)
    }

    #[test]
    fn every_level_comes_back_and_names_its_dictionary() {
        let (own, none) = (set(&[flights()]), Dictionaries::default());
        let long = FLIGHT.repeat(5_000);
        for level in -7..=22 {
            for plain in [FLIGHT, b"", &long] {
                let bytes = packed_at(level, plain);
                for (own, more) in [(&own, &none), (&none, &own)] {
                    assert_eq!(open_with(bytes.clone(), own, more, 1 << 20).0.unwrap(), plain);
                }
                let refused = open_with(bytes, &none, &none, 1 << 20).0;
                let Err(DecodeError::Dictionary { needs, has }) = refused else {
                    panic!("{level}: {refused:?}");
                };
                assert_eq!((needs, has), (flights().id(), vec![]));
            }
        }
        let mut alone = Vec::new();
        compress(Compression::Zstd, 3, None, FLIGHT, &mut alone).unwrap();
        assert!(packed_at(3, FLIGHT).len() * 2 < alone.len());
        // What was made without one is opened whatever there is.
        assert_eq!(open_with(alone, &own, &none, 1 << 20).0.unwrap(), FLIGHT);
    }

    #[test]
    fn what_is_needed_and_what_there_is_are_named() {
        let bytes = packed_at(3, FLIGHT);
        let refused = open_with(bytes, &set(&[other()]), &Dictionaries::default(), 1 << 20).0;
        let text = refused.unwrap_err().to_string();
        let id = flights().id();
        assert!(text.contains(&format!("with dictionary {id}, and only 77 is here")), "{text}");
    }

    #[test]
    fn frames_in_a_row_may_take_it_or_not() {
        let (own, none) = (set(&[flights(), other()]), Dictionaries::default());
        let mut alone = Vec::new();
        compress(Compression::Zstd, 3, None, b"green tea", &mut alone).unwrap();
        let skipped = [&b"\x55\x2a\x4d\x18\x03\0\0\0"[..], b"tea"].concat();
        let with = packed_at(3, FLIGHT);
        let row = [&skipped, &alone, &with, &alone, &skipped].map(Vec::as_slice).concat();
        let plain = [b"green tea", FLIGHT, b"green tea"].concat();
        assert_eq!(open_with(row.clone(), &own, &none, 1 << 20).0.unwrap(), plain);
        let refused = open_with(row, &none, &none, 1 << 20).0;
        assert!(matches!(refused, Err(DecodeError::Dictionary { .. })), "{refused:?}");

        // One payload takes one dictionary.
        let mut others = Vec::new();
        compress(Compression::Zstd, 3, Some(&other()), FLIGHT, &mut others).unwrap();
        let two = open_with([with, others].concat(), &own, &none, 1 << 20).0;
        assert!(matches!(two, Err(DecodeError::Decompress { .. })), "{two:?}");
    }

    #[test]
    fn hostile_bytes_stay_within_the_limit() {
        let (own, none) = (set(&[flights()]), Dictionaries::default());
        let limit = 1 << 20;
        let (opened, taken) = open_with(packed_at(19, &vec![0; 64 << 20]), &own, &none, limit);
        assert!(matches!(opened, Err(DecodeError::TooLarge { .. })), "{opened:?}");
        assert!(taken <= limit + 1, "{taken}");
        // Its frame header claims a window of 3.75 TiB, and the dictionary.
        let mut bomb = b"\x28\xb5\x2f\xfd\x03\xff".to_vec();
        bomb.extend_from_slice(&flights().id().to_le_bytes());
        bomb.extend_from_slice(&zstd_bomb(8 << 10)[6..]);
        let (opened, taken) = open_with(bomb, &own, &none, limit);
        assert!(opened.is_err());
        assert!(taken <= limit + 1, "{taken}");
        // Cut anywhere, and changed anywhere: an error or bytes, and never more than are allowed.
        let bytes = packed_at(3, FLIGHT);
        for end in 0..bytes.len() {
            assert!(open_with(bytes[..end].to_vec(), &own, &none, limit).0.is_err(), "{end}");
        }
        for at in 0..bytes.len() {
            for bit in 0..8 {
                let mut wild = bytes.clone();
                wild[at] ^= 1 << bit;
                let (opened, taken) = open_with(wild, &own, &none, 1_000);
                assert!(taken <= 1_001, "{at} {bit}");
                assert!(opened.map_or(0, |plain| plain.len()) <= 1_000, "{at} {bit}");
            }
        }
    }

    /// A message must not find what another topic of the thread has left in the context.
    #[test]
    fn messages_with_and_without_take_turns_on_a_thread() {
        let own = set(&[flights()]);
        for level in [3, -1, 19, 3] {
            let mut alone = Vec::new();
            compress(Compression::Zstd, level, None, FLIGHT, &mut alone).unwrap();
            let with = packed_at(level, FLIGHT);
            assert!(with.len() < alone.len(), "{level}");
            let none = Dictionaries::default();
            assert_eq!(open_with(alone, &none, &none, 1_000).0.unwrap(), FLIGHT);
            assert_eq!(open_with(with, &own, &none, 1_000).0.unwrap(), FLIGHT);
        }
    }
}
