//! Whether readers of one schema take whatever is written by another: the rules of formats whose
//! fields have names.

mod kinds;
mod object;
mod untagged;

use std::collections::HashSet;

use serde_json::Value;

use self::kinds::{describe, describe_all};
use super::model::{Alternative, Document, Text};
use super::words::{Break, Direction};

/// What is written against what is read.
pub(super) struct Comparison<'d> {
    written: Document<'d>,
    read: Document<'d>,
    direction: Direction,
    /// Whether texts and keys are written as such also where a type has a shorter form of its own,
    /// as in formats that people read.
    readable: bool,
    /// Pairs that are being compared further out, or were: those of a type that holds itself.
    seen: HashSet<(String, String)>,
}

impl<'d> Comparison<'d> {
    /// Everything that does not fit.
    pub(super) fn of(
        written: &'d Value,
        read: &'d Value,
        direction: Direction,
        readable: bool,
    ) -> Vec<Break> {
        let (w, r) = (Document(written), Document(read));
        let mut this = Self { written: w, read: r, direction, readable, seen: HashSet::new() };
        this.schemas(written, read, "")
    }

    /// Compares two schemas at one place.
    fn schemas(&mut self, written: &Value, read: &Value, path: &str) -> Vec<Break> {
        // What has not changed is fine, also where it is not understood.
        if written == read && !refers(written) {
            return Vec::new();
        }
        if !self.seen.insert((written.to_string(), read.to_string())) {
            return Vec::new();
        }
        let broken = match (self.written.alternatives(written), self.read.alternatives(read)) {
            (Ok(written), Ok(read)) => self.all(&written, &read, path),
            (Err(what), _) | (_, Err(what)) => vec![Break::unjudged(path, what)],
        };
        if !broken.is_empty() {
            // What does not fit here is said again where it is met at another place.
            self.seen.remove(&(written.to_string(), read.to_string()));
        }
        broken
    }

    fn all(&mut self, written: &[Alternative], read: &[Alternative], path: &str) -> Vec<Break> {
        let mut broken = Vec::new();
        for (index, alternative) in written.iter().enumerate() {
            for one in singly(alternative) {
                broken.extend(self.one(&one, &written[..index], read, path));
            }
        }
        broken
    }

    /// One kind of value, against everything that is read.
    fn one(
        &mut self,
        written: &Alternative,
        before: &[Alternative],
        read: &[Alternative],
        path: &str,
    ) -> Vec<Break> {
        let mut best: Option<(usize, Vec<Break>)> = None;
        for (index, alternative) in read.iter().enumerate() {
            let Some(distance) = self.distance(written, alternative) else { continue };
            let broken = self.pair(written, alternative, path);
            if broken.is_empty() {
                return self.captured(written, before, read, index, path);
            }
            let rank = distance + broken.len();
            if best.as_ref().is_none_or(|(least, _)| rank < *least) {
                best = Some((rank, broken));
            }
        }
        match best {
            Some((_, broken)) => broken,
            None => vec![self.nothing_like(written, read, path)],
        }
    }

    /// Nothing that is read is of the kind that is written.
    fn nothing_like(&self, written: &Alternative, read: &[Alternative], path: &str) -> Break {
        let (records, readers) = (self.direction.records(), self.direction.readers());
        if let Some(name) = variant(written, read) {
            return Break::new(
                path,
                format!("{records} may have `{name}` here, which {readers} do not know"),
                match self.direction {
                    Direction::Backward => format!(
                        "keep the variant, or say its old name by `#[serde(alias = \"{name}\")]`"
                    ),
                    Direction::Forward => {
                        "update every reader before anybody writes it, and check \
                                           `Mode::Backward`"
                            .to_owned()
                    }
                },
            );
        }
        if *written == Alternative::Null {
            return Break::new(
                path,
                format!("{records} may have nothing here, {readers} take {}", describe_all(read)),
                self.direction.keep("the `Option`"),
            );
        }
        Break::new(
            path,
            format!(
                "{records} have {} here, {readers} take {}",
                describe(written),
                describe_all(read)
            ),
            self.direction.keep("the type"),
        )
    }
}

/// Whether a schema is also what it refers to.
fn refers(schema: &Value) -> bool {
    match schema {
        Value::Object(object) => object.contains_key("$ref") || object.values().any(refers),
        Value::Array(all) => all.iter().any(refers),
        _ => false,
    }
}

/// A list of texts as one at a time: each may be taken by another alternative.
fn singly(alternative: &Alternative) -> Vec<Alternative> {
    match alternative {
        Alternative::Text(text) => match &text.only {
            Some(only) => {
                let one =
                    |name: &String| Text { only: Some([name.clone()].into()), ..text.clone() };
                only.iter().map(|name| Alternative::Text(one(name))).collect()
            }
            None => vec![alternative.clone()],
        },
        Alternative::Bool(None) => {
            vec![Alternative::Bool(Some(false)), Alternative::Bool(Some(true))]
        }
        _ => vec![alternative.clone()],
    }
}

/// The name of the variant that is written, where there are others.
fn variant(written: &Alternative, read: &[Alternative]) -> Option<String> {
    let of = |alternative: &Alternative| match alternative {
        Alternative::Text(Text { only: Some(only), .. }) if only.len() == 1 => {
            only.first().cloned()
        }
        Alternative::Object(object) => object.variant(),
        _ => None,
    };
    let any = read.iter().any(|alternative| match alternative {
        Alternative::Text(text) => text.only.is_some(),
        Alternative::Object(object) => object.variant().is_some(),
        _ => false,
    });
    of(written).filter(|_| any)
}
