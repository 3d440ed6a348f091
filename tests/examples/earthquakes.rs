//! A week of earthquakes, whole and damaged.

use super::*;

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
