use proptest::prelude::*;

use super::*;

fn nature() -> Nature {
    Nature::of(Format::Json)
}

fn sent(user: &Headers) -> HeaderMap {
    write(&nature(), None, user, None)
}

#[test]
fn a_message_of_another_client_needs_no_header() {
    let arrived = read(None, Format::MessagePack);
    assert_eq!(arrived.nature, Nature::of(Format::MessagePack));
    assert_eq!((arrived.key, arrived.headers.len()), (None, 0));
}

#[test]
fn json_says_nothing_more_than_it_must() {
    let map = sent(&Headers::new());
    assert_eq!(map.len(), 1);
    assert_eq!(map.get(CONTENT_TYPE).unwrap().as_str(), "application/json");
}

#[test]
fn names_and_types_are_read_in_any_case_and_with_parameters() {
    let mut map = HeaderMap::new();
    map.insert("content-type", "Application/JSON; charset=utf-8");
    map.insert("MEMQ-KEY", "7");
    map.insert("nats-msg-id", "x");
    let arrived = read(Some(&map), Format::Raw);
    assert_eq!(arrived.nature.format, Format::Json);
    assert_eq!(arrived.key, Some(Key::from("7")));
    assert!(arrived.headers.is_empty());
}

#[test]
fn what_cannot_be_read_is_never_guessed_and_not_lost() {
    for (name, value) in [
        (CONTENT_TYPE, "application/xml"),
        (CONTENT_ENCODING, "br"),
        (LENGTH, "-1"),
        (VERSION, "65536"),
        (FINGERPRINT, "xyz"),
        (KEY_BASE64, "?"),
        ("Memq-Header-YQ", "?"),
    ] {
        let mut map = HeaderMap::new();
        map.insert(name, value);
        let arrived = read(Some(&map), Format::Json);
        assert_eq!(arrived.nature.format, Format::Custom, "{name}");
        assert_eq!(arrived.headers.get(name), Some(value), "{name}");
    }
}

#[test]
fn names_that_are_taken_and_values_that_would_change_are_escaped() {
    let mut user = Headers::new();
    for name in ["Nats-Msg-Id", "memq-key", "Content-Type", "Memq-Headers", "Memq-Header-YQ"] {
        user.insert(name, "mine").unwrap();
    }
    user.insert("edges", " x ").unwrap();
    user.insert("empty", "").unwrap();
    user.insert("memq-dead-reason", "no such customer").unwrap();
    let map = sent(&user);
    assert_eq!(map.get("memq-dead-reason").unwrap().as_str(), "no such customer");
    assert!(map.get(NATS_MESSAGE_ID).is_none());
    let arrived = read(Some(&map), Format::Raw);
    assert_eq!((arrived.headers, arrived.nature), (user, nature()));
}

#[test]
fn several_values_of_one_name_are_one_with_commas() {
    let mut map = HeaderMap::new();
    map.append("via", "a");
    map.append("via", "b");
    assert_eq!(read(Some(&map), Format::Raw).headers.get("via"), Some("a, b"));
}

#[test]
fn a_sealed_payload_is_of_no_format() {
    let nature = Nature { sealed: true, format: Format::Custom, ..nature() };
    let map = write(&nature, None, &Headers::new(), None);
    assert_eq!(map.get(CONTENT_TYPE).unwrap().as_str(), SEALED);
    assert_eq!(read(Some(&map), Format::Json).nature, nature);
}

#[test]
fn an_id_is_one_line_and_no_two_are_alike() {
    let id = |id: &str| {
        let map = write(&nature(), None, &Headers::new(), Some(id.to_owned()));
        map.get(NATS_MESSAGE_ID).unwrap().as_str().to_owned()
    };
    assert_eq!(id("order-7"), "order-7");
    let all = ["", " ", "a\r\nb", "a\nb", "base64:", "base64:IA==", "order-7"].map(id);
    assert!(all.iter().all(|id| !id.contains(['\r', '\n']) && id.trim() == id));
    assert_eq!(all.iter().collect::<std::collections::HashSet<_>>().len(), all.len());
}

