//! Runs the examples as a reader of the README would, and holds them to what they say.

use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::OnceLock;

use memq::{Compression, Format, Record};
use serde_json::{Value, json};

const SHIPPED: &str =
    concat!(env!("CARGO_MANIFEST_DIR"), "/examples/data/usgs-earthquakes-week.geojson");

const FLIGHTS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/examples/data/flights-2k.json");

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
        let built = Command::new(env!("CARGO"))
            .current_dir(env!("CARGO_MANIFEST_DIR"))
            .args(["build", "--quiet", "--examples", "--profile"])
            .arg(if name == "debug" { OsStr::new("dev") } else { name })
            .arg("--target-dir")
            .arg(profile.parent().unwrap())
            .status()
            .unwrap();
        assert!(built.success(), "the examples do not build");
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

#[test]
fn earthquakes_gives_the_figures_of_the_shipped_file() {
    let mut report = report(Path::new(SHIPPED));
    // How small zstd makes it depends on its version.
    let bytes = report["archive_bytes"].take().as_u64().unwrap();
    assert!((100_000..500_000).contains(&bytes), "{bytes}");
    let expected = json!({
        "read": 1707,
        "published": 1707,
        "rejected": 0,
        "rejected_because": {},
        "by_network": shipped_networks(),
        "strongest": { "id": "us1000chhc", "magnitude": 6.4, "place": "22km NNE of Hualian, Taiwan" },
        "alerts": 85,
        "archive_bytes": null,
        "archive_records": 1707,
    });
    assert_eq!(report, expected);
}

#[test]
fn earthquakes_finds_its_data_from_anywhere_and_reports_in_words() {
    let elsewhere = directory("elsewhere");
    let output = example("earthquakes").current_dir(elsewhere).output().unwrap();
    assert_eq!(stderr(&output).lines().last(), Some("1707 of 1707 features"));
    assert!(stderr(&output).lines().count() <= 5, "{}", stderr(&output));
    let printed = printed(output);
    assert_lines(
        &printed,
        &[
            "1707 features read, 1707 published, 0 rejected",
            "strongest  magnitude 6.4, 22km NNE of Hualian, Taiwan",
            "alerts     85 of magnitude 4.5 and more",
        ],
    );
    assert!(printed.lines().any(|line| line.starts_with("  ci      386 ")), "{printed}");
}

