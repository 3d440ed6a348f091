//! Values without properties: numbers, texts and lists, and what all of them are called.

use super::Comparison;
use crate::schema::compat::model::{Alternative, Float, Int, List, Text};
use crate::schema::compat::words::{Break, Unjudged};

/// Whole numbers up to this are numbers of `f64` too.
const DOUBLE: i128 = 1 << 53;

/// Whole numbers up to this are numbers of `f32` too.
const SINGLE: i128 = 1 << 24;

/// What a kind of value is called.
pub(super) fn describe(alternative: &Alternative) -> String {
    match alternative {
        Alternative::Any => "anything".to_owned(),
        Alternative::Null => "nothing".to_owned(),
        Alternative::Bool(None) => "a boolean".to_owned(),
        Alternative::Bool(Some(one)) => format!("`{one}`"),
        Alternative::Int(int) if int.min == int.max => format!("`{}`", int.min),
        Alternative::Int(_) => "a whole number".to_owned(),
        Alternative::Float(_) => "a number".to_owned(),
        Alternative::Text(Text { only: Some(only), .. }) => {
            let names: Vec<String> = only.iter().map(|name| format!("`{name}`")).collect();
            names.join(" or ")
        }
        Alternative::Text(Text { max: Some(1), .. }) => "a character".to_owned(),
        Alternative::Text(_) => "text".to_owned(),
        Alternative::List(list) if !list.first.is_empty() => {
            format!("a tuple of {}", list.first.len())
        }
        Alternative::List(_) => "a list".to_owned(),
        Alternative::Object(object) => object.describe(),
    }
}

pub(super) fn describe_all(all: &[Alternative]) -> String {
    let mut words: Vec<String> = all.iter().map(describe).collect();
    words.dedup();
    match words.len() {
        0 => "no value at all".to_owned(),
        _ => words.join(" or "),
    }
}

