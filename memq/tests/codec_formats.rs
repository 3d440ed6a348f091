//! Which formats a record is read in, in whatever build this is.

use std::sync::Arc;

use memq::codec::{Codec, Encoded, Native};
use memq::{Compression, DecodeError, EncodeError, Format, Record};

/// A codec of the user's own.
struct Text;

impl Codec<String> for Text {
    type Form = Encoded;
    const FORMAT: Format = Format::Custom;

    fn encode(value: &String, out: &mut Vec<u8>) -> Result<(), EncodeError> {
        out.extend_from_slice(value.as_bytes());
        Ok(())
    }

    fn decode(payload: &[u8]) -> Result<String, DecodeError> {
        String::from_utf8(payload.to_vec())
            .map_err(|e| DecodeError::Malformed { format: Format::Custom, source: e.into() })
    }
}

#[test]
fn native_has_no_bytes() {
    let mut out = Vec::new();
    let written = Native::encode(&Arc::new(1), &mut out);
    assert!(matches!(written, Err(EncodeError::Unavailable { .. })));
    assert!(out.is_empty());
    let read: Result<u8, _> = Native::decode(b"1");
    assert!(matches!(read, Err(DecodeError::Unavailable { .. })));

    let record = Record::new("1").with_format(Format::Native);
    assert!(matches!(record.frame(), Err(EncodeError::Unavailable { .. })));
    assert!(matches!(record.frame_checked(), Err(EncodeError::Unavailable { .. })));
    assert!(Record::parse(&b"TMQ\x02\x03\x00\x00\x081"[..]).is_err());
    assert!(Record::parse(&b"TMQ\x01\x03\x001"[..]).is_err());
}

#[test]
fn a_codec_of_ones_own_reads_what_it_is_given() {
    for format in [Format::Raw, Format::Custom, Format::Cbor, Format::Json] {
        let record = Record::new("tea").with_format(format);
        assert_eq!(record.decode_as::<Text, String>().unwrap(), "tea");
    }
}

#[test]
fn a_missing_compression_says_what_to_do() {
    let record = Record::new("tea").with_compression(Compression::Lz4);
    let Err(error) = record.payload() else { panic!() };
    assert_eq!(
        error.to_string(),
        "Lz4 compression is not available: memq only recognises it: use `Zstd` or `Gzip`"
    );
    if cfg!(not(feature = "zstd")) {
        let record = Record::new("tea").with_compression(Compression::Zstd);
        let Err(error) = record.payload() else { panic!() };
        assert_eq!(
            error.to_string(),
            "Zstd compression is not available: build memq with feature `zstd`"
        );
    }
}

#[test]
fn key_and_headers_stay_with_the_record() {
    let record = Record::new("tea").with_key("7").decompress(3).unwrap();
    assert_eq!(record.key(), Record::new("").with_key("7").key());
}

#[cfg(feature = "serde")]
#[test]
fn a_record_is_read_as_it_says_or_not_at_all() {
    for code in 0..=u8::MAX {
        let Some(format) = Format::from_code(code) else { continue };
        // a byte in every format
        let bytes = if format == Format::Json { "7" } else { "\u{7}" };
        let decoded = Record::new(bytes).with_format(format).decode::<u8>();
        let there = match format {
            Format::Json => cfg!(feature = "json"),
            Format::MessagePack => cfg!(feature = "messagepack"),
            Format::Bincode => cfg!(feature = "bincode"),
            Format::Postcard => cfg!(feature = "postcard"),
            Format::Raw | Format::Custom => {
                assert!(matches!(decoded, Err(DecodeError::Unknown)), "{format}: {decoded:?}");
                continue;
            }
            _ => false,
        };
        match decoded {
            Ok(value) => assert!(there && value == 7, "{format}"),
            Err(DecodeError::Unavailable { .. }) => assert!(!there, "{format}"),
            Err(other) => panic!("{format}: {other}"),
        }
    }
}

#[cfg(all(feature = "json", feature = "postcard"))]
#[test]
fn a_record_that_says_another_format_is_not_read_as_this_one() {
    use memq::codec::{Json, Postcard};
    let record = Record::new("7").with_format(Format::Json);
    assert_eq!(record.decode_as::<Json, u8>().unwrap(), 7);
    let other = record.decode_as::<Postcard, u8>();
    assert!(
        matches!(other, Err(DecodeError::Format { got: Format::Json, reads: Format::Postcard })),
        "{other:?}"
    );
    assert_eq!(record.with_format(Format::Raw).decode_as::<Postcard, u8>().unwrap(), b'7');
}
