//! Reads the library's sources and fails on a forbidden arrow, and on what must be in one place.

use std::collections::HashMap;
use std::fs;
use std::path::{Path, PathBuf};

/// Plain data at the bottom; every module may use these.
const DATA: &[&str] = &[
    "name",
    "options",
    "position",
    "key",
    "headers",
    "record",
    "schema",
    "dictionary",
    "error",
    "backoff",
    "exclusive",
    "foreign",
    "stopping",
    "docs",
];

/// What each module above the data may use beside itself and the data.
const ARROWS: &[(&str, &[&str])] = &[
    // Siblings: neither knows the other.
    ("codec", &[]),
    ("engine", &[]),
    // What a back end is asked for; of the engine, what statistics look like.
    ("spi", &["engine"]),
    ("topic", &["codec"]),
    // Compares types with what they were.
    ("schema/compat", &["codec", "topic"]),
    ("payload", &["codec", "topic"]),
    ("message", &["codec", "engine", "payload"]),
    // What handles do where their topic is kept elsewhere.
    ("remote", &["engine", "spi"]),
    // Neighbours: neither knows the other.
    ("publisher", &["codec", "engine", "message", "payload", "spi", "remote"]),
    ("subscriber", &["codec", "engine", "message", "payload", "remote"]),
    // What a group gave up, and what is handed to its members.
    ("dead_letter", &["codec", "engine", "message", "payload"]),
    ("delivery", &["codec", "engine", "message", "payload", "spi", "remote", "dead_letter"]),
    (
        "consumer",
        &["codec", "engine", "message", "payload", "spi", "remote", "dead_letter", "delivery"],
    ),
    ("stream", &["message", "payload", "subscriber", "consumer", "delivery"]),
    ("worker", &["codec", "message", "payload", "dead_letter", "delivery", "consumer"]),
    // Builds the handles.
    (
        "broker",
        &[
            "codec",
            "engine",
            "spi",
            "topic",
            "payload",
            "message",
            "remote",
            "publisher",
            "subscriber",
            "stream",
            "dead_letter",
            "delivery",
            "consumer",
        ],
    ),
    // Describes what runs, and is called by who has a broker.
    ("schema/document", &["broker", "codec", "engine", "topic"]),
    // Shows what the others say, and is used by nothing.
    ("serial", &["bridge", "engine", "worker"]),
    // Uses handles as a program does.
    (
        "bridge",
        &[
            "broker",
            "codec",
            "consumer",
            "message",
            "payload",
            "publisher",
            "spi",
            "subscriber",
            "topic",
        ],
    ),
    // Uses everything as a program does, and is used by nothing.
    (
        "conformance",
        &[
            "broker",
            "codec",
            "consumer",
            "dead_letter",
            "delivery",
            "engine",
            "message",
            "payload",
            "publisher",
            "spi",
            "subscriber",
            "topic",
            "worker",
        ],
    ),
];

struct Source {
    /// Below `src`, with slashes.
    path: String,
    text: String,
}

impl Source {
    /// Lines of code: no comments, and nothing from the unit tests on.
    fn code(&self) -> impl Iterator<Item = &str> {
        self.text
            .lines()
            .take_while(|line| {
                !line.starts_with("#[cfg(test)]") && !line.starts_with("#[cfg(all(test")
            })
            .filter(|line| !line.trim_start().starts_with("//"))
    }

    /// The module at the top of the crate that the file belongs to.
    fn module(&self) -> &str {
        // Data is at the bottom, and what is told of types with it is not.
        for above in ["schema/compat", "schema/document"] {
            if self.path.starts_with(above) {
                return above;
            }
        }
        let first = self.path.split('/').next().unwrap_or_default();
        first.strip_suffix(".rs").unwrap_or(first)
    }
}

fn sources() -> Vec<Source> {
    fn collect(root: &Path, folder: PathBuf, into: &mut Vec<Source>) {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.ends_with("tests") || path.ends_with("tests.rs") {
                // Unit tests may do what they like.
            } else if path.is_dir() {
                collect(root, path, into);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                let text = fs::read_to_string(&path).unwrap();
                let path = path.strip_prefix(root).unwrap().to_str().unwrap().replace('\\', "/");
                into.push(Source { path, text });
            }
        }
    }
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../memq/src");
    let mut sources = Vec::new();
    collect(&root, root.clone(), &mut sources);
    sources.sort_by(|a, b| a.path.cmp(&b.path));
    assert!(sources.len() > 20, "the sources are elsewhere now");
    sources
}

/// Fails with every line that breaks a rule.
fn assert_none(broken: Vec<String>) {
    assert!(broken.is_empty(), "\n{}\n", broken.join("\n"));
}

/// Files in which a line of code holds one of these, but for those where it may.
fn holding(words: &[&str], allowed: &[&str]) -> Vec<String> {
    let mut found = Vec::new();
    for source in sources().iter().filter(|source| !allowed.contains(&&*source.path)) {
        for line in source.code() {
            if let Some(word) = words.iter().find(|word| line.contains(**word)) {
                found.push(format!("{}: {word}: {}", source.path, line.trim()));
            }
        }
    }
    found
}

/// Names that `lib.rs` re-exports, and the module each comes from.
fn exported(sources: &[Source]) -> HashMap<String, String> {
    let lib = sources.iter().find(|source| source.path == "lib.rs").unwrap();
    let code: String = lib.code().collect::<Vec<_>>().join(" ");
    let mut names = HashMap::new();
    for statement in code.split("pub use self::").skip(1) {
        let statement = statement.split(';').next().unwrap();
        let module = statement.split("::").next().unwrap();
        for name in statement.split(|c: char| !c.is_alphanumeric() && c != '_') {
            if name.starts_with(char::is_uppercase) {
                names.insert(name.to_string(), module.to_string());
            }
        }
    }
    names
}

