//! Deep values of types that take much of the stack, on a thread that has little of it. An overflow
//! ends the whole test process.

use super::*;
use crate::error::DecodeError;

#[derive(Clone, Debug, Default, Serialize, Deserialize)]
struct Big {
    i: [[u64; 32]; 8],
}

/// Two kilobytes a level, and several copies of them while it is read.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
struct Fat {
    i: [Big; 1],
    kids: Vec<Fat>,
}

/// As people write them, with kids of any kind.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
struct Wide<K> {
    id: u64,
    name: String,
    parent: Option<u64>,
    city: String,
    street: String,
    price: f64,
    notes: Option<String>,
    tags: Vec<String>,
    open: bool,
    counts: BTreeMap<String, u64>,
    kids: Vec<K>,
}

#[derive(Clone, Debug, Default, Serialize, Deserialize)]
struct Plain(Wide<Plain>);

#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(tag = "kind")]
#[expect(clippy::large_enum_variant, reason = "that it is large is the point")]
enum TaggedWide {
    #[default]
    Leaf,
    Many(Wide<TaggedWide>),
}

#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(tag = "kind")]
enum Tagged {
    Leaf,
    Many { name: String, kids: Vec<Tagged> },
}

#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(untagged)]
enum Untagged {
    Leaf(u64),
    Wide { id: u64, price: f64, name: String },
    Many { name: String, kids: Vec<Untagged> },
}

#[derive(Clone, Debug, Serialize, Deserialize)]
enum External {
    Leaf(u64),
    Many { name: String, parent: Option<u64>, kids: Vec<External> },
}

#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(tag = "kind")]
enum FatTagged {
    Many { i: Big, kids: Vec<FatTagged> },
}

#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(untagged)]
enum FatUntagged {
    Many { i: Big, kids: Vec<FatUntagged> },
}

/// So many of this value in each other. The last field is the list of its kids, which is empty.
fn nest<T>(format: Format, leaf: &T, depth: usize) -> Vec<u8>
where
    T: Serialize + serde::de::DeserializeOwned + Send + Sync + 'static,
{
    let leaf = encode(format, leaf);
    let none = if format == Format::Json { 2 } else { 1 };
    let (one, end): (&[u8], usize) = match format {
        Format::Json => (b"[", leaf.iter().rev().take_while(|byte| **byte == b'}').count()),
        Format::MessagePack => (b"\x91", 0),
        _ => (b"\x01", 0),
    };
    let (before, end) = leaf.split_at(leaf.len() - end);
    let level = [&before[..before.len() - none], one].concat();
    let after = if format == Format::Json { [b"]", end].concat() } else { Vec::new() };
    [level.repeat(depth), leaf.clone(), after.repeat(depth)].concat()
}

/// What a thread with this much stack makes of it, from no depth to far too much.
fn bomb<T>(formats: &'static [Format], leaf: T)
where
    T: Clone + std::fmt::Debug + Serialize + serde::de::DeserializeOwned + Send + Sync + 'static,
{
    let read = move || {
        for format in formats {
            decode::<T>(*format, &nest(*format, &leaf, 1)).unwrap();
            for depth in [10, 20, 30, 40, 60, 80, 126, 200, 1_000, 20_000] {
                match decode::<T>(*format, &nest(*format, &leaf, depth)) {
                    Ok(_) => assert!(depth < 200, "{format} {depth}"),
                    Err(DecodeError::Malformed { .. }) => {}
                    Err(error) => panic!("{format} {depth}: {error}"),
                }
            }
        }
    };
    std::thread::Builder::new().stack_size(1 << 20).spawn(read).unwrap().join().unwrap();
}

const NAMED: &[Format] = &[Format::Json, Format::MessagePack];

#[test]
fn fat_values_do_not_overflow_the_stack() {
    bomb(&FORMATS, Fat::default());
}

#[test]
fn values_with_many_fields_do_not_overflow_the_stack() {
    bomb(&FORMATS, Plain::default());
}

#[test]
fn enums_do_not_overflow_the_stack() {
    bomb(&FORMATS, External::Many { name: String::new(), parent: None, kids: Vec::new() });
}

#[test]
fn tagged_enums_do_not_overflow_the_stack() {
    bomb(NAMED, Tagged::Many { name: String::new(), kids: Vec::new() });
}

#[test]
fn untagged_enums_do_not_overflow_the_stack() {
    bomb(NAMED, Untagged::Many { name: String::new(), kids: Vec::new() });
}

#[test]
fn tagged_enums_with_many_fields_do_not_overflow_the_stack() {
    bomb(NAMED, TaggedWide::Many(Wide::default()));
}

#[test]
fn values_of_any_shape_do_not_overflow_the_stack() {
    bomb(&[Format::Json], serde_json::json!({ "kids": [] }));
}

/// serde reads these out of the guard's sight, and without optimisation a megabyte is too little.
#[test]
fn fat_tagged_and_untagged_enums_do_not_overflow_the_stack() {
    if !cfg!(debug_assertions) {
        bomb(NAMED, FatTagged::Many { i: Big::default(), kids: Vec::new() });
        bomb(NAMED, FatUntagged::Many { i: Big::default(), kids: Vec::new() });
    }
}
