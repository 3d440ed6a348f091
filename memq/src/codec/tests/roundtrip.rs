//! What was written is what is read.

use super::*;

/// The ways in which a record leaves the process and comes back.
fn travels(record: &Record) -> Vec<(&'static str, Record)> {
    let (format, compression) = (record.format(), record.compression());
    let mut ways = vec![
        (
            "no frame",
            Record::parse(record.bytes().clone())
                .unwrap()
                .with_format(format)
                .with_compression(compression),
        ),
        ("frame", Record::parse(record.frame().unwrap()).unwrap()),
        ("frame with checksum", Record::parse(record.frame_checked().unwrap()).unwrap()),
    ];
    if format != Format::Postcard {
        let mut v1 = vec![b'T', b'M', b'Q', 1, format.code(), compression.code()];
        v1.extend_from_slice(record.bytes());
        ways.push(("frame of version 1", Record::parse(v1).unwrap()));
    }
    ways
}

proptest! {
    #[test]
    fn every_value_survives_every_way(order in order()) {
        for format in FORMATS {
            let plain = encode(format, &order);
            for compression in COMPRESSIONS {
                let record = record(format, compression, &plain);
                for (way, back) in travels(&record) {
                    let said = format!("{format}, {compression}, {way}");
                    prop_assert_eq!(back.format(), format, "{}", &said);
                    prop_assert_eq!(back.compression(), compression, "{}", &said);
                    prop_assert_eq!(&back.payload().unwrap()[..], &plain[..], "{}", &said);
                    prop_assert_eq!(&back.decode::<Order>().unwrap(), &order, "{}", &said);
                }
            }
        }
    }

    #[test]
    fn every_payload_survives_every_compression(
        plain in proptest::collection::vec(any::<u8>(), 0..5_000),
        repeat in 1_usize..60,
        level in -7..=22_i32,
    ) {
        let plain = plain.repeat(repeat);
        for compression in [Compression::Gzip, Compression::Zstd] {
            let (low, high) = compression.levels().unwrap();
            let mut bytes = Vec::new();
            compress(compression, level.clamp(low, high), None, &plain, &mut bytes).unwrap();
            let record = Record::new(bytes).with_compression(compression);
            prop_assert_eq!(&record.payload().unwrap()[..], &plain[..]);
        }
    }
}

#[test]
fn a_frame_is_as_long_as_specified() {
    for (compression, header) in
        [(Compression::None, 8), (Compression::Gzip, 12), (Compression::Zstd, 12)]
    {
        let record = record(Format::Json, compression, b"[1]");
        assert_eq!(record.frame().unwrap().len(), header + record.bytes().len());
        assert_eq!(record.frame_checked().unwrap().len(), header + 4 + record.bytes().len());
    }
}

#[test]
fn reading_a_frame_copies_no_payload() {
    let frame = Record::new("tea").frame().unwrap();
    let record = Record::parse(frame.clone()).unwrap();
    assert_eq!(record.bytes().as_ptr(), frame[8..].as_ptr());
    assert_eq!(record.payload().unwrap().as_ptr(), frame[8..].as_ptr());
}

#[test]
fn a_compressed_record_of_unknown_length_gets_it_in_its_frame() {
    for compression in [Compression::Gzip, Compression::Zstd] {
        let known = record(Format::Json, compression, b"[1,2,3]");
        let unknown = Record::new(known.bytes().clone())
            .with_format(Format::Json)
            .with_compression(compression);
        assert_eq!(unknown.frame().unwrap(), known.frame().unwrap());

        let damaged = Record::new("no").with_compression(compression);
        assert!(matches!(damaged.frame(), Err(crate::EncodeError::Length(_))));
    }
}

#[test]
fn a_float_is_read_back_to_the_bit_as_json() {
    // serde_json without `float_roundtrip` reads a neighbour of these.
    for float in [31.245_270_191_439_438_f64, 121.487_919_511_619_45, f64::MIN_POSITIVE, 5e-324] {
        let bytes = encode(Format::Json, &float);
        assert_eq!(decode::<f64>(Format::Json, &bytes).unwrap().to_bits(), float.to_bits());
    }
}

#[test]
fn messagepack_has_names_and_is_read_without() {
    let with = encode(Format::MessagePack, &State::Moved { from: "x".into(), to: "y".into() });
    assert!(with.windows(4).any(|bytes| bytes == b"from"));
    let without = b"\x81\xa5Moved\x92\xa1x\xa1y";
    let state: State = decode(Format::MessagePack, without).unwrap();
    assert_eq!(state, State::Moved { from: "x".into(), to: "y".into() });
}
