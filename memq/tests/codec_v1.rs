//! Bytes that tokio-memq 1.0.0 wrote, literally, with `use_magic_header`, and bytes of memq that
//! must be the same.
#![cfg(all(
    feature = "json",
    feature = "messagepack",
    feature = "bincode",
    feature = "gzip",
    feature = "zstd"
))]

use memq::codec::{Bincode, Codec, Detected, Json};
use memq::{Compression, Format, Record};
use serde::{Deserialize, Serialize};

#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct Order {
    id: u32,
    item: String,
    qty: i64,
    tags: Vec<u16>,
    note: Option<String>,
    price: f64,
}

fn order() -> Order {
    Order { id: 70_000, item: "tea".into(), qty: -3, tags: vec![1, 300], note: None, price: 0.5 }
}

const FIXTURES: [(Format, Compression, &[u8]); 9] = [
    (
        Format::Bincode,
        Compression::None,
        b"TMQ\x01\x00\x00\xfcp\x11\x01\x00\x03tea\x05\x02\x01\xfb,\x01\x00\x00\x00\x00\x00\x00\x00\xe0?",
    ),
    (
        Format::Bincode,
        Compression::Gzip,
        b"TMQ\x01\x00\x01\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\xff\xfbS \xc8\xc8\xc0\\\x92\x9a\xc8\xca\xc4\xf8[\x87\x91\x01\x02\x1e\xd8\x03\x00\x97\xfb\x82\x15\x18\x00\x00\x00",
    ),
    (
        Format::Bincode,
        Compression::Zstd,
        b"TMQ\x01\x00\x02(\xb5/\xfd\x00X\xc1\x00\x00\xfcp\x11\x01\x00\x03tea\x05\x02\x01\xfb,\x01\x00\x00\x00\x00\x00\x00\x00\xe0?",
    ),
    (
        Format::Json,
        Compression::None,
        b"TMQ\x01\x01\x00{\"id\":70000,\"item\":\"tea\",\"qty\":-3,\"tags\":[1,300],\"note\":null,\"price\":0.5}",
    ),
    (
        Format::Json,
        Compression::Gzip,
        b"TMQ\x01\x01\x01\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\xff\r\xc7K\n\x800\x0c\x05\xc0\xbb\xbcu\x94H\x11!W\x11\x17E\x83\x04j\xfd\xc5\x85\x88wog7\x1fl\x81\x0c\\\x11\xccu\x83\xc05\x82p\xfa\x0bi\x02\xc1\xe3zC\xc6\x8e\x02\xf3D\xc8\xbb+$?)\x11\x8e\xcb\xe6\x1an\xfb\xbf\x00\xe4\x99\x8e\xb9I\x00\x00\x00",
    ),
    (
        Format::Json,
        Compression::Zstd,
        b"TMQ\x01\x01\x02(\xb5/\xfd\x00XI\x02\x00{\"id\":70000,\"item\":\"tea\",\"qty\":-3,\"tags\":[1,300],\"note\":null,\"price\":0.5}",
    ),
    (
        Format::MessagePack,
        Compression::None,
        b"TMQ\x01\x02\x00\x96\xce\x00\x01\x11p\xa3tea\xfd\x92\x01\xcd\x01,\xc0\xcb?\xe0\x00\x00\x00\x00\x00\x00",
    ),
    (
        Format::MessagePack,
        Compression::Gzip,
        b"TMQ\x01\x02\x01\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\xff\x9bv\x8e\x81Q\xb0`qIj\xe2\xdfI\x8cg\x19u\x0e\x9c\xb6\x7f\xc0\x00\x06\x00\x1c\rVi\x1a\x00\x00\x00",
    ),
    (
        Format::MessagePack,
        Compression::Zstd,
        b"TMQ\x01\x02\x02(\xb5/\xfd\x00X\xd1\x00\x00\x96\xce\x00\x01\x11p\xa3tea\xfd\x92\x01\xcd\x01,\xc0\xcb?\xe0\x00\x00\x00\x00\x00\x00",
    ),
];

#[test]
fn what_version_1_wrote_is_read() {
    for (format, compression, bytes) in FIXTURES {
        assert_eq!(Record::detect(bytes), Ok(Detected::Frame { format, compression }));
        let record = Record::parse(bytes).unwrap();
        assert_eq!((record.format(), record.compression()), (format, compression));
        assert_eq!(record.bytes(), &bytes[6..]);
        assert_eq!(record.decode::<Order>().unwrap(), order(), "{format}, {compression}");
    }
}

#[test]
fn what_version_1_wrote_is_passed_on_as_version_2() {
    for (format, _, bytes) in FIXTURES {
        let framed = Record::parse(bytes).unwrap().frame_checked().unwrap();
        assert_eq!(framed[3], 2);
        let record = Record::parse(framed).unwrap();
        assert_eq!(record.format(), format);
        assert_eq!(record.decode::<Order>().unwrap(), order());
    }
}

#[test]
fn bincode_and_json_are_written_as_version_1_wrote_them() {
    for (bytes, codec) in [(FIXTURES[0].2, true), (FIXTURES[3].2, false)] {
        let mut out = Vec::new();
        if codec { Bincode::encode(&order(), &mut out) } else { Json::encode(&order(), &mut out) }
            .unwrap();
        assert_eq!(out, &bytes[6..]);
    }
}
