//! The lock file: who writes it, what is in it, and which of its versions are asked.

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;

use schemars::JsonSchema;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::codec::{Bincode, Codec, Json, Native, Postcard};
use crate::schema::compat::{Bless, CompatError, Mode, Report, Subject, Verdict, check};
use crate::schema::{Fingerprint, Lineage};
use crate::topic::{Topic, TopicSpec};

macro_rules! topics {
    ($($name:ident $version:literal $codec:ty, $shape:expr, $lineage:expr, { $($fields:tt)* })*) => { $(
        #[derive(Debug, Serialize, Deserialize, JsonSchema)]
        struct $name { $($fields)* }

        impl Topic for $name {
            type Codec = $codec;
            const SPEC: TopicSpec = TopicSpec::new("orders").version($version);
            const SHAPE: Option<Fingerprint> = $shape;
            const LINEAGE: Lineage<Self> = $lineage;
        }
    )* };
}

topics! {
    One 1 Json, None, Lineage::first(), { item: String }
    OneMore 1 Json, None, Lineage::first(), { item: String, #[serde(default)] count: u32 }
    OneNeeded 1 Json, None, Lineage::first(), { item: String, count: u32 }
    OneOther 1 Json, None, Lineage::first(), { name: String }
    Two 2 Json, None, Lineage::from::<One>(), { items: Vec<String> }
    TwoAlone 2 Json, None, Lineage::first(), { items: Vec<String> }
    TwoPacked 2 Postcard, None, Lineage::from::<One>(), { items: Vec<String> }
    Three 3 Json, None, Lineage::from::<Two>(), { items: Vec<String>, note: String }
    Packed 1 Postcard, None, Lineage::first(), { item: String }
    Shaped 1 Postcard, Some(Fingerprint::of("shaped")), Lineage::first(), { item: String }
    Reshaped 1 Postcard, Some(Fingerprint::of("reshaped")), Lineage::first(), { item: String }
    Mapped 1 Json, None, Lineage::first(), { item: String, counts: BTreeMap<u8, u8> }
    Turned 1 Json, None, Lineage::first(), { counts: BTreeMap<u8, u8>, item: String }
    Binary 1 Bincode, None, Lineage::first(), { item: String }
    Local 1 Native, None, Lineage::first(), { item: String }
}

impl From<One> for Two {
    fn from(one: One) -> Self {
        Self { items: vec![one.item] }
    }
}

impl From<One> for TwoPacked {
    fn from(one: One) -> Self {
        Self { items: vec![one.item] }
    }
}

impl From<Two> for Three {
    fn from(two: Two) -> Self {
        Self { items: two.items, note: String::new() }
    }
}

/// A lock file of a test's own.
struct File(PathBuf);

impl File {
    fn new(test: &str) -> Self {
        let folder = std::env::temp_dir().join(format!("memq-locks-{}-{test}", std::process::id()));
        Self(folder.join("orders.json"))
    }

    fn check<T: Topic + JsonSchema + DeserializeOwned>(
        &self,
        mode: Mode,
        bless: Bless,
    ) -> Result<Report, CompatError> {
        check(&Subject::of::<T>()?, T::SPEC.name(), &self.0, mode, bless)
    }

    fn bless<T: Topic + JsonSchema + DeserializeOwned>(&self) {
        assert!(self.check::<T>(Mode::Backward, Bless::Add).unwrap().blessed);
    }

    fn text(&self) -> String {
        fs::read_to_string(&self.0).unwrap()
    }
}

impl Drop for File {
    fn drop(&mut self) {
        if let Some(folder) = self.0.parent() {
            // Where it was never written there is nothing to remove.
            let _ = fs::remove_dir_all(folder);
        }
    }
}

#[test]
fn nothing_is_written_unless_it_is_said() {
    let file = File::new("said");
    let missing = file.check::<One>(Mode::Backward, Bless::No).unwrap_err();
    assert!(matches!(missing, CompatError::Missing { .. }));
    assert!(missing.to_string().contains("run this test once with MEMQ_BLESS=1"), "{missing}");
    assert!(!file.0.exists());

    file.bless::<One>();
    let text = file.text();
    assert!(!file.check::<One>(Mode::Full, Bless::No).unwrap().blessed);

    let outdated = file.check::<OneMore>(Mode::Full, Bless::No).unwrap_err();
    assert!(matches!(outdated, CompatError::Outdated { .. }), "{outdated}");
    assert!(outdated.to_string().contains("MEMQ_BLESS=1"), "{outdated}");
    assert_eq!(file.text(), text);
}

#[test]
fn a_file_is_in_one_order_and_read_as_it_was_written() {
    let file = File::new("order");
    file.bless::<One>();
    file.bless::<OneMore>();
    let text = file.text();
    assert!(
        text.starts_with("{\n  \"memq\": 1,\n  \"topic\": \"orders\",\n  \"versions\": [\n    {\n")
    );
    assert!(text.ends_with("\n}\n"));
    let lock = crate::schema::compat::lock::Lock::parse(&text).unwrap();
    assert_eq!(lock.to_text(), text);
    let entries: Vec<_> =
        lock.entries.iter().map(|entry| (entry.version, entry.revision)).collect();
    assert_eq!(entries, [(1, 1), (1, 2)]);
    assert!(!file.check::<OneMore>(Mode::Full, Bless::Add).unwrap().blessed, "it is there already");
}

#[test]
fn what_breaks_is_never_blessed_but_can_replace_what_was_not_released() {
    let file = File::new("replace");
    file.bless::<One>();
    file.bless::<OneMore>();
    let text = file.text();
    let broken = file.check::<OneOther>(Mode::Backward, Bless::Add).unwrap_err();
    assert!(matches!(broken, CompatError::Incompatible(_)), "{broken}");
    assert_eq!(file.text(), text);

    // The entry before the last is still there, and still breaks.
    assert!(file.check::<OneOther>(Mode::Backward, Bless::Replace).is_err());
    assert!(file.check::<OneNeeded>(Mode::BackwardTransitive, Bless::Replace).is_err());
    assert_eq!(file.text(), text);

    // What is compatible is added: what was written before is never forgotten without need.
    let file = File::new("replace-none");
    file.bless::<One>();
    assert!(file.check::<OneMore>(Mode::Full, Bless::Replace).unwrap().blessed);
    let lock = crate::schema::compat::lock::Lock::parse(&file.text()).unwrap();
    assert_eq!(lock.entries.len(), 2);

    let file = File::new("replace-one");
    file.bless::<One>();
    assert!(file.check::<OneOther>(Mode::Full, Bless::Replace).unwrap().blessed);
    assert!(!file.text().contains("item"));
    assert!(file.check::<OneOther>(Mode::Full, Bless::No).is_ok());
}

#[test]
fn transitive_modes_ask_for_all_and_name_the_one_that_breaks() {
    let file = File::new("transitive");
    file.bless::<One>();
    file.bless::<OneMore>();
    // What was written since then has the field.
    file.bless::<OneNeeded>();
    file.check::<OneNeeded>(Mode::Backward, Bless::No).unwrap();
    let error = file.check::<OneNeeded>(Mode::BackwardTransitive, Bless::No).unwrap_err();
    assert_eq!(
        error.to_string(),
        "version 1 of `orders` is not compatible (BackwardTransitive)\n  \
         backward, version 1: `.count`: new readers need this field, old records lack it; \
         give it `#[serde(default)]`"
    );
    let CompatError::Incompatible(report) = error else { panic!("{error}") };
    assert_eq!(report.checks.len(), 2);
    assert_eq!(report.breaks().next().map(|(check, _)| check.revision), Some(1));
    file.check::<OneNeeded>(Mode::ForwardTransitive, Bless::No).unwrap();
}

#[test]
fn a_higher_version_is_read_through_its_lineage_and_never_forward() {
    let file = File::new("lineage");
    file.bless::<One>();
    let alone = file.check::<TwoAlone>(Mode::Backward, Bless::Add).unwrap_err();
    assert!(alone.to_string().contains("have no way from version 1; say `upcast_from`"), "{alone}");

    let report = file.check::<Two>(Mode::Backward, Bless::Add).unwrap();
    assert_eq!(report.checks[0].verdict, Verdict::Upcast);
    assert!(report.to_string().contains("read by its own type and upcast"), "{report}");
    let forward = file.check::<Two>(Mode::Full, Bless::No).unwrap_err();
    assert!(forward.to_string().contains("which readers of version 1 refuse"), "{forward}");

    let report = file.check::<Three>(Mode::BackwardTransitive, Bless::Add).unwrap();
    let versions: Vec<u16> = report.checks.iter().map(|check| check.version).collect();
    assert_eq!(versions, [1, 2]);
}

#[test]
fn an_older_type_is_held_to_its_own_version() {
    let file = File::new("older");
    file.bless::<One>();
    file.bless::<Two>();
    file.check::<One>(Mode::FullTransitive, Bless::No).unwrap();
    assert!(file.check::<OneOther>(Mode::Backward, Bless::No).is_err());
    // A change of it takes its place before the later ones.
    file.bless::<OneMore>();
    let lock = crate::schema::compat::lock::Lock::parse(&file.text()).unwrap();
    let entries: Vec<_> =
        lock.entries.iter().map(|entry| (entry.version, entry.revision)).collect();
    assert_eq!(entries, [(1, 1), (1, 2), (2, 1)]);
}

#[test]
fn formats_are_not_changed_in_any_version() {
    let file = File::new("formats");
    file.bless::<One>();
    let error = file.check::<Packed>(Mode::Backward, Bless::Add).unwrap_err();
    assert!(
        error.to_string().contains("old records are Json, new readers take Postcard"),
        "{error}"
    );
    let error = file.check::<TwoPacked>(Mode::Backward, Bless::Add).unwrap_err();
    assert!(error.to_string().contains("a topic has one for all versions"), "{error}");

    let file = File::new("formats-without-names");
    file.bless::<Packed>();
    assert!(file.check::<Binary>(Mode::Backward, Bless::Add).is_err());
}

#[test]
fn the_order_of_fields_is_no_change_where_they_have_names() {
    let file = File::new("fields");
    file.bless::<Mapped>();
    assert!(file.text().contains("\"layout\""), "the keys are in it");
    file.check::<Turned>(Mode::FullTransitive, Bless::No).unwrap();
}

/// Readers compare fingerprints, so a change that would do no harm to the bytes breaks all the same.
#[test]
fn another_fingerprint_breaks_where_records_carry_it() {
    let file = File::new("fingerprints");
    file.bless::<Shaped>();
    file.check::<Shaped>(Mode::Full, Bless::No).unwrap();
    let error = file.check::<Reshaped>(Mode::Backward, Bless::Add).unwrap_err();
    let print = Fingerprint::of("shaped").to_string();
    assert!(error.to_string().contains(&format!("carry the fingerprint {print}")), "{error}");
    // A type that says none reads whatever has its layout.
    file.check::<Packed>(Mode::Backward, Bless::Add).unwrap();
}

#[test]
fn files_that_are_none_are_named() {
    let file = File::new("malformed");
    file.bless::<One>();
    let text = file.text();
    for (from, to, what) in [
        ("\"memq\": 1", "\"memq\": 2", "`memq` is 2 where 1 is known"),
        ("\"topic\"", "\"of\"", "`topic` is missing"),
        ("\"version\": 1", "\"version\": 0", "`versions[0].version` is no version"),
        ("\"Json\"", "\"Yaml\"", "`versions[0].format` is none that is known"),
        ("\"written\"", "\"write\"", "`versions[0].written` is missing"),
        ("{\n", "", "expected"),
    ] {
        assert!(text.contains(from), "{from}");
        fs::write(&file.0, text.replacen(from, to, 1)).unwrap();
        let error = file.check::<One>(Mode::Backward, Bless::Add).unwrap_err();
        assert!(matches!(error, CompatError::Malformed { .. }), "{to}: {error}");
        if what != "expected" {
            assert!(error.to_string().contains(what), "{error}");
        }
    }
    fs::write(&file.0, text.replace("\"orders\"", "\"payments\"")).unwrap();
    let error = file.check::<One>(Mode::Backward, Bless::Add).unwrap_err();
    assert!(matches!(error, CompatError::Topic { .. }), "{error}");
    assert!(error.to_string().contains("the lock file of `payments`"), "{error}");
}

#[test]
fn what_has_no_bytes_has_no_schema() {
    let file = File::new("native");
    assert_eq!(<Native as Codec<Local>>::FORMAT, crate::options::Format::Native);
    let error = file.check::<Local>(Mode::Backward, Bless::Add).unwrap_err();
    assert!(matches!(error, CompatError::Format { .. }), "{error}");
    assert!(!file.0.exists());
}
