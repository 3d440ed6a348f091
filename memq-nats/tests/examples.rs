//! Runs the examples as a reader of the README would, on every server that is installed, and holds them to what
//! they say.
#![allow(clippy::unwrap_used, clippy::disallowed_methods, reason = "this is a test")]

// What the example does in memory.
#[path = "../../examples/earthquakes/archive.rs"]
#[allow(dead_code, unreachable_pub, reason = "shared with a program")]
mod archive;
#[path = "../../examples/earthquakes/quake.rs"]
#[allow(dead_code, unreachable_pub, reason = "shared with a program")]
mod quake;
#[path = "../../examples/earthquakes/report.rs"]
#[allow(dead_code, unreachable_pub, reason = "shared with a program")]
mod report;
#[path = "../../examples/earthquakes/work.rs"]
#[allow(dead_code, unreachable_pub, reason = "shared with a program")]
mod work;

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::fs;
use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::OnceLock;

use memq::Broker;
use memq_nats::Connect;
use memq_nats_server::{Binary, Server, python_or_skip};
use serde_json::{Value, json};

const SHIPPED: &str =
    concat!(env!("CARGO_MANIFEST_DIR"), "/../examples/data/usgs-earthquakes-week.geojson");

/// An example as `cargo run` would start it, up to date.
///
/// `cargo test` builds examples only where it is not told what to build, so this does. They are taken to a
/// place of their own, since memq has one of the same name, which cargo puts in the same place.
fn example(name: &str) -> Command {
    static BUILT: OnceLock<PathBuf> = OnceLock::new();
    let folder = BUILT.get_or_init(|| {
        // The test is in `target/debug/deps`.
        let test = std::env::current_exe().unwrap();
        let profile = test.ancestors().nth(2).unwrap();
        let name = profile.file_name().unwrap();
        // `scripts/test` has just built them.
        if std::env::var_os("MEMQ_EXAMPLES_ARE_BUILT").is_none() {
            let mut cargo = Command::new(env!("CARGO"));
            cargo.current_dir(env!("CARGO_MANIFEST_DIR")).args(["build", "--quiet", "--examples"]);
            // As the test was built, so that little is built again.
            for (has, feature) in
                [(cfg!(feature = "tls"), "tls"), (cfg!(feature = "credentials"), "credentials")]
            {
                if has {
                    cargo.args(["--features", feature]);
                }
            }
            // What cargo tells a test of its package would have others built again that look at it.
            for (name, _) in std::env::vars_os() {
                let text = name.to_string_lossy();
                if text.starts_with("CARGO_PKG_") || text.starts_with("CARGO_MANIFEST_") {
                    cargo.env_remove(name);
                }
            }
            cargo.arg("--profile").arg(if name == "debug" { OsStr::new("dev") } else { name });
            let built = cargo.arg("--target-dir").arg(profile.parent().unwrap()).status().unwrap();
            assert!(built.success(), "the examples do not build");
        }

        let own = Path::new(env!("CARGO_TARGET_TMPDIR")).join("examples-of-memq-nats");
        fs::create_dir_all(&own).unwrap();
        for name in ["nats_earthquakes", "foreign"] {
            let name = program(name);
            // One that still runs is left as it is, under its old name.
            let _ = fs::remove_file(own.join(&name));
            fs::copy(profile.join("examples").join(&name), own.join(&name)).unwrap();
        }
        own
    });
    Command::new(folder.join(program(name)))
}

fn program(name: &str) -> String {
    format!("{name}{}", std::env::consts::EXE_SUFFIX)
}

fn earthquakes(arguments: &[&str]) -> Output {
    example("nats_earthquakes").args(arguments).output().unwrap()
}

/// The one JSON object that a process prints which ends well.
#[track_caller]
fn printed(output: &Output) -> Value {
    let (told, errors) = (text(&output.stdout), text(&output.stderr));
    assert!(output.status.success(), "{:?}\n{errors}", output.status);
    assert_eq!(told.matches('\n').count(), 1, "{told}");
    serde_json::from_str(&told).unwrap()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

/// What the example reports in memory.
fn in_memory() -> &'static Value {
    static REPORT: OnceLock<Value> = OnceLock::new();
    REPORT.get_or_init(|| {
        let text = fs::read_to_string(SHIPPED).unwrap();
        let features = quake::features(&text).unwrap();
        let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
        let report = runtime.block_on(work::work(&Broker::new(), &features, None)).unwrap();
        serde_json::from_str(&report.to_json()).unwrap()
    })
}

/// The topics of a run that are still on the server.
fn left_of(server: &Server, run: &str) -> usize {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let run = format!("quakes_{run}");
    runtime.block_on(async {
        let broker = Connect::new(server.url()).namespace(&run).await.unwrap();
        broker.topics().await.unwrap().len()
    })
}

