//! Runs the examples as a reader of the README would, and holds them to what they say.

mod earthquakes;
mod flights;

use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::OnceLock;

use memq::{Compression, Dictionary, Format, Record};
use serde_json::{Value, json};

const SHIPPED: &str =
    concat!(env!("CARGO_MANIFEST_DIR"), "/../examples/data/usgs-earthquakes-week.geojson");

const FLIGHTS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../examples/data/flights-2k.json");

/// An example as `cargo run` would start it, but in no other place.
fn example(name: &str) -> Command {
    Command::new(examples().join(format!("{name}{}", std::env::consts::EXE_SUFFIX)))
}

/// Where the examples are, as programs, and up to date. `cargo test` builds them as that only where
/// it is not told what to build, so this does.
fn examples() -> &'static Path {
    static BUILT: OnceLock<PathBuf> = OnceLock::new();
    BUILT.get_or_init(|| {
        // The test is in `target/debug/deps`.
        let test = std::env::current_exe().unwrap();
        let profile = test.ancestors().nth(2).unwrap();
        let name = profile.file_name().unwrap();
        // `scripts/test` has just built them.
        if std::env::var_os("MEMQ_EXAMPLES_ARE_BUILT").is_none() {
            let built = Command::new(env!("CARGO"))
                .current_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/.."))
                .args(["build", "--quiet", "--examples", "--profile"])
                .arg(if name == "debug" { OsStr::new("dev") } else { name })
                .arg("--target-dir")
                .arg(profile.parent().unwrap())
                .status()
                .unwrap();
            assert!(built.success(), "the examples do not build");
        }
        profile.join("examples")
    })
}

fn earthquakes(arguments: impl IntoIterator<Item = impl AsRef<OsStr>>) -> Output {
    example("earthquakes").args(arguments).output().unwrap()
}

fn flights(arguments: impl IntoIterator<Item = impl AsRef<OsStr>>) -> Output {
    example("flights").args(arguments).output().unwrap()
}

/// The one JSON object that `flights --json` prints, with what holds of every one.
#[track_caller]
fn accounts(arguments: &[&OsStr]) -> Value {
    let printed = printed(flights([&["--json".as_ref()], arguments].concat()));
    assert_eq!(printed.matches('\n').count(), 1, "{printed}");
    let accounts: Value = serde_json::from_str(&printed).unwrap();
    let number = |name: &str| accounts[name].as_u64().unwrap();
    let partitions = accounts["per_partition"].as_array().unwrap();
    assert_eq!(partitions.len(), 8, "{printed}");
    let partitions: u64 = partitions.iter().map(|flights| flights.as_u64().unwrap()).sum();
    assert_eq!(number("settled") + number("dead_lettered"), number("read"), "{printed}");
    assert_eq!(partitions, number("read"), "{printed}");
    assert_eq!(number("out_of_order"), 0, "{printed}");
    accounts
}

fn stdout(output: &Output) -> &str {
    std::str::from_utf8(&output.stdout).unwrap()
}

fn stderr(output: &Output) -> &str {
    std::str::from_utf8(&output.stderr).unwrap()
}

/// What an example prints, if it ends well.
#[track_caller]
fn printed(output: Output) -> String {
    assert!(output.status.success(), "{:?}\n{}", output.status, stderr(&output));
    stdout(&output).to_owned()
}

#[track_caller]
fn assert_lines(printed: &str, lines: &[&str]) {
    for line in lines {
        assert!(printed.lines().any(|printed| printed == *line), "no {line:?} in\n{printed}");
    }
}

/// The one JSON object that `--json` prints, for a file.
#[track_caller]
fn report(path: &Path) -> Value {
    let printed = printed(earthquakes([OsStr::new("--json"), path.as_os_str()]));
    assert_eq!(printed.matches('\n').count(), 1, "{printed}");
    assert!(printed.ends_with('\n'), "{printed}");
    let report: Value = serde_json::from_str(&printed).unwrap();
    assert!(report.is_object(), "{printed}");
    report
}

/// An empty directory of its own for each test.
fn directory(name: &str) -> PathBuf {
    let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join("examples").join(name);
    let _ = fs::remove_dir_all(&path);
    fs::create_dir_all(&path).unwrap();
    path
}

fn file(directory: &Path, name: &str, content: impl AsRef<[u8]>) -> PathBuf {
    let path = directory.join(name);
    fs::write(&path, content).unwrap();
    path
}

