//! The header, byte by byte.

use super::*;
use crate::record::About;

fn head(bytes: &[u8]) -> Result<Header, FrameError> {
    header(bytes)
}

fn v2(fmt: u8, cmp: u8, flags: u8, options: &[u8], payload: &[u8]) -> Vec<u8> {
    let hlen = (V2_HEADER + options.len()) as u8;
    [b"TMQ\x02", &[fmt, cmp, flags, hlen][..], options, payload].concat()
}

fn sealed(fmt: u8, cmp: u8, flags: u8, options: &[u8], payload: &[u8]) -> Vec<u8> {
    let mut frame = v2(fmt, cmp, flags, &[options, &[0; 4]].concat(), b"");
    let end = frame.len() - 4;
    let crc = crc32c::crc32c(&[&frame[..end], payload].concat());
    frame[end..].copy_from_slice(&crc.to_le_bytes());
    [&frame, payload].concat()
}

#[test]
fn the_checksum_is_crc32c() {
    assert_eq!(crc32c::crc32c(b"123456789"), 0xe306_9283);
}

#[test]
fn what_is_written_is_pinned() {
    let body = |compression, length| Body {
        bytes: Bytes::from_static(b"{}"),
        dictionaries: Dictionaries::default(),
        about: About::new(Format::Json).with_compression(compression).with_length(length),
    };
    let plain = body(Compression::None, None);
    assert_eq!(write(&plain, false).unwrap(), &b"TMQ\x02\x01\x00\x00\x08{}"[..]);
    assert_eq!(write(&plain, true).unwrap(), &b"TMQ\x02\x01\x00\x08\x0c\x6a\xea\xe7\x53{}"[..]);
    // not compressed really: a frame does not look into what it carries
    let packed = body(Compression::Zstd, Some(0x0102_0304));
    let header = b"TMQ\x02\x01\x02\x04\x0c\x04\x03\x02\x01{}";
    assert_eq!(write(&packed, false).unwrap(), &header[..]);
    let header = b"TMQ\x02\x01\x02\x0c\x10\x04\x03\x02\x01\x01\xde\xf6\xc6{}";
    assert_eq!(write(&packed, true).unwrap(), &header[..]);
    for checksum in [false, true] {
        let frame = write(&packed, checksum).unwrap();
        assert_eq!(read(&frame).unwrap(), packed);
    }
}

#[test]
fn version_and_fingerprint_are_pinned() {
    let print = Fingerprint::from_u64(0x0807_0605_0403_0201);
    let body = |version, fingerprint, compression| Body {
        bytes: Bytes::from_static(b"{}"),
        dictionaries: Dictionaries::default(),
        about: About::new(Format::Postcard)
            .with_compression(compression)
            .with_length(Some(7).filter(|_| compression != Compression::None))
            .with_schema(Schema { version, fingerprint }),
    };
    let none = Compression::None;
    for (body, frame) in [
        (body(0x102, None, none), &b"TMQ\x02\x04\x00\x01\x0a\x02\x01{}"[..]),
        (body(1, Some(print), none), b"TMQ\x02\x04\x00\x02\x10\x01\x02\x03\x04\x05\x06\x07\x08{}"),
        (
            body(3, Some(print), none),
            b"TMQ\x02\x04\x00\x03\x12\x03\x00\x01\x02\x03\x04\x05\x06\x07\x08{}",
        ),
        (
            body(3, Some(print), Compression::Zstd),
            b"TMQ\x02\x04\x02\x07\x16\x03\x00\x01\x02\x03\x04\x05\x06\x07\x08\x07\x00\x00\x00{}",
        ),
    ] {
        assert_eq!(write(&body, false).unwrap(), frame);
        assert_eq!(read(&write(&body, false).unwrap()).unwrap(), body);
        let checked = write(&body, true).unwrap();
        assert_eq!((checked.len(), checked[6]), (frame.len() + 4, frame[6] | 0x08));
        assert_eq!(read(&checked).unwrap(), body);
    }
    let old = read(&Bytes::from_static(b"TMQ\x01\x01\x00{}")).unwrap();
    assert_eq!(old.about.schema(), Schema::UNKNOWN);
}

#[test]
fn each_option_is_read_or_skipped() {
    // version · fingerprint · length · both · for later versions · all
    let frames = [
        v2(1, 0, 0x01, &[2, 0], b"{}"),
        v2(1, 0, 0x02, &[9; 8], b"{}"),
        v2(1, 0, 0x03, &[9; 10], b"{}"),
        v2(1, 0, 0x04, &[2, 0, 0, 0], b"{}"),
        v2(1, 0, 0x10, &[9; 7], b"{}"),
        v2(1, 0, 0x20, &[], b"{}"),
        v2(1, 0, 0x70, &[9; 247], b"{}"),
        v2(1, 0, 0x80, &[], b"{}"),
        v2(1, 0, 0x81, &[2, 0], b"{}"),
        sealed(1, 0, 0x08, &[], b"{}"),
        sealed(1, 0, 0x0f, &[&[9; 10][..], &[2, 0, 0, 0]].concat(), b"{}"),
        sealed(1, 0, 0x7b, &[9; 100], b"{}"),
    ];
    for frame in frames {
        let header = head(&frame).unwrap();
        assert_eq!((header.format, header.compression), (Format::Json, Compression::None));
        assert_eq!(&frame[header.end..], b"{}");
        assert_eq!(header.length, None);
    }
    let length = |frame: &[u8]| head(frame).unwrap().length;
    assert_eq!(length(&v2(1, 2, 0x04, &[1, 2, 0, 0], b"")), Some(0x201));
    assert_eq!(length(&v2(1, 2, 0x07, &[&[9; 10][..], &[1, 2, 0, 0]].concat(), b"")), Some(0x201));
    let schema = |frame: &[u8]| head(frame).unwrap().schema;
    let print = Fingerprint::from_u64(u64::from_le_bytes([9; 8]));
    assert_eq!(schema(&v2(1, 0, 0x81, &[2, 1], b"")), Schema { version: 0x102, fingerprint: None });
    assert_eq!(
        schema(&v2(1, 0, 0x02, &[9; 8], b"")),
        Schema { version: 1, fingerprint: Some(print) }
    );
    assert_eq!(
        schema(&v2(1, 0, 0x13, &[9; 10], b"")),
        Schema { version: 0x909, fingerprint: Some(print) }
    );
    assert_eq!(length(&v2(1, 3, 0x54, &[&[1, 2, 0, 0], &[9; 5][..]].concat(), b"")), Some(0x201));
}