#[test]
fn a_record_comes_back_with_its_schema() {
    let sent = Record::new("tea")
        .with_compression(Compression::Zstd)
        .with_plain_length(Some(7))
        .with_format(Format::Postcard)
        .with_version(3)
        .with_fingerprint(Fingerprint::from_u64(0xab))
        .with_key("7");
    let map = headers(&sent, None);
    let record = record("tea".into(), Some(&map), Format::Json);
    assert_eq!((record.version(), record.fingerprint()), (3, sent.fingerprint()));
    assert_eq!((record.bytes(), record.key()), (sent.bytes(), sent.key()));
    assert_eq!((record.format(), record.compression()), (Format::Postcard, Compression::Zstd));
    assert_eq!((record.plain_length(), record.is_sealed()), (Some(7), false));
    // One that says nothing has none.
    let bare = super::record("tea".into(), None, Format::Json);
    assert_eq!((bare.version(), bare.fingerprint()), (1, None));
}

#[test]
fn what_is_not_compressed_says_no_length_and_has_it() {
    let length = |record: &Record| {
        let map = headers(record, None);
        let back = super::record(record.bytes().clone(), Some(&map), Format::Raw);
        (map.get(LENGTH).is_some(), back.plain_length())
    };
    let tea = Record::new("tea");
    assert_eq!(length(&tea.clone().with_plain_length(Some(3))), (false, Some(3)));
    assert_eq!(length(&tea), (false, Some(3)));
    // What somebody says who knows better.
    assert_eq!(length(&tea.clone().with_plain_length(Some(4))), (true, Some(4)));
    let packed = tea.clone().with_compression(Compression::Zstd);
    assert_eq!(length(&packed.clone().with_plain_length(Some(3))), (true, Some(3)));
    assert_eq!(length(&packed), (false, None));
    let sealed = tea.with_sealed(true);
    assert_eq!(length(&sealed.clone().with_plain_length(Some(3))), (true, Some(3)));
    assert_eq!(length(&sealed), (false, None));
}

#[test]
fn the_length_of_headers_is_that_on_the_way() {
    let mut map = HeaderMap::new();
    assert_eq!(length(&map), "NATS/1.0\r\n\r\n".len());
    map.append("a", "bc");
    map.append("a", "");
    assert_eq!(length(&map), "NATS/1.0\r\na: bc\r\na: \r\n\r\n".len());
}

fn any_nature() -> impl Strategy<Value = Nature> {
    let formats = proptest::sample::select(TYPES.to_vec());
    let compressions = proptest::sample::select(vec![
        Compression::None,
        Compression::Gzip,
        Compression::Zstd,
        Compression::Lz4,
    ]);
    (formats, compressions, any::<Option<u32>>(), any::<u16>(), any::<Option<u64>>()).prop_map(
        |(format, compression, length, version, fingerprint)| Nature {
            format,
            compression,
            sealed: false,
            length,
            version,
            fingerprint: fingerprint.map(Fingerprint::from_u64),
        },
    )
}

fn any_headers() -> impl Strategy<Value = Headers> {
    let name = "[!-9;-~]{1,40}|[Nn]ats-[a-z]{1,4}|Memq-[A-Z]{1,4}";
    proptest::collection::vec((name, "\\PC{0,30}| x |\u{a0}|\u{2028}x"), 0..6).prop_map(|all| {
        let mut headers = Headers::new();
        for (name, value) in all {
            headers.insert(name, value).unwrap();
        }
        headers
    })
}

proptest! {
    #[test]
    fn what_is_sent_comes_back(
        nature in any_nature(),
        key in any::<Option<Vec<u8>>>(),
        text in "\\PC{0,20}",
        user in any_headers(),
    ) {
        for key in [key.as_deref(), Some(text.as_bytes())] {
            let key = key.map(Key::new);
            let map = write(&nature, key.as_ref(), &user, Some("id".to_owned()));
            for (_, values) in map.iter() {
                let value = values[0].as_str();
                prop_assert!(value.trim() == value && !value.contains(['\r', '\n']));
            }
            let arrived = read(Some(&map), Format::Native);
            prop_assert_eq!(arrived.nature, nature);
            prop_assert_eq!(&arrived.headers, &user);
            prop_assert_eq!(arrived.key, key.map(Key::into_owned));
        }
    }
}
