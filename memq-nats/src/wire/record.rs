//! Records, there and back.

use async_nats::HeaderMap;
use bytes::Bytes;
use memq::spi::Schema;
use memq::{Format, Record};

use super::{Nature, read, write};

/// The headers to send with the bytes of a record.
pub(crate) fn headers(record: &Record, schema: Option<Schema>, id: Option<&str>) -> HeaderMap {
    let nature = Nature {
        format: record.format(),
        compression: record.compression(),
        sealed: record.is_sealed(),
        length: record.plain_length(),
        version: schema.map_or(1, |schema| schema.version),
        fingerprint: schema.and_then(|schema| schema.fingerprint),
    };
    write(&nature, record.key().as_ref(), record.headers(), id)
}

/// The record that arrived with these headers, in a topic of this format, and its schema.
pub(crate) fn record(
    payload: Bytes,
    map: Option<&HeaderMap>,
    topic: Format,
) -> (Record, Option<Schema>) {
    let arrived = read(map, topic);
    let nature = arrived.nature;
    let said = nature.version != 1 || nature.fingerprint.is_some();
    let schema = Schema { version: nature.version, fingerprint: nature.fingerprint };
    let record = Record::new(payload)
        .with_format(nature.format)
        .with_compression(nature.compression)
        .with_plain_length(nature.length)
        .with_sealed(nature.sealed)
        .with_key(arrived.key)
        .with_headers(arrived.headers);
    (record, said.then_some(schema))
}