fn collection(features: &[String]) -> String {
    format!(r#"{{"type":"FeatureCollection","features":[{}]}}"#, features.join(","))
}

/// A valid feature with this magnitude and place.
fn feature(id: &str, magnitude: f64, place: &str) -> String {
    json!({
        "type": "Feature",
        "id": id,
        "properties": {
            "net": "us", "mag": magnitude, "place": place, "time": 1, "type": "earthquake"
        },
        "geometry": { "type": "Point", "coordinates": [-180.0, 90.0, 1.5] },
    })
    .to_string()
}

/// What a count over the shipped file gives without memq.
fn shipped_networks() -> Value {
    json!({
        "ci": 386, "nc": 370, "ak": 297, "nn": 260, "us": 168, "pr": 62, "uw": 51, "hv": 46,
        "uu": 33, "mb": 28, "nm": 5, "se": 1
    })
}

#[test]
fn quickstart() {
    let printed = printed(example("quickstart").output().unwrap());
    assert_eq!(printed, "7 ordered tea (offset 0)\n");
}

#[test]
fn dynamic_topics() {
    let printed = printed(example("dynamic_topics").output().unwrap());
    assert_lines(
        &printed,
        &[
            r#"audit.acme: Json {"action":"sign-in","tenant":"acme"}"#,
            "refused: frame version 9 is unknown: versions 1 and 2 are read",
            r#"a map: MessagePack, Reading { sensor: "attic", celsius: 31.5 }"#,
            "a frame: a frame around Json",
        ],
    );
}

#[test]
fn formats() {
    let printed = printed(example("formats").output().unwrap());
    for row in ["Json None", "Json Zstd", "MessagePack Gzip", "Postcard Zstd", "Bincode None"] {
        let words: Vec<&str> = row.split(' ').collect();
        let has = |line: &str| line.split_whitespace().take(2).eq(words.iter().copied());
        assert!(printed.lines().any(has), "no {row:?} in\n{printed}");
    }
    assert!(printed.contains("with `.accept(memq::codec::MessagePack)`"), "{printed}");
}

#[test]
fn dictionaries() {
    let printed = printed(example("dictionaries").output().unwrap());
    assert!(printed.starts_with("88 bytes as JSON, "), "{printed}");
    assert!(printed.contains("refused: the payload was compressed with dictionary "), "{printed}");
}

fn train(arguments: &[&OsStr]) -> Output {
    example("train_dictionary").args(arguments).output().unwrap()
}

/// From an array, from its lines, and from the frames of an archive.
#[test]
fn train_dictionary() {
    let directory = directory("train_dictionary");
    let trained = |records: &Path, name: &str| {
        let path = directory.join(name);
        let output = train(&[records.as_ref(), path.as_ref(), "2000".as_ref()]);
        let (printed, dictionary) = (printed(output), fs::read(path).unwrap());
        let id = Dictionary::new(dictionary.clone()).unwrap().id();
        assert!(printed.contains(&format!("dictionary {id} of ")), "{printed}");
        assert!(dictionary.len() <= 2_000);
        (printed, dictionary)
    };
    let (printed, from_array) = trained(Path::new(FLIGHTS), "array.dict");
    assert!(printed.ends_with("from 2000 records\n"), "{printed}");

    let flights = fs::read_to_string(FLIGHTS).unwrap();
    let lines = flights.trim().trim_matches(['[', ']']).replace("},", "}\n");
    let (_, from_lines) = trained(&file(&directory, "lines", lines), "lines.dict");
    assert_eq!(from_array, from_lines);

    let frames = directory.join("quakes.frames");
    let archived = earthquakes([OsStr::new("--archive"), frames.as_os_str()]);
    assert!(archived.status.success());
    let (printed, _) = trained(&frames, "quakes.dict");
    assert!(printed.ends_with("from 1707 records\n"), "{printed}");
}

#[test]
fn train_dictionary_says_what_is_wrong() {
    let directory = directory("train_dictionary_wrong");
    let (few, there) = (file(&directory, "few", "tea\nmilk\n"), file(&directory, "there", "keep"));
    let new = directory.join("new.dict");
    let refused = |arguments: &[&OsStr], code: i32, text: &str| {
        let output = train(arguments);
        assert_eq!(output.status.code(), Some(code));
        assert!(stderr(&output).contains(text), "{}", stderr(&output));
    };
    refused(&[few.as_ref(), new.as_ref()], 1, "2 samples with 7 bytes are too few");
    refused(&[FLIGHTS.as_ref(), there.as_ref()], 1, "exists");
    refused(&[there.with_extension("not").as_ref(), new.as_ref()], 1, "there.not: ");
    refused(&[FLIGHTS.as_ref()], 2, "Usage: ");
    refused(&[FLIGHTS.as_ref(), new.as_ref(), "many".as_ref()], 2, "BYTES is a whole number");
    let cut = fs::read(FLIGHTS).unwrap();
    let cut =
        file(&directory, "cut", [&200_u32.to_le_bytes(), &b"TMQ\x02"[..], &cut[..9]].concat());
    refused(&[cut.as_ref(), new.as_ref()], 1, "it is cut after 0 records");
    assert!(!new.exists());
    assert_eq!(fs::read(there).unwrap(), b"keep");
}

#[test]
fn replay() {
    let printed = printed(example("replay").output().unwrap());
    assert_lines(
        &printed,
        &[
            "latest            []",
            "offset 2          [102, 103, 104, 105]",
            "the last minute   [104, 105]",
            "after retention   skipped 4, gone unread because the topic holds `max` messages: read faster, raise `max`, or use `overflow = Wait`",
        ],
    );
}

#[test]
fn backpressure() {
    let printed = printed(example("backpressure").output().unwrap());
    assert_lines(
        &printed,
        &[
            "wait: 20 published, 20 read, 0 dropped",
            "reserve: still have Job(4)",
            "reserve: sent at offset 4",
            r#"reject: Request("third") came back"#,
        ],
    );
}

#[test]
fn streams() {
    let printed = printed(example("streams").output().unwrap());
    assert_lines(&printed, &["100 slow ones, 900 filtered", "700 after the batch"]);
}

#[test]
fn workers() {
    let printed = printed(example("workers").output().unwrap());
    assert_lines(
        &printed,
        &[
            "dead: a bug: its handler panicked: a bug in the handler (attempt 3)",
            "dead: a flood: its handler took longer than 50ms (attempt 3)",
            "dead: nothing: there is nothing to pay for (attempt 3)",
            "billing: 2 paid, 6 tried again",
            "billing: 3 panicked, 3 too slow",
            "shipping: DeadlinePassed, 1 unfinished",
            "shipping: a parcel again, attempt 2",
            "mails: 6 sent, Closed",
        ],
    );
}

#[test]
fn evolution() {
    let printed = printed(example("evolution").output().unwrap());
    let lines = [
        r#"  offset 0: [Line { item: "tea", cents: 420 }]"#,
        "  offset 1: the message of version 1 could not become one of version 2",
        r#"  offset 2: [Line { item: "sugar", cents: 150 }]"#,
        "  offset 0: tea for 4.20",
        "  offset 3: the message has version 3, and version 1 is read here: update this reader before those that publish",
    ];
    assert_lines(&printed, &lines);
}

#[test]
fn asyncapi() {
    let document = |format: &str| printed(example("asyncapi").arg(format).output().unwrap());
    let json: Value = serde_json::from_str(&document("--json")).unwrap();
    assert_eq!(json["asyncapi"], "3.0.0");
    assert_eq!(json["channels"].as_object().unwrap().len(), 3);
    assert!(document("--yaml").contains("asyncapi: 3.0.0\n"));
    assert!(document("--html").starts_with("<!DOCTYPE html>"));
    assert!(document("--nats").contains("memq.orders.{partition}.{kind}"));
    let refused = example("asyncapi").arg("--pdf").output().unwrap();
    assert!(!refused.status.success() && stderr(&refused).contains("--pdf"));
}

#[test]
fn by_hand() {
    let printed = printed(example("by_hand").output().unwrap());
    assert_lines(
        &printed,
        &[
            r#"payload: b"attic=31.5""#,
            "offset 1: the payload is not valid Custom for this type: there is no '='",
        ],
    );
}

#[test]
fn consumer_groups() {
    let printed = printed(example("consumer_groups").output().unwrap());
    assert_lines(
        &printed,
        &[
            "ann has tea, bob has milk",
            "sugar came back, attempt 2",
            "7 settled in 10 deliveries",
            "the group goes on at offset 7",
            "after seek a batch of 6, from offset 0",
            "5 more as a stream",
        ],
    );
}

#[test]
fn dead_letters() {
    let printed = printed(example("dead_letters").output().unwrap());
    assert_lines(
        &printed,
        &[
            r#"booked: ["ann", "carl"]"#,
            "in payments.bank.dead:",
            "  offset 1, attempts 1, nobody: there is no such account",
            "  offset 2, attempts 3, bob: nacked (attempt 3)",
            "1 redriven, 2 left",
            "bob has 400 again, attempt 1",
        ],
    );
}

#[test]
fn partitions() {
    let printed = printed(example("partitions").output().unwrap());
    assert_lines(
        &printed,
        &[
            "partition 2: 24 clicks of 6 users",
            "partition 6: 0 clicks of 0 users",
            "two members: [[0, 2, 4, 6], [1, 3, 5, 7]]",
            "they have [52, 28] clicks",
            "refused: there is no partition 8: the topic has 8, numbered from 0",
            "published at 83, and again at 83: 1 deduplicated",
        ],
    );
}