/// The modules of the crate that a line names.
fn named<'a>(line: &'a str, exported: &'a HashMap<String, String>) -> Vec<&'a str> {
    let mut modules = Vec::new();
    for (at, _) in line.match_indices("crate::") {
        let rest = &line[at + "crate::".len()..];
        let end = rest.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(rest.len());
        let name = &rest[..end];
        modules.push(exported.get(name).map_or(name, String::as_str));
    }
    modules
}

#[test]
fn arrows_point_down_only() {
    let sources = sources();
    let exported = exported(&sources);
    let mut broken = Vec::new();
    for source in sources.iter().filter(|source| source.path != "lib.rs") {
        let module = source.module();
        let above = ARROWS.iter().find(|(name, _)| *name == module);
        if above.is_none() && !DATA.contains(&module) {
            broken.push(format!("{}: say in this test where `{module}` belongs", source.path));
            continue;
        }
        let may = above.map_or(&[][..], |(_, may)| may);
        for line in source.code() {
            for used in named(line, &exported) {
                let fine = used == module || DATA.contains(&used) || may.contains(&used);
                if !fine {
                    broken.push(format!("{} uses `{used}`: {}", source.path, line.trim()));
                }
            }
        }
    }
    assert_none(broken);
}

#[test]
fn the_engine_knows_no_format_and_the_codec_no_task() {
    let mut broken = Vec::new();
    for (module, words) in [
        ("engine", &["serde", "codec::", "Codec", "rmp_", "bincode", "postcard"][..]),
        ("codec", &["tokio", "parking_lot", "Offset", ".lock()", "async ", ".await"][..]),
    ] {
        for source in sources().iter().filter(|source| source.module() == module) {
            for line in source.code() {
                if let Some(word) = words.iter().find(|word| line.contains(**word)) {
                    broken.push(format!("{}: {word}: {}", source.path, line.trim()));
                }
            }
        }
    }
    assert_none(broken);
}

/// A path that starts at the crate's root says its module, so that the arrows can be read.
#[test]
fn imports_are_written_so_that_arrows_can_be_read() {
    assert_none(holding(&["use crate::{", "use crate::*", "super::super::super"], &[]));
}

#[test]
fn only_the_root_re_exports_other_modules() {
    let mut broken = Vec::new();
    // `engine/sync.rs` is there to give the engine one of two implementations.
    let free = ["lib.rs", "engine/sync.rs"];
    for source in sources().iter().filter(|source| !free.contains(&&*source.path)) {
        for line in source.code().map(str::trim_start) {
            let exports = line.starts_with("pub use ") || line.starts_with("pub(crate) use ");
            // A module may re-export its own children.
            if exports && !line.contains(" use self::") {
                broken.push(format!("{}: {line}", source.path));
            }
            if line.contains("::*;") && !line.contains("super::*") {
                broken.push(format!("{}: {line}", source.path));
            }
        }
    }
    assert_none(broken);
}

#[test]
fn message_state_is_locked_in_one_file() {
    assert_none(holding(
        &[".lock()", ".try_lock()", "Mutex::new", "RwLock"],
        // The locks of the registry, of the hub and of bindings guard names only, that of a sweeper its
        // handle, that of the recycler memory that nobody uses, and that of `exclusive` is never taken.
        &[
            "engine/topic.rs",
            "engine/topic/sweeper.rs",
            "engine/registry.rs",
            "engine/recycler.rs",
            "engine/sync.rs",
            "broker/binding.rs",
            "broker/hub.rs",
            "exclusive.rs",
        ],
    ));
}

#[test]
fn time_and_tasks_are_each_touched_in_one_file() {
    assert_none(holding(&["Instant::now", "SystemTime::now"], &["engine/clock.rs"]));
    assert_none(holding(
        &["tokio::spawn", ".spawn(", "spawn_blocking", "std::thread::spawn", "thread::Builder"],
        // The cases of back ends do several things at once.
        &["engine/sweep.rs", "conformance/runtime.rs"],
    ));
}

#[test]
fn every_file_says_what_it_is() {
    let silent = |source: &Source| !source.text.starts_with("//! ");
    assert_none(sources().iter().filter(|s| silent(s)).map(|s| s.path.clone()).collect());
}

#[test]
fn files_stay_short() {
    let mut broken = Vec::new();
    for source in sources() {
        let most = 500;
        let lines = source.text.lines().count();
        if lines > most {
            broken.push(format!("{}: {lines} lines, of {most}", source.path));
        }
    }
    assert_none(broken);
}

#[test]
fn nothing_is_left_undone() {
    assert_none(holding(
        &["todo!", "dbg!", "unimplemented!", "println!", "eprintln!", "FIXME", "XXX"],
        &[],
    ));
}

#[test]
fn nothing_is_unsafe_and_no_lint_is_silenced_without_a_reason() {
    assert_none(holding(&["unsafe "], &["engine/slots.rs"]));
    assert_none(holding(&["#[allow(", "#![allow("], &[]));
    let mut broken = Vec::new();
    for source in sources() {
        let code: String = source.code().collect::<Vec<_>>().join(" ");
        for (at, _) in code.match_indices("#[expect(") {
            if !code[at..].split(")]").next().unwrap().contains("reason") {
                broken.push(format!("{}: an `expect` without a reason", source.path));
            }
        }
    }
    assert_none(broken);
}

#[test]
fn no_name_is_made_of_empty_words() {
    for word in ["Manager", "Helper", "Factory", "prelude", "Shard", " LRU", "Lru"] {
        assert_none(holding(&[word], &[]));
    }
}
