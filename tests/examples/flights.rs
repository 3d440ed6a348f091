//! Two thousand flights, whatever goes wrong.

use super::*;

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
