//! Whether what is written can be read where only the order says what is what: the rules of Postcard
//! and Bincode.

use super::layout::{Layout, Named};
use super::words::{Break, Direction, Unjudged};
use crate::options::Format;

/// Numbers of variable length, each of which is written as the next one is.
const UNSIGNED: &[&str] = &["u16", "u32", "u64", "u128"];
const SIGNED: &[&str] = &["i16", "i32", "i64", "i128"];

/// What is written against what is read.
#[derive(Clone, Copy, Debug)]
pub(super) struct Positions {
    pub(super) direction: Direction,
    pub(super) format: Format,
}

impl Positions {
    /// Everything that does not fit.
    pub(super) fn compare(self, written: &Layout, read: &Layout, path: &str) -> Vec<Break> {
        match (written, read) {
            (Layout::Plain(one), Layout::Plain(other)) if self.same_bytes(one, other) => Vec::new(),
            (Layout::Plain("bytes"), Layout::List(inner))
            | (Layout::List(inner), Layout::Plain("bytes"))
                if **inner == Layout::Plain("u8") =>
            {
                Vec::new()
            }
            (Layout::Option(written), Layout::Option(read)) => self.compare(written, read, path),
            (Layout::List(written), Layout::List(read)) => {
                self.compare(written, read, &format!("{path}[]"))
            }
            (Layout::Map(key, value), Layout::Map(read_key, read_value)) => {
                let mut broken = self.compare(key, read_key, &format!("{path}{{key}}"));
                broken.extend(self.compare(value, read_value, &format!("{path}{{}}")));
                broken
            }
            (Layout::Tuple(written), Layout::Tuple(read)) if written.len() == read.len() => {
                let pairs = written.iter().zip(read).enumerate();
                let part = |(index, (written, read)): (usize, (&Layout, &Layout))| {
                    self.compare(written, read, &format!("{path}[{index}]"))
                };
                pairs.flat_map(part).collect()
            }
            (Layout::Struct(written), Layout::Struct(read)) => self.fields(written, read, path),
            (Layout::Enum(written), Layout::Enum(read)) => self.variants(written, read, path),
            (Layout::Again(one), Layout::Again(other)) if one == other => Vec::new(),
            (Layout::Again(_), _) | (_, Layout::Again(_)) => {
                let what = "a type that holds itself in another way than before";
                vec![Break::unjudged(path, Unjudged(what.to_owned()))]
            }
            _ => vec![self.other(written, read, path)],
        }
    }

    fn same_bytes(self, written: &str, read: &str) -> bool {
        let wider = |numbers: &[&str]| {
            let place = |of: &str| numbers.iter().position(|number| *number == of);
            place(written).zip(place(read)).is_some_and(|(written, read)| written < read)
        };
        written == read
            || wider(UNSIGNED)
            || wider(SIGNED)
            || (self.format == Format::Postcard && (written, read) == ("char", "str"))
    }

    fn other(self, written: &Layout, read: &Layout, path: &str) -> Break {
        let (records, readers) = (self.direction.records(), self.direction.readers());
        Break::new(
            path,
            format!(
                "{records} have {written} here, {readers} take {read}, and {} does not say which",
                self.format
            ),
            self.direction.keep("the type"),
        )
    }

    fn fields(self, written: &[Named], read: &[Named], path: &str) -> Vec<Break> {
        let (records, readers) = (self.direction.records(), self.direction.readers());
        let has = |all: &[Named], one: &Named| all.iter().any(|other| other.is(one));
        let at = |field: &Named| format!("{path}.{}", field.name);
        let mut broken = Vec::new();
        if written.len() != read.len() {
            let format = self.format;
            for field in read.iter().filter(|field| !has(written, field)) {
                let what = format!(
                    "{readers} read this field, {records} lack it, and {format} knows no default"
                );
                broken.push(Break::new(&at(field), what, self.direction.keep("the fields")));
            }
            for field in written.iter().filter(|field| !has(read, field)) {
                let what = format!(
                    "{records} have this field, and {readers} do not pass over it in {format}"
                );
                broken.push(Break::new(&at(field), what, self.direction.keep("the fields")));
            }
            if broken.is_empty() {
                let what = format!(
                    "{records} have {} fields, {readers} read {}",
                    written.len(),
                    read.len()
                );
                broken.push(Break::new(path, what, self.direction.keep("the fields")));
            }
            return broken;
        }
        for (one, other) in written.iter().zip(read) {
            if one.is(other) {
                broken.extend(self.compare(&one.layout, &other.layout, &at(other)));
            } else if has(read, one) || has(written, other) {
                broken.push(Break::new(
                    &at(other),
                    format!(
                        "{records} have `{}` in the place where {readers} read `{}`",
                        one.name, other.name
                    ),
                    "keep the order of the fields".to_owned(),
                ));
            } else {
                broken.push(self.renamed(one, other, &at(other)));
            }
        }
        broken
    }

    /// Another name at the same place: it may be another field, or the same.
    fn renamed(self, written: &Named, read: &Named, path: &str) -> Break {
        let (new, old) = match self.direction {
            Direction::Backward => (read, written),
            Direction::Forward => (written, read),
        };
        let (records, readers) = (self.direction.records(), self.direction.readers());
        Break::new(
            path,
            format!(
                "{records} have `{}` in the place where {readers} read `{}`",
                written.name, read.name
            ),
            format!(
                "where only the name is new, give `{}` `#[serde(alias = \"{}\")]`; else raise `version`",
                new.name, old.name
            ),
        )
    }

    fn variants(self, written: &[Named], read: &[Named], path: &str) -> Vec<Break> {
        let (records, readers) = (self.direction.records(), self.direction.readers());
        let mut broken = Vec::new();
        for (index, one) in written.iter().enumerate() {
            let at = format!("{path}.{}", one.name);
            match read.get(index) {
                None => broken.push(Break::new(
                    &at,
                    format!("{records} may have this variant, which {readers} do not know"),
                    match self.direction {
                        Direction::Backward => "keep the variant, at its place".to_owned(),
                        Direction::Forward => "update every reader before anybody writes it, and \
                                               check `Mode::Backward`"
                            .to_owned(),
                    },
                )),
                Some(other) if one.is(other) => {
                    broken.extend(self.compare(&one.layout, &other.layout, &at));
                }
                Some(other) if read.iter().any(|known| known.is(one)) => {
                    broken.push(Break::new(
                        &at,
                        format!("{readers} read this variant as `{}`", other.name),
                        "keep the order of the variants, and put new ones last",
                    ));
                }
                Some(other) => broken.push(self.renamed(one, other, &at)),
            }
        }
        broken
    }
}
