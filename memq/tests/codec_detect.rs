//! What bytes of unknown origin are taken for.

use memq::codec::Detected;
use memq::{Compression, DetectError, Format, FrameError, Record};
use proptest::prelude::*;

const JSON: Result<Detected, DetectError> = Ok(Detected::Format(Format::Json));
const MESSAGEPACK: Result<Detected, DetectError> = Ok(Detected::Format(Format::MessagePack));
const UNKNOWN: Result<Detected, DetectError> = Err(DetectError::Unknown);

#[test]
fn each_kind_is_told() {
    let table: &[(&[u8], Result<Detected, DetectError>)] = &[
        (
            b"TMQ\x02\x04\x00\x00\x08tea",
            Ok(Detected::Frame { format: Format::Postcard, compression: Compression::None }),
        ),
        (
            b"TMQ\x01\x01\x02tea",
            Ok(Detected::Frame { format: Format::Json, compression: Compression::Zstd }),
        ),
        (b"\x1f\x8b\x08\x00", Ok(Detected::Compressed(Compression::Gzip))),
        (b"\x28\xb5\x2f\xfd", Ok(Detected::Compressed(Compression::Zstd))),
        (b"\xd9\xd9\xf7\xa0", Ok(Detected::Format(Format::Cbor))),
        (b"{}", JSON),
        (b" \r\n\t[ ] \n", JSON),
        (br#"{"a":[1,-0.5e+3,true,false,null,"\u00e9\n\"\/"],"b":{}}"#, JSON),
        ("[\"é\"]".as_bytes(), JSON),
        (b"\x80", MESSAGEPACK),
        (b"\x90", MESSAGEPACK),
        (b"\x82\xa1a\xc0\xa1b\xcb\x3f\xe0\0\0\0\0\0\0", MESSAGEPACK),
        (b"\x93\xd4\x01\x02\xc7\x02\x05ab\xc4\x01\xff", MESSAGEPACK),
        (b"\xdc\x00\x01\xd9\x01a", MESSAGEPACK),
        (b"\xde\x00\x00", MESSAGEPACK),
        (b"\xdd\x00\x00\x00\x01\xda\x00\x02\xc3\xa9", MESSAGEPACK),
        (b"\xdf\x00\x00\x00\x01\x01\xdb\x00\x00\x00\x00", MESSAGEPACK),
    ];
    for (bytes, expected) in table {
        assert_eq!(Record::detect(bytes), *expected, "{}", bytes.escape_ascii());
    }
}

#[test]
fn what_is_not_whole_is_not_told() {
    let table: &[&[u8]] = &[
        // single numbers, texts and words
        b"1",
        b"-1.5",
        b"\"tea\"",
        b"true",
        b"null",
        b"\x01",
        b"\xa3tea",
        b"\xc0",
        b"\xcb\0\0\0\0\0\0\0\0",
        // positional formats and text
        b"\x03tea\x05",
        b"tea",
        b"a=1",
        b"<a/>",
        b"  ",
        b"\n",
        // JSON and something else
        b"{",
        b"[",
        b"{}{}",
        b"[1]x",
        b"[1,]",
        b"[,1]",
        b"{\"a\"}",
        b"{\"a\":}",
        b"{\"a\":1,}",
        b"{a:1}",
        b"[01]",
        b"[1.]",
        b"[.5]",
        b"[+1]",
        b"[1e]",
        b"[-]",
        b"[nul]",
        b"[truex]",
        b"['a']",
        b"[}",
        b"{]",
        b"[\"\\x\"]",
        b"[\"\\u12g4\"]",
        b"[\"\n\"]",
        b"[\"a]",
        b"[\"\xff\"]",
        b"\xef\xbb\xbf{}",
        b"[1 2]",
        b"[] []",
        // MessagePack and something else
        b"\x80\x80",
        b"\x91",
        b"\x81\x01",
        b"\x91\xc1",
        b"\x91\xa2\xff\xfe",
        b"\xdd\xff\xff\xff\xff\x01",
        b"\xdf\xff\xff\xff\xff\x01",
        b"\x91\xc4\x05ab",
        b"\xdc\x00",
        b"\x92\x01",
        b"\x91\xd8\x00\x00",
        // half a magic
        b"TM",
        b"\x1f\x8b",
        b"\x1f\x8b\x07",
        b"\x28\xb5\x2f",
        b"\xd9\xd9",
        b"\xd9\xd9\xf7",
    ];
    for bytes in table {
        assert_eq!(Record::detect(bytes), UNKNOWN, "{}", bytes.escape_ascii());
    }
    assert_eq!(Record::detect(b""), Err(DetectError::Empty));
}

#[test]
fn a_broken_frame_is_nothing_else() {
    let table: &[(&[u8], FrameError)] = &[
        (b"TMQ", FrameError::Cut { needed: 6, got: 3 }),
        (b"TMQ is text", FrameError::Version(b' ')),
        (b"TMQ\x02\x01\x00\x00\x09{}", FrameError::Header { hlen: 9, flags: 0 }),
        (b"TMQ\x02\x03\x00\x00\x08{}", FrameError::Format(3)),
    ];
    for (bytes, error) in table {
        assert_eq!(Record::detect(bytes), Err(DetectError::Frame(error.clone())));
        assert_eq!(Record::parse(*bytes).unwrap_err(), *error);
    }
}

#[test]
fn depth_is_no_danger() {
    let deep = 3_000_000;
    let json = [b"[".repeat(deep), b"]".repeat(deep)].concat();
    assert_eq!(Record::detect(&json), JSON);
    assert_eq!(Record::detect(&json[1..]), UNKNOWN);
    assert_eq!(Record::detect(&b"[".repeat(deep)), UNKNOWN);
    assert_eq!(Record::detect(&b"{\"\":".repeat(deep)), UNKNOWN);
    let mut messagepack = b"\x91".repeat(deep);
    assert_eq!(Record::detect(&messagepack), UNKNOWN);
    messagepack.push(0xc0);
    assert_eq!(Record::detect(&messagepack), MESSAGEPACK);
}

#[test]
fn long_random_payloads_are_never_taken_for_anything() {
    // xorshift: the same bytes in every run
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let mut random = |length: usize| -> Vec<u8> {
        let mut next = || {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            (state >> 32) as u8
        };
        (0..length).map(|_| next()).collect()
    };
    let mut wrong = 0;
    for round in 0..100_000 {
        let length = 1 + round % 128;
        let bytes = random(length);
        if Record::detect(&bytes).is_ok() {
            assert!(length < 64, "{}", bytes.escape_ascii());
            wrong += 1;
        }
    }
    // Half of the payloads are shorter than 64 bytes; single bytes alone give two in 256.
    assert!(wrong < 100, "{wrong}");
}

proptest! {
    #[test]
    fn any_bytes_have_an_answer(bytes in proptest::collection::vec(any::<u8>(), 0..100)) {
        let _ = Record::detect(&bytes);
    }

    #[test]
    fn only_a_whole_messagepack_value_counts(
        bytes in proptest::collection::vec(
            prop_oneof![Just(0x91_u8), Just(0x82), Just(0xa1), Just(b'a'), Just(0xc0), any::<u8>()],
            1..20,
        ),
    ) {
        if Record::detect(&bytes) == MESSAGEPACK {
            let longer = [&bytes[..], &[0xc0]].concat();
            prop_assert_eq!(Record::detect(&longer), UNKNOWN);
            let shorter = &bytes[..bytes.len() - 1];
            prop_assert_ne!(Record::detect(shorter), MESSAGEPACK);
        }
    }
}

#[cfg(feature = "json")]
mod beside_serde_json {
    use super::*;
    use memq::codec::{Codec, Json};

    /// serde_json's own verdict, which does not look at the code points of `\u`.
    fn is_json(text: &[u8]) -> bool {
        std::str::from_utf8(text).is_ok()
            && matches!(text.iter().find(|byte| !b" \t\r\n".contains(byte)), Some(b'[' | b'{'))
            && <Json as Codec<Any>>::decode(text).is_ok()
    }

    #[derive(serde::Serialize)]
    struct Any;

    impl<'de> serde::Deserialize<'de> for Any {
        fn deserialize<D: serde::Deserializer<'de>>(source: D) -> Result<Self, D::Error> {
            serde::de::IgnoredAny::deserialize(source).map(|_| Self)
        }
    }

    fn check(text: &[u8]) {
        assert_eq!(Record::detect(text) == JSON, is_json(text), "{}", text.escape_ascii());
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(4_096))]

        #[test]
        fn the_two_agree(
            parts in proptest::collection::vec(
                prop::sample::select(vec![
                    "{", "}", "[", "]", ",", ":", "\"a\"", "\"", "\\", "\\u00e9", "1", "0", "-", ".",
                    "e", "E+", "true", "null", " ", "\n", "\u{1}", "é",
                ]),
                0..8,
            ),
        ) {
            check(format!("[{}]", parts.concat()).as_bytes());
            check(format!("{{{}}}", parts.concat()).as_bytes());
            check(format!("[{}", parts.concat()).as_bytes());
        }

        #[test]
        fn the_two_agree_on_numbers(number in "-?[0-9.eE+-]{0,8}") {
            check(format!("[{number}]").as_bytes());
        }
    }
}
