//! One payload is one value, to the last byte.

use super::*;
use crate::error::DecodeError;

#[test]
fn bytes_after_the_value_are_refused_and_counted() {
    for format in FORMATS {
        for extra in [1, 2, 1_000] {
            for byte in [b'0', b'[', 0xc0, 0, 0xff, 0xc1, 0x91] {
                let mut bytes = encode(format, &sample());
                bytes.extend(vec![byte; extra]);
                let decoded = decode::<Order>(format, &bytes);
                let Err(DecodeError::Trailing { format: named, extra: counted }) = decoded else {
                    panic!("{format}, {extra} × {byte:#x}: {decoded:?}");
                };
                assert_eq!((named, counted), (format, extra));
            }
        }
    }
}

#[test]
fn two_values_are_not_one() {
    for format in FORMATS {
        let once = encode(format, &sample());
        let Err(DecodeError::Trailing { extra, .. }) = decode::<Order>(format, &once.repeat(2))
        else {
            panic!("{format}");
        };
        assert_eq!(extra, once.len());
    }
}

#[test]
fn white_space_after_json_is_no_value() {
    assert_eq!(decode::<Vec<u8>>(Format::Json, b" [1 ,2]\n \t\r\n").unwrap(), [1, 2]);
    for (text, rest) in
        [("[1] x", 1), ("[1]\n\nxyz", 3), ("\n[1\n,2]\n  [3]\n", 4), ("[1]\r\n,", 1), ("[]]", 1)]
    {
        let decoded = decode::<Vec<u8>>(Format::Json, text.as_bytes());
        let Err(DecodeError::Trailing { extra, .. }) = decoded else {
            panic!("{text:?}: {decoded:?}");
        };
        assert_eq!(extra, rest, "{text:?}");
    }
}

#[test]
fn a_value_that_ends_too_soon_is_malformed() {
    for format in FORMATS {
        let whole = encode(format, &sample());
        for end in 0..whole.len() {
            let cut = decode::<Order>(format, &whole[..end]);
            assert!(matches!(cut, Err(DecodeError::Malformed { .. })), "{format} {end}: {cut:?}");
        }
    }
}
