//! Trains a zstd dictionary from real records, for `compress = Zstd(dict = "orders.dict")`.
//!
//! ```text
//! cargo run --release --example train_dictionary -- RECORDS DICTIONARY [BYTES]
//! cargo run --release --example train_dictionary -- examples/data/flights-2k.json flights.dict 4096
//! ```
//!
//! RECORDS is a file of some thousand payloads of one topic, as they are before compression:
//!
//! - frames as `Record::frame` writes them, each after its length in four bytes, little endian, as
//!   the example `earthquakes` writes them with `--archive`,
//! - or a JSON array, of which each element is one,
//! - or else lines, of which each is one.
//!
//! DICTIONARY is written, and must not be there yet: whatever was compressed with a dictionary cannot
//! be read without it, so a new one is a new file. BYTES is how large it may be, 16384 if not said.

use std::error::Error;
use std::fs::{self, File};
use std::io::Write;
use std::process::ExitCode;

use bytes::{Buf, Bytes};
use memq::codec::frame;
use memq::{Dictionary, Record};
use serde_json::value::RawValue;

type Result<T> = std::result::Result<T, Box<dyn Error>>;

const USAGE: &str = "Usage: train_dictionary RECORDS DICTIONARY [BYTES]";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let (records, dictionary, max) = match arguments.as_slice() {
        [records, dictionary] => (records, dictionary, Ok(16 << 10)),
        [records, dictionary, max] => (records, dictionary, max.parse()),
        _ => {
            eprintln!("{USAGE}");
            return ExitCode::from(2);
        }
    };
    let Ok(max) = max else {
        eprintln!("train_dictionary: BYTES is a whole number\n\n{USAGE}");
        return ExitCode::from(2);
    };
    match train(records, dictionary, max) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("train_dictionary: {error}");
            ExitCode::FAILURE
        }
    }
}

fn train(records: &str, path: &str, max: usize) -> Result<()> {
    let file = fs::read(records).map_err(|error| format!("{records}: {error}"))?;
    let samples = samples(file.into()).map_err(|error| format!("{records}: {error}"))?;
    let dictionary = Dictionary::train(&samples, max)?;
    let mut file = File::create_new(path).map_err(|error| format!("{path}: {error}"))?;
    file.write_all(dictionary.bytes())?;
    println!(
        "{path}: dictionary {} of {} bytes, from {} records",
        dictionary.id(),
        dictionary.bytes().len(),
        samples.len()
    );
    Ok(())
}

/// The payloads in a file, whichever of the three it is.
fn samples(file: Bytes) -> Result<Vec<Bytes>> {
    if file.get(4..).is_some_and(frame::is_frame) {
        return frames(file);
    }
    if file.trim_ascii_start().starts_with(b"[") {
        if let Ok(list) = serde_json::from_slice::<Vec<&RawValue>>(&file) {
            return Ok(list.iter().map(|one| file.slice_ref(one.get().as_bytes())).collect());
        }
    }
    let lines = file.split(|byte| *byte == b'\n').map(<[u8]>::trim_ascii_end);
    Ok(lines.filter(|line| !line.is_empty()).map(|line| file.slice_ref(line)).collect())
}

fn frames(mut file: Bytes) -> Result<Vec<Bytes>> {
    let mut samples = Vec::new();
    while file.has_remaining() {
        let length = file.try_get_u32_le()? as usize;
        if length > file.len() {
            return Err(format!("it is cut after {} records", samples.len()).into());
        }
        samples.push(Record::parse(file.split_to(length))?.payload()?);
    }
    Ok(samples)
}