#[test]
fn earthquakes_gives_the_figures_that_it_gives_in_memory() {
    for binary in Binary::all_or_skip() {
        let expected = in_memory();
        assert_eq!(
            (&expected["read"], &expected["published"], &expected["rejected"], &expected["alerts"]),
            (&json!(1707), &json!(1707), &json!(0), &json!(85))
        );
        assert_eq!(expected["strongest"]["magnitude"], 6.4);

        // On a server that runs, twice: what the first leaves is not in the way of the second.
        let server = Server::start(&binary).unwrap();
        for _ in 0..2 {
            let output = earthquakes(&["--json", "--server", &server.url()]);
            assert_eq!(&printed(&output), expected, "on {}", binary.version());
        }
        // On one of its own.
        let mut own = example("nats_earthquakes");
        let output = own.arg("--json").env("NATS_SERVER", binary.path()).output().unwrap();
        assert_eq!(&printed(&output), expected, "on {}", binary.version());
    }
}

#[test]
fn earthquakes_in_two_processes_share_the_work_of_a_group() {
    for binary in Binary::all_or_skip() {
        let expected = in_memory();
        let server = Server::start(&binary).unwrap();
        let start = || {
            let mut process = example("nats_earthquakes");
            process.args(["--json", "--share", "monday", "--server", &server.url()]);
            process.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
        };
        let processes: [Child; 2] = [start(), start()];
        let outputs = processes.map(|process| process.wait_with_output().unwrap());
        let mut told = outputs.each_ref().map(printed);
        // Either may have come first.
        if told[0]["shares"].is_null() {
            told.reverse();
        }
        let [mut first, second] = told;
        let shares = first.as_object_mut().unwrap().remove("shares").unwrap();
        assert_eq!(&first, expected);
        let shares = shares.as_array().unwrap();
        assert_eq!((shares.len(), &shares[1]), (2, &second));

        let mut together = BTreeMap::<&str, u64>::new();
        for share in shares {
            let by_network = share["by_network"].as_object().unwrap();
            let settled = by_network.values().map(|count| count.as_u64().unwrap()).sum::<u64>();
            assert_eq!(share["settled"], settled);
            assert!(settled > 0, "one did all of it: {shares:?}");
            for (network, count) in by_network {
                *together.entry(network).or_default() += count.as_u64().unwrap();
            }
        }
        // Everything, and nothing twice.
        assert_eq!(together.values().sum::<u64>(), 1707);
        assert_eq!(json!(together), expected["by_network"]);
        assert_eq!(left_of(&server, "monday"), 0);
    }
}

#[test]
fn earthquakes_says_what_is_wrong() {
    let refused = |arguments: &[&str], code: i32, why: &str| {
        let mut command = example("nats_earthquakes");
        // None to start.
        let output = command.args(arguments).env("NATS_SERVER", "").output().unwrap();
        let errors = text(&output.stderr);
        assert_eq!(output.status.code(), Some(code), "{errors}");
        assert!(errors.contains(why), "{errors}");
        assert!(output.stdout.is_empty());
    };
    refused(&[], 1, "there is no nats-server to start: install one with scripts/nats-servers, or");
    refused(&["--server", "nats://127.0.0.1:1"], 1, "nats://127.0.0.1:1");
    refused(&["--server"], 2, "--server needs an address");
    refused(&["--share", "on monday"], 2, "--share on monday: a name of 1 to 24 letters");
    refused(&["--processes", "2"], 2, "--processes is for --share");
    refused(&["--share", "a", "--processes", "0"], 2, "--processes 0: it is 1 to 100");
    refused(&["--servers"], 2, "unknown option \"--servers\"");
    refused(&["nowhere.geojson"], 1, "nowhere.geojson: ");
}

#[test]
fn the_foreign_client_and_its_counterpart_understand_each_other() {
    let Some(python) = python_or_skip() else { return };
    for binary in Binary::all_or_skip() {
        let mut example = example("foreign");
        example.env("NATS_SERVER", binary.path()).stdout(Stdio::piped());
        let mut example = example.spawn().unwrap();
        let mut lines = BufReader::new(example.stdout.take().unwrap()).lines().map(Result::unwrap);
        // It says how the other half is started, as a user would read it.
        let mut told = Vec::new();
        let command = loop {
            let line = lines.next().expect("it says how to go on");
            match line.strip_prefix("now start: python3 ") {
                Some(command) => break command.to_owned(),
                None => told.push(line),
            }
        };
        let output = Command::new(&python)
            .current_dir(Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap())
            .args(command.split(' '))
            .output()
            .unwrap();
        assert!(output.status.success(), "{}", text(&output.stderr));
        told.extend(lines);
        assert!(example.wait().unwrap().success(), "{told:#?}");
        told.sort_unstable();
        let mut expected = [
            "reader: ann orders tea, trace 00f067",
            "reader: Zoë orders thé vert 🍵, trace 00f067",
            "reader: ann orders tea, trace none",
            "reader: josé orders maté 🧉, trace 4bf92f",
            "reader: nobody orders water, trace none",
            "reader: the record at offset 5 could not be decoded, and the next receive goes on after it: the payload is not valid Json for this type",
            "group:  ann is billed for tea, key ann",
            "group:  Zoë is billed for thé vert 🍵, key Zo\\xc3\\xab",
            "group:  ann is billed for tea, key none",
            "group:  josé is billed for maté 🧉, key jos\\xc3\\xa9",
            "group:  nobody is billed for water, key \\x00\\xff",
            "group:  given up: two cups, please",
        ];
        expected.sort_unstable();
        assert_eq!(told, expected);
    }
}