#[test]
fn every_code_is_known_or_an_error() {
    for code in 0..=u8::MAX {
        let got = head(&v2(code, 0, 0, &[], b"")).map(|header| header.format.code());
        match code {
            0..=2 | 4..=6 | 255 => assert_eq!(got, Ok(code)),
            _ => assert_eq!(got, Err(FrameError::Format(code)), "native too"),
        }
        let got = head(&v2(1, code, 4, &[0; 4], b"")).map(|header| header.compression.code());
        match code {
            0..=3 => assert_eq!(got, Ok(code)),
            _ => assert_eq!(got, Err(FrameError::Compression(code))),
        }
        let old = head(&[b'T', b'M', b'Q', 1, code, 0]).map(|header| header.format.code());
        assert_eq!(old, if code <= 2 { Ok(code) } else { Err(FrameError::Format(code)) });
        let old = head(&[b'T', b'M', b'Q', 1, 1, code]).map(|header| header.compression.code());
        assert_eq!(old, if code <= 2 { Ok(code) } else { Err(FrameError::Compression(code)) });
        let version = head(&[&b"TMQ"[..], &[code], b"\x01\x00\x00\x08{}"].concat());
        match code {
            1 | 2 => assert!(version.is_ok()),
            _ => assert_eq!(version, Err(FrameError::Version(code))),
        }
    }
}

#[test]
fn a_header_length_must_fit_the_flags() {
    for flags in 0..=u8::MAX {
        let known = [(1, 2), (2, 8), (4, 4), (8, 4)];
        let least: usize =
            8 + known.iter().filter(|(flag, _)| flags & flag != 0).map(|(_, n)| n).sum::<usize>();
        for hlen in 0..=u8::MAX {
            let mut frame = vec![0; 300];
            frame[..8].copy_from_slice(&[b'T', b'M', b'Q', 2, 1, 0, flags, hlen]);
            let fits = match flags & 0x70 {
                0 => usize::from(hlen) == least,
                _ => usize::from(hlen) >= least,
            };
            let refused = head(&frame) == Err(FrameError::Header { hlen, flags });
            assert_eq!(refused, !fits, "{flags:#x} {hlen}");
        }
    }
}

#[test]
fn an_unknown_option_is_an_error_where_the_frame_insists() {
    for unknown in [0x10, 0x20, 0x40, 0x70] {
        assert_eq!(head(&v2(1, 0, 0x80 | unknown, &[], b"")), Err(FrameError::Option(unknown)));
        assert!(head(&v2(1, 0, unknown, &[], b"")).is_ok());
    }
}

#[test]
fn a_length_is_there_if_compressed_and_right_if_not() {
    for cmp in 1..=3 {
        let frame = v2(1, cmp, 0, &[], b"");
        assert_eq!(head(&frame), Err(FrameError::Header { hlen: 8, flags: 0 }));
    }
    let frame = v2(1, 0, 4, &[3, 0, 0, 0], b"{}");
    assert_eq!(head(&frame), Err(FrameError::Length { declared: 3, got: 2 }));
}

#[test]
fn a_cut_header_says_how_much_is_missing() {
    let whole = sealed(1, 2, 0x0c, &[2, 0, 0, 0], b"{}");
    for (end, needed) in [(3, 6), (4, 8), (7, 8), (8, 16), (15, 16)] {
        assert_eq!(head(&whole[..end]), Err(FrameError::Cut { needed, got: end }));
    }
    assert!(matches!(head(&whole[..16]), Err(FrameError::Checksum { .. })));
    assert_eq!(head(b"TMQ\x01\x01"), Err(FrameError::Cut { needed: 6, got: 5 }));
    assert_eq!(head(b"TM"), Err(FrameError::Magic));
    assert_eq!(head(b""), Err(FrameError::Magic));
}

#[test]
fn a_native_message_has_no_frame() {
    let body = Body {
        bytes: Bytes::new(),
        dictionaries: Dictionaries::default(),
        about: About::new(Format::Native),
    };
    assert!(matches!(write(&body, false), Err(EncodeError::Unavailable { .. })));
    assert!(matches!(write(&body, true), Err(EncodeError::Unavailable { .. })));
    assert_eq!(head(&v2(3, 0, 0, &[], b"")), Err(FrameError::Format(3)));
}