#[test]
fn earthquakes_dead_letters_what_is_no_event_and_goes_on() {
    let good: Value = serde_json::from_str(&feature("x", 9.9, "nowhere")).unwrap();
    let set = |path: &str, value: Value| {
        let mut feature = good.clone();
        *feature.pointer_mut(path).unwrap() = value;
        feature.to_string()
    };
    let without = |parent: &str, name: &str| {
        let mut feature = good.clone();
        let parent = feature.pointer_mut(parent).unwrap();
        parent.as_object_mut().unwrap().remove(name).unwrap();
        feature.to_string()
    };
    let text = good.to_string();
    let broken = [
        set("/id", Value::Null),
        set("/id", json!(7)),
        set("/id", json!("")),
        without("", "id"),
        set("/properties", json!([1])),
        set("/properties/net", Value::Null),
        set("/properties/net", json!({})),
        without("/properties", "net"),
        set("/properties/mag", Value::Null),
        set("/properties/mag", json!("9.9")),
        without("/properties", "mag"),
        text.replace("9.9", "1e999"),
        set("/properties/place", json!(["nowhere"])),
        set("/properties/time", json!("noon")),
        set("/properties/time", json!(0.5)),
        set("/properties/time", json!(u64::MAX)),
        without("/properties", "time"),
        set("/geometry", Value::Null),
        set("/geometry/coordinates", json!([1.0])),
        set("/geometry/coordinates", json!([1.0, "north", 0.0])),
        set("/geometry/coordinates", json!([1.0, null, 0.0])),
        set("/geometry/coordinates", json!({ "longitude": 1.0, "latitude": 1.0 })),
        set("/geometry/coordinates/0", json!(180.5)),
        set("/geometry/coordinates/1", json!(-90.5)),
        without("/geometry", "coordinates"),
        text.replace("nowhere", r"\ud800"),
        "null".to_owned(),
        "7".to_owned(),
        r#""TMQ""#.to_owned(),
        "[]".to_owned(),
        "{}".to_owned(),
        format!("{}{}", "[".repeat(500), "]".repeat(500)),
    ];

    let shipped = fs::read_to_string(SHIPPED).unwrap();
    let (before, after) = shipped.split_once(r#""features":["#).unwrap();
    let damaged = format!(r#"{before}"features":[{},{after}"#, broken.join(","));
    let report = report(&file(&directory("damaged"), "damaged.geojson", damaged));

    assert_eq!(report["read"], 1707 + broken.len());
    assert_eq!(report["published"], 1707);
    assert_eq!(report["rejected"], broken.len());
    assert_eq!(report["by_network"], shipped_networks());
    assert_eq!(report["strongest"]["magnitude"], 6.4);
    assert_eq!(report["alerts"], 85);
    assert_eq!(report["archive_records"], 1707);
    let reasons = &report["rejected_because"];
    let counted: u64 = reasons.as_object().unwrap().values().filter_map(Value::as_u64).sum();
    assert_eq!(counted, broken.len() as u64, "{reasons}");
    assert_eq!(reasons["/properties/mag is not a number"], 1, "{reasons}");
    assert_eq!(reasons["the latitude is out of range"], 1, "{reasons}");
}

#[test]
fn earthquakes_takes_the_first_of_the_strongest_and_the_least_alert() {
    let list = [
        feature("a", 4.4999, "below"),
        feature("b", 4.5, "at the limit"),
        feature("c", 5.0, "the first of two"),
        feature("d", 5.0, "the second of two"),
        feature("e", -1.0, "below zero"),
        feature("f", 1.0, "here").replace(r#""here""#, "null"),
    ];
    let report = report(&file(&directory("ties"), "ties.geojson", collection(&list)));
    assert_eq!((&report["published"], &report["alerts"]), (&json!(6), &json!(3)));
    assert_eq!(report["strongest"]["place"], "the first of two");
}

#[test]
fn earthquakes_is_content_with_an_empty_collection() {
    let empty = file(&directory("empty"), "empty.geojson", collection(&[]));
    let report = report(&empty);
    assert_eq!(report["read"], 0);
    assert_eq!(report["by_network"], json!({}));
    assert_eq!(report["strongest"], Value::Null);
    assert_eq!((&report["archive_records"], &report["archive_bytes"]), (&json!(0), &json!(0)));
    assert_lines(&printed(earthquakes([&empty])), &["strongest  none"]);
}

#[test]
fn earthquakes_says_what_is_wrong_with_a_whole_file() {
    let directory = directory("whole_files");
    let cases: [(&str, &[u8], &str); 8] = [
        ("text", b"M 6.4, Hualian", "not JSON"),
        ("nothing", b"", "not JSON"),
        ("cut", br#"{"type":"FeatureCollection","features":[{"#, "not JSON"),
        ("bytes", b"\xff\xfe\x00", "UTF-8"),
        ("array", b"[]", "not a FeatureCollection"),
        ("feature", br#"{"type":"Feature","features":[]}"#, "not a FeatureCollection"),
        ("no_features", br#"{"type":"FeatureCollection"}"#, "not a FeatureCollection"),
        (
            "features_object",
            br#"{"type":"FeatureCollection","features":{"a":1}}"#,
            "not a FeatureCollection",
        ),
    ];
    for (name, content, message) in cases {
        let path = file(&directory, name, content);
        for arguments in [vec![path.as_os_str()], vec![OsStr::new("--json"), path.as_os_str()]] {
            let output = earthquakes(arguments);
            assert_eq!(output.status.code(), Some(1), "{name}");
            assert_eq!(stdout(&output), "", "{name}");
            let said = stderr(&output);
            assert!(said.contains(message) && said.contains(name), "{name}: {said}");
            assert_eq!(said.lines().count(), 1, "{name}: {said}");
        }
    }
    let output = earthquakes([directory.join("no such file")]);
    assert_eq!(output.status.code(), Some(1));
    assert!(stderr(&output).contains("no such file"), "{}", stderr(&output));
}

#[test]
fn earthquakes_explains_its_options() {
    let help = printed(earthquakes(["--help"]));
    assert!(help.starts_with("Usage: earthquakes "), "{help}");
    for mistake in [&["--jason"][..], &["-j"], &["--json=1"], &["a", "b"], &["--archive"]] {
        let output = earthquakes(mistake);
        assert_eq!(output.status.code(), Some(2), "{mistake:?}");
        assert_eq!(stdout(&output), "");
        assert!(stderr(&output).contains("Usage: earthquakes "), "{}", stderr(&output));
    }
    // After `--` there are only paths.
    assert_eq!(earthquakes(["--", "--json"]).status.code(), Some(1));
    let printed = printed(earthquakes(["--json", "--", SHIPPED]));
    assert!(printed.starts_with('{'), "{printed}");
}

#[test]
fn earthquakes_keeps_an_archive_only_if_asked() {
    let directory = directory("archive");
    let temporary = directory.join("temporary");
    fs::create_dir(&temporary).unwrap();
    let run = |arguments: &[&OsStr]| {
        let mut command = example("earthquakes");
        command.env("TMPDIR", &temporary).env("TMP", &temporary).args(arguments);
        command.output().unwrap()
    };
    printed(run(&[]));
    assert_eq!(fs::read_dir(&temporary).unwrap().count(), 0);

    let archive = directory.join("quakes.frames");
    printed(run(&["--archive".as_ref(), archive.as_os_str()]));
    let bytes = fs::read(&archive).unwrap();
    let mut rest = &bytes[..];
    let mut records = 0;
    while let Some((length, after)) = rest.split_first_chunk::<4>() {
        let (frame, after) = after.split_at(u32::from_le_bytes(*length) as usize);
        let record = Record::parse(frame.to_vec()).unwrap();
        assert_eq!(record.format(), Format::MessagePack);
        assert_eq!(record.compression(), Compression::Zstd);
        let quake: Value = record.decode().unwrap();
        assert!(quake["magnitude"].is_number(), "{quake}");
        records += 1;
        rest = after;
    }
    assert_eq!((records, rest.len()), (1707, 0));

    // The source is not overwritten.
    let source = file(&directory, "source.geojson", collection(&[feature("a", 1.0, "here")]));
    let output = run(&["--archive".as_ref(), source.as_os_str(), source.as_os_str()]);
    assert_eq!(output.status.code(), Some(1));
    assert!(fs::read_to_string(&source).unwrap().contains("here"));
}

/// What a flight runs into is drawn for each by itself, so how it ends is the same in every run; these
/// figures were computed without memq. What the killed worker held may come back once more.
#[test]
fn flights_accounts_for_every_flight_whatever_goes_wrong() {
    // Seed, dead letters, and panics and redeliveries if no worker were killed.
    for (seed, dead, panics, back) in [(1, 106, 148, 797), (2, 125, 175, 844), (3, 121, 149, 855)] {
        let seed = seed.to_string();
        for workers in ["1", "4", "20"] {
            let accounts = accounts(&["--seed", &seed, "--workers", workers].map(OsStr::new));
            assert_eq!((&accounts["read"], &accounts["airports"]), (&json!(2000), &json!(155)));
            assert_eq!(accounts["dead_lettered"], dead, "{accounts}");
            let partitions = json!([176, 362, 230, 188, 242, 295, 198, 309]);
            assert_eq!(accounts["per_partition"], partitions);
            let held = accounts["held_when_killed"].as_u64().unwrap();
            let redelivered = accounts["redelivered"].as_u64().unwrap();
            assert!((1..=8).contains(&held), "{accounts}");
            assert!((back..=back + held).contains(&redelivered), "{accounts}");
            // Being killed may take the place of a panic.
            let panicked = accounts["panics"].as_u64().unwrap();
            assert!((panics - held..=panics).contains(&panicked), "{accounts}");
        }
    }
}

#[test]
fn flights_accounts_for_every_flight_of_any_seed() {
    for seed in ["0", "42", "18446744073709551615"] {
        let accounts = accounts(&["--seed", seed].map(OsStr::new));
        assert_eq!(accounts["read"], 2000);
        assert!(accounts["dead_lettered"].as_u64() > Some(0), "{accounts}");
        assert!(accounts["redelivered"].as_u64() > Some(0), "{accounts}");
    }
}

#[test]
fn flights_finds_its_data_from_anywhere_and_reports_in_words() {
    let elsewhere = directory("flights_elsewhere");
    let output = example("flights").current_dir(elsewhere).output().unwrap();
    assert_eq!(stderr(&output), "");
    assert_lines(
        &printed(output),
        &[
            "2000 flights from 155 airports",
            "  partition 1     362",
            "settled          1894",
            "dead-lettered     106",
            "      48 nacked (attempt 5)",
            "      58 the airport is unknown",
            "out of order        0",
        ],
    );
}

/// What is no flight goes into the topic as it is, and from there to the dead letters.
#[test]
fn flights_dead_letters_what_is_no_flight() {
    let good = json!({
        "date": "2001/01/01 06:55", "delay": -19, "distance": 1797, "origin": "LAX",
        "destination": "BNA"
    });
    let set = |name: &str, value: Value| {
        let mut flight = good.clone();
        flight[name] = value;
        flight.to_string()
    };
    let without = |name: &str| {
        let mut flight = good.clone();
        flight.as_object_mut().unwrap().remove(name).unwrap();
        flight.to_string()
    };
    let text = good.to_string();
    let broken = [
        set("origin", json!(7)),
        set("origin", Value::Null),
        without("origin"),
        without("destination"),
        set("date", json!(["2001"])),
        set("delay", json!("late")),
        set("delay", json!(0.5)),
        set("delay", json!(u64::MAX)),
        set("distance", json!(-1)),
        set("sequence", json!(-1)),
        text.replace("-19", "1e999"),
        text.replace("LAX", r"\ud800"),
        "null".to_owned(),
        "7".to_owned(),
        r#""TMQ""#.to_owned(),
        "[]".to_owned(),
        "{}".to_owned(),
        format!("{}{}", "[".repeat(100), "]".repeat(100)),
    ];
    let list = broken.join(",");
    let directory = directory("flights_damaged");

    let only = file(&directory, "only.json", format!("[{list}]"));
    let accounts_of_only = accounts(&["--file".as_ref(), only.as_os_str()]);
    assert_eq!(accounts_of_only["read"], broken.len());
    assert_eq!(accounts_of_only["dead_lettered"], broken.len());
    assert_eq!(accounts_of_only["airports"], 0);

    let shipped = fs::read_to_string(FLIGHTS).unwrap();
    let flights = shipped.trim().strip_prefix('[').and_then(|rest| rest.strip_suffix(']'));
    let damaged = format!("[{list},{},{list}]", flights.unwrap());
    let damaged = file(&directory, "damaged.json", damaged);
    let accounts = accounts(&["--file".as_ref(), damaged.as_os_str()]);
    assert_eq!(accounts["read"], 2000 + 2 * broken.len());
    assert_eq!(accounts["airports"], 155);
    assert!(accounts["dead_lettered"].as_u64() > Some(2 * broken.len() as u64), "{accounts}");
}

#[test]
fn flights_is_content_with_few_flights() {
    let directory = directory("flights_few");
    let none = file(&directory, "none.json", " [ ] ");
    let accounts_of_none = accounts(&["--file".as_ref(), none.as_os_str()]);
    assert_eq!((&accounts_of_none["read"], &accounts_of_none["settled"]), (&json!(0), &json!(0)));
    let flight = r#"{"date":"","delay":0,"distance":0,"origin":"","destination":"","sequence":9}"#;
    let one = file(&directory, "one.json", format!("[{flight},{flight}]"));
    for workers in ["1", "255"] {
        let arguments = ["--workers".as_ref(), workers.as_ref(), "--file".as_ref()];
        let accounts = accounts(&[&arguments[..], &[one.as_os_str()]].concat());
        assert_eq!((&accounts["read"], &accounts["airports"]), (&json!(2), &json!(1)));
    }
}

#[test]
fn flights_says_what_is_wrong_with_a_whole_file() {
    let directory = directory("flights_whole_files");
    let cases: [(&str, &[u8], &str); 6] = [
        ("text", b"LAX to BNA", "not JSON"),
        ("nothing", b"", "not JSON"),
        ("cut", br#"[{"date":"2001/01/01 06:55","del"#, "not JSON"),
        ("bytes", b"[\"\xff\xfe\x00\"]", "not JSON"),
        ("object", br#"{"flights":[]}"#, "not a list of flights"),
        ("number", b"7", "not a list of flights"),
    ];
    for (name, content, message) in cases {
        let path = file(&directory, name, content);
        for json in [&["--json"][..], &[]] {
            let mut command = example("flights");
            let output = command.args(json).arg("--file").arg(&path).output().unwrap();
            assert_eq!(output.status.code(), Some(1), "{name}");
            assert_eq!(stdout(&output), "", "{name}");
            let said = stderr(&output);
            assert!(said.contains(message) && said.contains(name), "{name}: {said}");
            assert_eq!(said.lines().count(), 1, "{name}: {said}");
        }
    }
    let missing = directory.join("no such file");
    for path in [missing.as_os_str(), directory.as_os_str()] {
        let output = flights(["--file".as_ref(), path]);
        assert_eq!(output.status.code(), Some(1));
        assert!(stderr(&output).contains("cannot be read"), "{}", stderr(&output));
        assert!(stderr(&output).contains(path.to_str().unwrap()), "{}", stderr(&output));
    }
}

#[test]
fn flights_explains_its_options() {
    let help = printed(flights(["--help"]));
    assert!(help.starts_with("Usage: flights "), "{help}");
    let mistakes = [
        &["--jason"][..],
        &["-j"],
        &["--json=1"],
        &["a.json"],
        &["--file"],
        &["--seed"],
        &["--seed", "-1"],
        &["--seed", "18446744073709551616"],
        &["--workers", "0"],
        &["--workers", "256"],
        &["--workers", "four"],
    ];
    for mistake in mistakes {
        let output = flights(mistake);
        assert_eq!(output.status.code(), Some(2), "{mistake:?}");
        assert_eq!(stdout(&output), "");
        assert!(stderr(&output).contains("Usage: flights "), "{}", stderr(&output));
    }
}
