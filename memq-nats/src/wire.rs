//! A message as NATS carries it: a bare payload, and headers that say the rest. So a client in any
//! language reads plain JSON, and writes it.
//!
//! | header | what it says |
//! | --- | --- |
//! | `Content-Type` | the format; absent: the topic's |
//! | `Content-Encoding` | the compression, `gzip` or `zstd`; absent: none |
//! | `Memq-Length` | the length before compression, where it is known; absent: that of the payload, where that is not compressed |
//! | `Memq-Version` | the version of the schema; absent: 1 |
//! | `Memq-Fingerprint` | the fingerprint of the schema, as 16 hexadecimal digits |
//! | `Memq-Key` | the key, where it is text |
//! | `Memq-Key-Base64` | the key, where it is not |
//! | `Nats-Msg-Id` | the id by which the server knows a repetition |
//! | `Memq-Headers` | the order of the message's headers, where there are several |
//!
//! The headers of the message itself stand beside these under their own names. One whose name is
//! taken, or whose value begins or ends with space, is `Memq-Header-` and its name in the alphabet of
//! base64 for URLs, with its value in base64.

mod headers;
mod key;

use async_nats::HeaderMap;
use async_nats::header::{HeaderName, NATS_MESSAGE_ID};
use bytes::Bytes;
use memq::schema::Fingerprint;
use memq::{Compression, Format, Headers, Key, Record};

/// What the format is said by, and the compression.
const CONTENT_TYPE: &str = "Content-Type";
const CONTENT_ENCODING: &str = "Content-Encoding";
const LENGTH: &str = "Memq-Length";
const VERSION: &str = "Memq-Version";
const FINGERPRINT: &str = "Memq-Fingerprint";
const KEY: &str = "Memq-Key";
const KEY_BASE64: &str = "Memq-Key-Base64";
const ORDER: &str = "Memq-Headers";
const ESCAPED: &str = "Memq-Header-";

/// The type of what stages sealed: to others it is bytes.
const SEALED: &str = "application/vnd.memq.sealed";

/// Formats that `Content-Type` names.
const TYPES: [Format; 7] = [
    Format::Json,
    Format::MessagePack,
    Format::Cbor,
    Format::Bincode,
    Format::Postcard,
    Format::Custom,
    Format::Raw,
];

/// Compressions, and what `Content-Encoding` calls them.
const ENCODINGS: [(Compression, &str); 3] =
    [(Compression::Gzip, "gzip"), (Compression::Zstd, "zstd"), (Compression::Lz4, "lz4")];

/// What is known of a payload: how to read it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Nature {
    format: Format,
    compression: Compression,
    /// Whether stages of the topic were applied.
    sealed: bool,
    /// The length before compression, where it is known.
    length: Option<u32>,
    /// The version of the schema.
    version: u16,
    /// The fingerprint of the schema.
    fingerprint: Option<Fingerprint>,
}

impl Nature {
    /// Of a message that says nothing, in a topic of this format.
    const fn of(format: Format) -> Self {
        Self {
            format,
            compression: Compression::None,
            sealed: false,
            length: None,
            version: 1,
            fingerprint: None,
        }
    }
}

/// What came with a payload.
#[derive(Debug, PartialEq, Eq)]
struct Arrived {
    nature: Nature,
    key: Option<Key<'static>>,
    headers: Headers,
}

/// The headers to send with the bytes of a record.
pub(crate) fn headers(record: &Record, id: Option<String>) -> HeaderMap {
    let (length, as_it_is) = (record.plain_length(), length_as_it_is(record));
    let nature = Nature {
        format: record.format(),
        compression: record.compression(),
        sealed: record.is_sealed(),
        length: length.filter(|_| length != as_it_is),
        version: record.version(),
        fingerprint: record.fingerprint(),
    };
    write(&nature, record.key().as_ref(), record.headers(), id)
}

/// The record that arrived with these headers, in a topic of this format.
pub(crate) fn record(payload: Bytes, map: Option<&HeaderMap>, topic: Format) -> Record {
    let arrived = read(map, topic);
    let nature = arrived.nature;
    let record = Record::new(payload)
        .with_format(nature.format)
        .with_compression(nature.compression)
        .with_sealed(nature.sealed)
        .with_version(nature.version)
        .with_fingerprint(nature.fingerprint);
    let length = nature.length.or_else(|| length_as_it_is(&record));
    let record = record.with_plain_length(length);
    match (arrived.key, arrived.headers) {
        (None, headers) if headers.is_empty() => record,
        (key, headers) => record.with_key(key).with_headers(headers),
    }
}

/// The length before compression of what is not compressed, which need not be said.
fn length_as_it_is(record: &Record) -> Option<u32> {
    let as_it_is = record.compression() == Compression::None && !record.is_sealed();
    u32::try_from(record.bytes().len()).ok().filter(|_| as_it_is)
}