impl Comparison<'_> {
    /// How unlike two kinds are; `None` where one is never taken for the other.
    pub(super) fn distance(&self, written: &Alternative, read: &Alternative) -> Option<usize> {
        use Alternative::{Any, Bool, Float, Int, List, Null, Object, Text};
        match (written, read) {
            (_, Any) | (Null, Null) => Some(0),
            (Bool(Some(one)), Bool(Some(other))) => (one == other).then_some(0),
            (Bool(_), Bool(_)) | (Float(_), Float(_)) | (List(_), List(_)) => Some(0),
            (Int(one), Int(other)) => {
                let constant = |int: &super::kinds::Int| int.min == int.max;
                let apart = one.max < other.min || other.max < one.min;
                (!(constant(one) && apart)).then_some(0)
            }
            (Int(_), Float(_)) => Some(0),
            (Text(one), Text(other)) => match (&one.only, &other.only) {
                (Some(one), Some(other)) => (!one.is_disjoint(other)).then_some(0),
                _ => Some(0),
            },
            (Object(one), Object(other)) => self.object_distance(one, other),
            _ => None,
        }
    }

    /// One kind against one kind.
    pub(super) fn pair(
        &mut self,
        written: &Alternative,
        read: &Alternative,
        path: &str,
    ) -> Vec<Break> {
        use Alternative::{Any, Bool, Float, Int, List, Null, Object, Text};
        match (written, read) {
            (_, Any) | (Null, Null) | (Bool(_), Bool(_)) => Vec::new(),
            (Int(written), Int(read)) => self.ints(written, read, path),
            (Int(written), Float(read)) => self.int_as_float(written, read, path),
            (Float(written), Float(read)) => self.floats(written, read, path),
            (Text(written), Text(read)) => self.texts(written, read, path),
            (List(written), List(read)) => self.lists(written, read, path),
            (Object(written), Object(read)) => self.objects(written, read, path),
            _ => vec![self.nothing_like(written, std::slice::from_ref(read), path)],
        }
    }

    fn ints(&self, written: &Int, read: &Int, path: &str) -> Vec<Break> {
        let hole = read.hole.filter(|hole| {
            written.hole != Some(*hole) && (written.min..=written.max).contains(hole)
        });
        let (records, readers) = (self.direction.records(), self.direction.readers());
        let what = if written.max > read.max {
            format!("{records} may have {} here, {readers} take {} at most", written.max, read.max)
        } else if written.min < read.min {
            format!("{records} may have {} here, {readers} take {} at least", written.min, read.min)
        } else if let Some(hole) = hole {
            format!("{records} may have {hole} here, which {readers} refuse")
        } else {
            return Vec::new();
        };
        vec![Break::of_values(path, what, self.direction.keep("the wider type"))]
    }

    fn int_as_float(&self, written: &Int, read: &Float, path: &str) -> Vec<Break> {
        let most = if read.single { SINGLE } else { DOUBLE };
        if read.min.is_some() || read.max.is_some() {
            return vec![Break::unjudged(
                path,
                Unjudged("bounds of a floating-point number".into()),
            )];
        }
        if written.max <= most && written.min >= -most {
            return Vec::new();
        }
        let what = format!(
            "{} may have whole numbers beyond {most} here, which {} round",
            self.direction.records(),
            self.direction.readers()
        );
        vec![Break::of_values(path, what, self.direction.keep("the whole number"))]
    }

    fn floats(&self, written: &Float, read: &Float, path: &str) -> Vec<Break> {
        let bounded = read.min.is_some() || read.max.is_some();
        if bounded && (written.min, written.max) != (read.min, read.max) {
            return vec![Break::unjudged(
                path,
                Unjudged("bounds of a floating-point number".into()),
            )];
        }
        if written.single || !read.single {
            return Vec::new();
        }
        let what = format!(
            "{} have `f64` here, which {} round to `f32`",
            self.direction.records(),
            self.direction.readers()
        );
        vec![Break::of_values(path, what, self.direction.keep("`f64`"))]
    }

    fn texts(&self, written: &Text, read: &Text, path: &str) -> Vec<Break> {
        let (records, readers) = (self.direction.records(), self.direction.readers());
        if written == read {
            return Vec::new();
        }
        if let Some(known) = &read.only {
            let one = written.only.as_ref().and_then(|only| only.difference(known).next());
            return match (&written.only, one) {
                (Some(_), None) => Vec::new(),
                (Some(_), Some(_)) => {
                    vec![self.nothing_like(
                        &Alternative::Text(written.clone()),
                        &[Alternative::Text(read.clone())],
                        path,
                    )]
                }
                (None, _) => vec![Break::of_values(
                    path,
                    format!("{records} may have any text here, {readers} only what they know"),
                    self.direction.keep("the text"),
                )],
            };
        }
        if !self.readable && written.format != read.format {
            let what = format!(
                "how {} and {} are written where people do not read them",
                form(written),
                form(read)
            );
            return vec![Break::unjudged(path, Unjudged(what))];
        }
        let wider = match (written.format.as_deref(), read.format.as_deref()) {
            (_, None) | (Some("ipv4" | "ipv6"), Some("ip")) => true,
            (written, read) => written == read,
        };
        let same = read.pattern.is_none() || written.pattern == read.pattern;
        if (!wider || !same) && written.only.is_some() {
            return vec![Break::unjudged(path, Unjudged(format!("whether it is {}", form(read))))];
        }
        if !wider || !same {
            return vec![Break::of_values(
                path,
                format!("{records} have {} here, {readers} take {}", form(written), form(read)),
                self.direction.keep("the wider type"),
            )];
        }
        let lengths = |text: &Text| match &text.only {
            Some(only) => {
                let length = |name: &String| name.chars().count() as u64;
                (only.iter().map(length).min().unwrap_or(0), only.iter().map(length).max())
            }
            None => (text.min, text.max),
        };
        let (min, max) = lengths(written);
        let longer = read.max.is_some_and(|most| max.is_none_or(|max| max > most));
        if longer || min < read.min {
            return vec![Break::of_values(
                path,
                format!("{records} may have longer or shorter text here than {readers} take"),
                self.direction.keep("the wider type"),
            )];
        }
        Vec::new()
    }

    fn lists(&mut self, written: &List, read: &List, path: &str) -> Vec<Break> {
        let (records, readers) = (self.direction.records(), self.direction.readers());
        let longer = read.max.is_some_and(|most| written.max.is_none_or(|max| max > most));
        if longer || written.min < read.min {
            let count = |list: &List| match list.max {
                Some(max) if max == list.min => format!("{max}"),
                Some(max) => format!("{} to {max}", list.min),
                None if list.min == 0 => "any number of".to_owned(),
                None => format!("{} or more", list.min),
            };
            return vec![Break::of_values(
                path,
                format!(
                    "{records} have {} elements here, {readers} take {}",
                    count(written),
                    count(read)
                ),
                self.direction.keep("the length"),
            )];
        }
        let mut broken = Vec::new();
        if read.unique && !written.unique && written.max.is_none_or(|max| max > 1) {
            broken.push(Break::of_values(
                path,
                format!("{records} may have an element twice here, of which {readers} keep one"),
                self.direction.keep("the list"),
            ));
        }
        let first = written.first.len().max(read.first.len());
        for index in 0..first {
            let path = format!("{path}[{index}]");
            let at = |list: &List| list.first.get(index).unwrap_or(&list.rest).clone();
            // Not beyond the end of what is written.
            if written.max.is_none_or(|max| (index as u64) < max) {
                broken.extend(self.schemas(&at(written), &at(read), &path));
            }
        }
        if written.max.is_none_or(|max| max > first as u64) {
            broken.extend(self.schemas(&written.rest, &read.rest, &format!("{path}[]")));
        }
        broken
    }
}

/// What texts of a rule are called.
fn form(text: &Text) -> String {
    match (&text.format, &text.pattern) {
        (Some(format), _) => format!("text of the form `{format}`"),
        (None, Some(pattern)) => format!("text like {pattern}"),
        (None, None) => "any text".to_owned(),
    }
}
