//! Changes of types, in every format and both ways: what is said is what happens.
//!
//! Where the verdict is stricter than what happens to bytes, the change says so and why. It is never
//! laxer.

mod containers;
mod enums;
mod fields;
mod numbers;
mod tagged;
mod untagged;

use super::kit::{Case, Side, Truth};
use crate::options::Format;
use crate::schema::compat::Direction::{self, Backward, Forward};

/// Formats, a direction, and why the verdict is stricter than what happens.
type Stricter = (&'static str, Direction, &'static str);

/// Everything that is wrong with the table, and how many rows and cells it has.
#[derive(Default)]
struct Table {
    changes: usize,
    read: usize,
    broken: usize,
    wrong: Vec<String>,
}

/// One change.
struct Row<'t> {
    name: &'static str,
    renames: &'static [[&'static str; 3]],
    stricter: &'static [Stricter],
    /// Whether names of variants count that are not in the bytes.
    named: bool,
    table: &'t mut Table,
}

impl Row<'_> {
    fn format(&mut self, format: Format, old: &Side, new: &Side) {
        let name = format.to_string();
        let backward = old.truth(new, self.renames, self.named);
        self.cell(&name, Backward, &old.verdict(new, Backward), &backward);
        let forward = new.truth(old, self.renames, self.named);
        self.cell(&name, Forward, &old.verdict(new, Forward), &forward);
    }

    fn cell(
        &mut self,
        format: &str,
        direction: Direction,
        breaks: &[crate::schema::compat::Break],
        truth: &Truth,
    ) {
        let stricter = self.stricter.iter().any(|(formats, way, _)| {
            *way == direction && formats.split(' ').any(|one| one == format)
        });
        let said = match breaks.first() {
            None => "compatible".to_owned(),
            Some(one) => one.to_string(),
        };
        let right = match truth {
            Truth::Read => breaks.is_empty() != stricter,
            Truth::Broken(_) => !breaks.is_empty() && !stricter,
            // Nothing can be said of a type that the format does not carry, but that.
            Truth::NotCarried => breaks.iter().any(|one| !one.judged) && !stricter,
        };
        match truth {
            Truth::Read => self.table.read += 1,
            Truth::Broken(_) | Truth::NotCarried => self.table.broken += 1,
        }
        if !right {
            self.table.wrong.push(format!(
                "{}, {format}, {direction}{}: said: {said}; happens: {truth:?}",
                self.name,
                if stricter { ", said to be stricter" } else { "" }
            ));
        }
    }
}

/// Their names are those that rows say.
const FORMATS: [Format; 4] = [Format::Json, Format::MessagePack, Format::Postcard, Format::Bincode];

/// Two versions of a type `T`, with values of each. `named true` where another variant is a break though
/// the bytes are the same.
macro_rules! change {
    (
        $name:ident
        { $($old:item)* } [$($before:expr),* $(,)?]
        { $($new:item)* } [$($after:expr),* $(,)?]
        $(alias [$($alias:expr),*])?
        $(stricter [$($stricter:expr),* $(,)?])?
        $(named $named:literal)?
    ) => {
        mod $name {
            mod old {
                use super::super::imports::*;
                $(#[derive(Debug, Serialize, Deserialize, JsonSchema)] $old)*
                pub(super) fn values() -> Vec<T> { vec![$($before),*] }
                impl Case for T { const ALIASES: &[[&str; 3]] = &[]; }
            }
            mod new {
                use super::super::imports::*;
                $(#[derive(Debug, Serialize, Deserialize, JsonSchema)] $new)*
                pub(super) fn values() -> Vec<T> { vec![$($after),*] }
                impl Case for T { const ALIASES: &[[&str; 3]] = &[$($($alias),*)?]; }
            }
            #[allow(unused_imports, reason = "not every change is stricter")]
            use crate::schema::compat::Direction::{Backward, Forward};
            use super::super::{Case, FORMATS, Row, Side, Table};
            pub(super) fn add(table: &mut Table) {
                table.changes += 1;
                let (stricter, named) = (&[$($($stricter),*)?], false $(|| $named)?);
                let renames = <new::T as Case>::ALIASES;
                let mut row = Row { name: stringify!($name), renames, stricter, named, table };
                for format in FORMATS {
                    let old = Side::new(format, &old::values());
                    row.format(format, &old, &Side::new(format, &new::values()));
                }
            }
        }
    };
}
use change;

#[test]
fn what_is_said_is_what_happens_to_bytes() {
    let mut table = Table::default();
    fields::add(&mut table);
    numbers::add(&mut table);
    enums::add(&mut table);
    containers::add(&mut table);
    tagged::add(&mut table);
    untagged::add(&mut table);
    assert!(table.wrong.is_empty(), "\n{}\n", table.wrong.join("\n"));
    assert!(table.changes >= 60, "{} changes", table.changes);
    assert!(table.read > 120 && table.broken > 120, "{} and {}", table.read, table.broken);
}
