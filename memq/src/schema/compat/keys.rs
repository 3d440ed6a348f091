//! Keys of maps where fields have names: JSON Schema says only whether they are whole numbers.

use super::layout::{Layout, Named};
use super::words::{Break, Direction};

/// Whole numbers, with the least and the greatest of each.
const NUMBERS: &[(&str, i128, i128)] = &[
    ("u8", 0, u8::MAX as i128),
    ("u16", 0, u16::MAX as i128),
    ("u32", 0, u32::MAX as i128),
    ("u64", 0, u64::MAX as i128),
    ("u128", 0, i128::MAX),
    ("i8", i8::MIN as i128, i8::MAX as i128),
    ("i16", i16::MIN as i128, i16::MAX as i128),
    ("i32", i32::MIN as i128, i32::MAX as i128),
    ("i64", i64::MIN as i128, i64::MAX as i128),
    ("i128", i128::MIN, i128::MAX),
];

/// Keys of one side against keys of the other.
#[derive(Clone, Copy, Debug)]
pub(super) struct Keys {
    pub(super) direction: Direction,
    /// Whether every key is written as text.
    pub(super) readable: bool,
}

impl Keys {
    /// Keys that do not fit. What else does not is a matter of the schemas.
    pub(super) fn compare(self, written: &Layout, read: &Layout, path: &str) -> Vec<Break> {
        match (written, read) {
            (Layout::Map(key, value), Layout::Map(read_key, read_value)) => {
                let mut broken = self.compare(value, read_value, &format!("{path}{{}}"));
                broken.extend(self.key(key, read_key, &format!("{path}{{key}}")));
                broken
            }
            (Layout::Option(written), Layout::Option(read)) => self.compare(written, read, path),
            (written, Layout::Option(read)) => self.compare(written, read, path),
            (Layout::Option(written), read) => self.compare(written, read, path),
            (Layout::List(written), Layout::List(read)) => {
                self.compare(written, read, &format!("{path}[]"))
            }
            (Layout::Tuple(written), Layout::Tuple(read)) => {
                let pairs = written.iter().zip(read).enumerate();
                let part = |(index, (written, read)): (usize, (&Layout, &Layout))| {
                    self.compare(written, read, &format!("{path}[{index}]"))
                };
                pairs.flat_map(part).collect()
            }
            (Layout::Struct(written), Layout::Struct(read))
            | (Layout::Enum(written), Layout::Enum(read)) => {
                let pair = |one: &Named| {
                    let other = read.iter().find(|other| other.is(one))?;
                    let path = format!("{path}.{}", other.name);
                    Some(self.compare(&one.layout, &other.layout, &path))
                };
                written.iter().filter_map(pair).flatten().collect()
            }
            _ => Vec::new(),
        }
    }

    fn key(self, written: &Layout, read: &Layout, path: &str) -> Option<Break> {
        let (Layout::Plain(one), Layout::Plain(other)) = (written, read) else { return None };
        let range = |kind: &str| NUMBERS.iter().find(|(number, ..)| *number == kind);
        let fits = match (range(one), range(other)) {
            (Some((_, min, max)), Some((_, least, most))) => min >= least && max <= most,
            _ => one == other || (*other == "str" && (self.readable || *one == "char")),
        };
        let (records, readers) = (self.direction.records(), self.direction.readers());
        (!fits).then(|| {
            Break::new(
                path,
                format!("{records} have keys of {written}, {readers} take {read}"),
                self.direction.keep("the type of the keys"),
            )
        })
    }
}
