//! Lock files are written where the environment says so, and nowhere else.
#![cfg(all(feature = "schema", feature = "json"))]

use std::fs;
use std::path::Path;
use std::process::Command;

use memq::schema::{Mode, assert_compatible};
use memq::{Topic, TopicSpec};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

#[derive(Serialize, Deserialize, JsonSchema)]
struct Order {
    item: String,
}

impl Topic for Order {
    type Codec = memq::codec::Json;
    const SPEC: TopicSpec = TopicSpec::new("orders");
}

const FILE: &str = "schemas/orders.json";

#[test]
#[ignore = "run by the other test, in a folder and an environment of its own"]
fn orders_can_be_read() {
    assert_compatible::<Order>(FILE, Mode::Backward);
}

/// Runs that test, and gives what it says where it fails.
fn run(folder: &Path, bless: Option<&str>) -> Result<(), String> {
    let mut test = Command::new(std::env::current_exe().expect("a test has a file"));
    test.args(["--exact", "orders_can_be_read", "--ignored", "--nocapture"]);
    test.current_dir(folder).env_remove("MEMQ_BLESS");
    if let Some(word) = bless {
        test.env("MEMQ_BLESS", word);
    }
    let output = test.output().expect("a test can be run");
    let said = [output.stdout, output.stderr].concat();
    let said = String::from_utf8_lossy(&said).into_owned();
    if output.status.success() { Ok(()) } else { Err(said) }
}

#[test]
fn the_environment_says_whether_a_lock_file_is_written() {
    let folder = std::env::temp_dir().join(format!("memq-bless-{}", std::process::id()));
    fs::create_dir_all(&folder).unwrap();
    let file = folder.join(FILE);

    for no in [None, Some(""), Some("0")] {
        let said = run(&folder, no).unwrap_err();
        assert!(said.contains("there is no lock file schemas/orders.json"), "{said}");
        assert!(!file.exists());
    }
    let said = run(&folder, Some("yes")).unwrap_err();
    assert!(said.contains("MEMQ_BLESS is \"yes\": `1` adds"), "{said}");
    assert!(!file.exists());

    run(&folder, Some("1")).unwrap();
    run(&folder, None).unwrap();

    // A field that is gone from the file is one that the type has added.
    let text = fs::read_to_string(&file).unwrap();
    fs::write(&file, text.replace("\"item\"", "\"name\"")).unwrap();
    let said = run(&folder, Some("1")).unwrap_err();
    assert!(said.contains("`.item`: new readers need this field, old records lack it"), "{said}");
    run(&folder, Some("replace")).unwrap();
    assert_eq!(fs::read_to_string(&file).unwrap(), text);

    fs::remove_dir_all(&folder).unwrap();
}
