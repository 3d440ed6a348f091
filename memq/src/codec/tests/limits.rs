//! Bytes that claim more than they are: no stack overflow, no endless loop, no memory.

use super::*;
use crate::error::DecodeError;
use crate::options::DEFAULT_MAX_DECODED;

/// A recursive type, through every way of nesting that serde has.
#[derive(Debug, PartialEq, Serialize, Deserialize)]
enum Tree {
    Leaf,
    Box(Box<Tree>),
    List(Vec<Tree>),
    Map(BTreeMap<String, Tree>),
    Named { inner: Option<Box<Tree>>, padding: [u64; 4] },
    Pair(Box<Tree>, u8),
}

#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct Chain {
    next: Option<Box<Chain>>,
}

/// The innermost leaf in so many boxes.
fn nested(format: Format, depth: usize) -> Vec<u8> {
    let (around, leaf, after): (&[u8], &[u8], &[u8]) = match format {
        Format::Json => (br#"{"Box":"#, br#""Leaf""#, b"}"),
        Format::MessagePack => (b"\x81\xa3Box", b"\xa4Leaf", b""),
        _ => (b"\x01", b"\x00", b""),
    };
    [around.repeat(depth), leaf.to_vec(), after.repeat(depth)].concat()
}

#[test]
fn values_nested_within_the_limit_are_read() {
    for format in FORMATS {
        let mut tree: Tree = decode(format, &nested(format, 100)).unwrap();
        for _ in 0..100 {
            let Tree::Box(inner) = tree else { panic!("{format}: {tree:?}") };
            tree = *inner;
        }
        assert_eq!(tree, Tree::Leaf);
    }
}

#[test]
fn values_nested_deeper_are_refused() {
    for format in FORMATS {
        for depth in [129, 257, 10_000, 1_000_000] {
            let decoded = decode::<Tree>(format, &nested(format, depth));
            assert!(matches!(decoded, Err(DecodeError::Malformed { .. })), "{format} {depth}");
        }
    }
}

#[test]
fn every_kind_of_nesting_is_counted() {
    let bombs: [(Format, &[u8]); 14] = [
        (Format::Postcard, &[2, 1]),
        (Format::Postcard, &[3, 1, 0]),
        (Format::Postcard, &[4, 1]),
        (Format::Postcard, &[5]),
        (Format::Bincode, &[2, 1]),
        (Format::Bincode, &[3, 1, 0]),
        (Format::Bincode, &[4, 1]),
        (Format::Bincode, &[5]),
        (Format::MessagePack, b"\x81\xa4List\x91"),
        (Format::MessagePack, b"\x81\xa3Map\x81\xa0"),
        (Format::MessagePack, b"\x81\xa5Named\x92"),
        (Format::MessagePack, b"\x81\xa5Named\x81\xa5inner"),
        (Format::MessagePack, b"\x81\xa4Pair\x92"),
        (Format::Json, br#"{"List":["#),
    ];
    for (format, bomb) in bombs {
        let decoded = decode::<Tree>(format, &bomb.repeat(200_000));
        assert!(matches!(decoded, Err(DecodeError::Malformed { .. })), "{format} {bomb:?}");
    }
    for (format, bomb) in [
        (Format::Postcard, &b"\x01"[..]),
        (Format::Bincode, b"\x01"),
        (Format::MessagePack, b"\x91"),
        (Format::Json, br#"{"next":"#),
    ] {
        let decoded = decode::<Chain>(format, &bomb.repeat(200_000));
        assert!(matches!(decoded, Err(DecodeError::Malformed { .. })), "{format}");
    }
}

#[test]
fn ignored_values_nest_no_deeper() {
    let mut bytes = b"\x82\xa4next\xc0\xa5other".to_vec();
    bytes.extend(vec![0x91; 1_000_000]);
    assert!(decode::<Chain>(Format::MessagePack, &bytes).is_err());
}

#[test]
fn the_deepest_value_fits_the_stack_of_a_small_thread() {
    std::thread::Builder::new()
        .stack_size(1 << 20)
        .spawn(|| {
            for format in FORMATS {
                for depth in [120, 127, 100_000] {
                    let _ = decode::<Tree>(format, &nested(format, depth));
                }
            }
        })
        .unwrap()
        .join()
        .unwrap();
}

#[test]
fn a_length_is_not_believed() {
    let claims: [(Format, &[u8]); 8] = [
        (Format::Bincode, b"\xfd\xff\xff\xff\xff\xff\xff\xff\x7f"),
        (Format::Bincode, b"\xfc\xff\xff\xff\x7fabc"),
        (Format::Postcard, b"\xff\xff\xff\xff\xff\xff\xff\xff\x7f"),
        (Format::Postcard, b"\xff\xff\xff\xff\x07abc"),
        (Format::MessagePack, b"\xdb\xff\xff\xff\xff"),
        (Format::MessagePack, b"\xc6\xff\xff\xff\xff"),
        (Format::MessagePack, b"\xdd\xff\xff\xff\xff"),
        (Format::MessagePack, b"\xdf\xff\xff\xff\xff"),
    ];
    for (format, bytes) in claims {
        assert!(decode::<String>(format, bytes).is_err(), "{format} {bytes:?}");
        assert!(decode::<Vec<String>>(format, bytes).is_err(), "{format} {bytes:?}");
        assert!(decode::<Vec<u64>>(format, bytes).is_err(), "{format} {bytes:?}");
        assert!(decode::<BTreeMap<u8, u8>>(format, bytes).is_err(), "{format} {bytes:?}");
    }
}

#[test]
fn elements_without_bytes_end() {
    assert_eq!(decode::<Vec<()>>(Format::Postcard, b"\xa0\x1f").unwrap().len(), 4_000);
    // The second and the last of these would be 30,000 elements.
    for (format, bytes) in [
        (Format::Bincode, &b"\xfd\xff\xff\xff\xff\xff\xff\xff\x7f"[..]),
        (Format::Bincode, b"\xfb\x30\x75"),
        (Format::Postcard, b"\xff\xff\xff\xff\xff\xff\xff\xff\x7f"),
        (Format::Postcard, b"\xb0\xea\x01"),
    ] {
        assert!(decode::<Vec<()>>(format, bytes).is_err(), "{format} {bytes:?}");
    }
}

#[test]
fn the_limit_of_a_payload_holds_without_compression_too() {
    for compression in COMPRESSIONS {
        let record = record(Format::Json, compression, b"[1,2]");
        assert_eq!(record.decompress(5).unwrap().bytes(), "[1,2]");
        let error = record.decompress(4).unwrap_err();
        assert!(matches!(error, DecodeError::TooLarge { limit: 4 }), "{compression}");
        assert!(error.to_string().starts_with("the payload has more than 4 bytes: "), "{error}");
    }
    // Nothing is expanded here, and nothing copied.
    let large = Record::new(vec![b' '; DEFAULT_MAX_DECODED + 1]);
    assert_eq!(large.payload().unwrap().as_ptr(), large.bytes().as_ptr());
    assert!(matches!(
        large.decompress(DEFAULT_MAX_DECODED),
        Err(DecodeError::TooLarge { limit: DEFAULT_MAX_DECODED })
    ));
}

/// Twenty structs in each other, with nothing in them but a byte.
#[test]
fn deep_wrappers_of_a_byte_are_read() {
    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    struct In<T> {
        inner: T,
    }
    type Five<T> = In<In<In<In<In<T>>>>>;
    for format in [Format::Bincode, Format::Postcard] {
        let bytes = [&b"\xfa"[..], &[7; 250]].concat();
        // Postcard's lengths have seven bits a byte.
        let bytes =
            if format == Format::Postcard { [b"\xfa\x01", &bytes[1..]].concat() } else { bytes };
        let read = decode::<Vec<Five<Five<Five<Five<u8>>>>>>(format, &bytes).unwrap();
        assert_eq!(read.len(), 250);
    }
}