/// The headers to send with a payload.
fn write(nature: &Nature, key: Option<&Key<'_>>, user: &Headers, id: Option<String>) -> HeaderMap {
    let mut map = HeaderMap::new();
    let kind = if nature.sealed { SEALED } else { nature.format.content_type() };
    if nature.sealed || TYPES.contains(&nature.format) {
        map.insert(const { HeaderName::from_static(CONTENT_TYPE) }, kind);
    }
    if let Some((_, encoding)) = ENCODINGS.iter().find(|(known, _)| *known == nature.compression) {
        map.insert(CONTENT_ENCODING, *encoding);
    }
    if let Some(length) = nature.length {
        map.insert(LENGTH, length.to_string());
    }
    if nature.version != 1 {
        map.insert(VERSION, nature.version.to_string());
    }
    if let Some(fingerprint) = nature.fingerprint {
        map.insert(FINGERPRINT, fingerprint.to_string());
    }
    if let Some(key) = key {
        key::write(key, &mut map);
    }
    if let Some(id) = id {
        map.insert(NATS_MESSAGE_ID, key::id(id));
    }
    headers::write(user, &mut map);
    map
}

/// What the headers of a message say, in a topic of the format `topic`.
///
/// A header of memq's that cannot be read stays among the headers, and the record is then of format
/// `Custom`, which no type is read from: nothing is guessed.
fn read(map: Option<&HeaderMap>, topic: Format) -> Arrived {
    let mut nature = Nature::of(topic);
    let mut key = None;
    let mut user = headers::Gathered::default();
    let mut strange = false;
    for (name, values) in map.into_iter().flat_map(HeaderMap::iter) {
        let name: &str = name.as_ref();
        let joined;
        let value = match &values[..] {
            [value] => value.as_str(),
            several => {
                joined = several.iter().map(|value| value.as_str()).collect::<Vec<_>>().join(", ");
                &joined
            }
        };
        let known = if is(name, CONTENT_TYPE) {
            read_type(value, &mut nature)
        } else if is(name, CONTENT_ENCODING) {
            read_encoding(value, &mut nature)
        } else if is(name, LENGTH) {
            value.parse().map(|length| nature.length = Some(length)).is_ok()
        } else if is(name, VERSION) {
            value.parse().map(|version| nature.version = version).is_ok()
        } else if is(name, FINGERPRINT) {
            let print = u64::from_str_radix(value, 16).map(Fingerprint::from_u64);
            print.map(|print| nature.fingerprint = Some(print)).is_ok()
        } else if is(name, KEY) || is(name, KEY_BASE64) {
            let read = key::read(value, is(name, KEY_BASE64));
            read.map(|read| key = Some(read)).is_some()
        } else if begins(name, "nats-") {
            true
        } else {
            user.add(name, value)
        };
        if !known {
            strange = true;
            user.keep(name, value);
        }
    }
    if strange {
        nature.format = Format::Custom;
    }
    Arrived { nature, key, headers: user.finish() }
}

/// Takes in what `Content-Type` says; `false` where that is not known.
fn read_type(value: &str, nature: &mut Nature) -> bool {
    // As memq writes it, so mostly.
    if let Some(format) = TYPES.iter().find(|format| format.content_type() == value) {
        nature.format = *format;
        return true;
    }
    let kind = value.split(';').next().unwrap_or_default().trim();
    if kind.eq_ignore_ascii_case(SEALED) {
        nature.sealed = true;
        nature.format = Format::Custom;
        return true;
    }
    let found = TYPES.iter().find(|format| format.content_type().eq_ignore_ascii_case(kind));
    found.map(|format| nature.format = *format).is_some()
}

/// Takes in what `Content-Encoding` says; `false` where that is not known.
fn read_encoding(value: &str, nature: &mut Nature) -> bool {
    if value.trim().eq_ignore_ascii_case("identity") {
        return true;
    }
    let found = ENCODINGS.iter().find(|(_, known)| known.eq_ignore_ascii_case(value.trim()));
    found.map(|(compression, _)| nature.compression = *compression).is_some()
}

/// Whether a header is this one. Clients write names in their own case; mostly it is memq's.
fn is(name: &str, known: &str) -> bool {
    name == known || name.eq_ignore_ascii_case(known)
}

/// Whether a name begins so, in any case.
fn begins(name: &str, with: &str) -> bool {
    name.get(..with.len()).is_some_and(|start| start.eq_ignore_ascii_case(with))
}

/// How many bytes these headers take on the way.
pub(crate) fn length(map: &HeaderMap) -> usize {
    // `NATS/1.0`, a line for each value, and an empty line.
    let lines = map.iter().flat_map(|(name, values)| {
        let name: &str = name.as_ref();
        values.iter().map(move |value| name.len() + value.as_str().len() + 4)
    });
    12 + lines.sum::<usize>()
}

#[cfg(test)]
mod tests;
