//! Variants without names, of which the first that takes a value gets it.

use std::collections::HashSet;

use serde_json::Value;

use super::Comparison;
use super::kinds::describe;
use crate::schema::compat::model::{Alternative, List, Object, Rest};
use crate::schema::compat::words::Break;

impl Comparison<'_> {
    /// Whether a variant that is tried earlier takes what another one was written from.
    pub(super) fn captured(
        &mut self,
        written: &Alternative,
        before: &[Alternative],
        read: &[Alternative],
        by: usize,
        path: &str,
    ) -> Vec<Break> {
        let (first, others) = (&read[by], &read[by + 1..]);
        let mut earlier = read[..by].iter().collect::<Vec<_>>();
        if self.is_anothers(written, before, read, by)
            && others.iter().any(|one| self.takes(written, one))
            || !alike(written, first) && others.iter().any(|one| alike(written, one))
        {
            earlier.push(first);
        }
        for candidate in earlier {
            if self.overlap(written, candidate) && !self.is_known(written, before, candidate) {
                return vec![Break::new(
                    path,
                    format!(
                        "{} have {} here, which another variant of {} takes first",
                        self.direction.records(),
                        describe(written),
                        self.direction.readers()
                    ),
                    "put new variants of an `untagged` enum last, and let none take what another \
                     one was written from",
                )];
            }
        }
        Vec::new()
    }

    /// What is written against itself.
    fn as_written(&self) -> Self {
        let Self { written, direction, readable, .. } = *self;
        Self { written, read: written, direction, readable, seen: HashSet::new() }
    }

    /// Whether all that is written is taken.
    fn takes(&mut self, written: &Alternative, read: &Alternative) -> bool {
        self.distance(written, read).is_some() && self.pair(written, read, "").is_empty()
    }

    /// Whether what takes it first is what another variant has become, which did not take it before.
    fn is_anothers(
        &mut self,
        written: &Alternative,
        before: &[Alternative],
        read: &[Alternative],
        by: usize,
    ) -> bool {
        before.iter().any(|old| {
            !self.as_written().takes(written, old)
                && read.iter().position(|one| self.takes(old, one)) == Some(by)
        })
    }

    /// Whether a variant takes no more of what is written than what was tried before it already.
    fn is_known(
        &mut self,
        written: &Alternative,
        before: &[Alternative],
        candidate: &Alternative,
    ) -> bool {
        before.iter().any(|old| {
            self.same(old, candidate, Some(written), &mut HashSet::new())
                || self.as_written().takes(written, old) && self.takes(old, candidate)
        })
    }

    /// Whether both are the same, but for what `always` has anyway: fields that only one of them needs.
    fn same(
        &self,
        written: &Alternative,
        read: &Alternative,
        always: Option<&Alternative>,
        seen: &mut HashSet<(String, String)>,
    ) -> bool {
        match (written, read) {
            (Alternative::Object(written), Alternative::Object(read)) => {
                let always = match always {
                    Some(Alternative::Object(always)) => always,
                    _ => &Object::default(),
                };
                let needs = |name| read.required.contains(name) || always.required.contains(name);
                written.properties.keys().eq(read.properties.keys())
                    && written.required.iter().all(needs)
                    && !read.aliases.keys().any(|alias| always.properties.contains_key(alias))
                    && self.same_schemas(
                        written.properties.values(),
                        read.properties.values(),
                        seen,
                    )
                    && match (&written.rest, &read.rest) {
                        (Rest::Entries(keys, values), Rest::Entries(other_keys, others)) => {
                            keys == other_keys && self.same_schemas([values], [others], seen)
                        }
                        (rest, others) => rest == others,
                    }
            }
            (Alternative::List(written), Alternative::List(read)) => {
                written.first.len() == read.first.len()
                    && self.same_schemas(parts(written), parts(read), seen)
                    && (written.min, written.max, written.unique)
                        == (read.min, read.max, read.unique)
            }
            (written, read) => written == read,
        }
    }

    /// Whether these are the same, one by one. What refers to itself is, unless it is found otherwise.
    fn same_schemas<'v>(
        &self,
        written: impl IntoIterator<Item = &'v Value>,
        read: impl IntoIterator<Item = &'v Value>,
        seen: &mut HashSet<(String, String)>,
    ) -> bool {
        written.into_iter().zip(read).all(|(written, read)| {
            if !seen.insert((written.to_string(), read.to_string())) {
                return true;
            }
            match (self.written.alternatives(written), self.read.alternatives(read)) {
                (Ok(some), Ok(others)) => {
                    let same = |(one, other)| self.same(one, other, None, seen);
                    some.len() == others.len() && some.iter().zip(&others).all(same)
                }
                _ => false,
            }
        })
    }

    /// Whether a value may be taken for both.
    fn overlap(&self, written: &Alternative, read: &Alternative) -> bool {
        use Alternative::{Any, Float, Int, List, Object, Text};
        match (written, read) {
            (Any, _) | (_, Any) => true,
            (Int(one), Int(other)) => one.min <= other.max && other.min <= one.max,
            (Int(_), Float(_)) => true,
            (Text(one), Text(other)) => match (&one.only, &other.only) {
                (Some(one), Some(other)) => !one.is_disjoint(other),
                _ => true,
            },
            (List(one), List(other)) => {
                let below = |max: Option<u64>, min: u64| max.is_some_and(|max| max < min);
                !below(one.max, other.min) && !below(other.max, one.min)
            }
            (Object(one), Object(other)) => self.objects_overlap(one, other),
            (List(one), Object(other)) => self.list_overlaps(one, other),
            (one, other) => std::mem::discriminant(one) == std::mem::discriminant(other),
        }
    }

    fn objects_overlap(&self, written: &Object, read: &Object) -> bool {
        let open = matches!(written.rest, Rest::Entries(..));
        read.required.iter().all(|name| match written.properties.get(name) {
            Some(schema) => {
                read.properties.get(name).is_none_or(|read| self.schemas_overlap(schema, read))
            }
            None => {
                open || written.properties.keys().any(|key| read.aliases.get(key) == Some(name))
            }
        }) && (read.rest != Rest::Refused
            || written.required.iter().all(|name| read.takes(name).is_some()))
    }

    /// A struct takes a list of its fields, in an order that a schema does not have.
    fn list_overlaps(&self, written: &List, read: &Object) -> bool {
        let fields = read.properties.len() as u64;
        !matches!(read.rest, Rest::Entries(..))
            && written.min <= fields
            && written.max.is_none_or(|max| max >= read.required.len() as u64)
            && read
                .required
                .iter()
                .filter_map(|name| read.properties.get(name))
                .all(|field| parts(written).any(|element| self.schemas_overlap(element, field)))
    }

    /// Whether two schemas may allow one value. What is not understood may.
    fn schemas_overlap(&self, written: &Value, read: &Value) -> bool {
        match (self.written.alternatives(written), self.read.alternatives(read)) {
            (Ok(some), Ok(others)) => {
                some.iter().any(|one| others.iter().any(|other| self.shallow(one, other)))
            }
            _ => true,
        }
    }

    /// As [`overlap`](Self::overlap), without a look inside.
    fn shallow(&self, written: &Alternative, read: &Alternative) -> bool {
        match (written, read) {
            (Alternative::Object(_) | Alternative::List(_), Alternative::Object(_)) => true,
            _ => self.overlap(written, read),
        }
    }
}

/// The schemas of a list's elements.
fn parts(list: &List) -> impl Iterator<Item = &Value> {
    list.first.iter().chain([&list.rest])
}

/// Whether two kinds look like one variant.
fn alike(written: &Alternative, read: &Alternative) -> bool {
    match (written, read) {
        (Alternative::Object(written), Alternative::Object(read)) => {
            written.properties.keys().eq(read.properties.keys())
        }
        (Alternative::List(written), Alternative::List(read)) => written == read,
        (Alternative::Int(written), Alternative::Int(read)) => written == read,
        (written, read) => std::mem::discriminant(written) == std::mem::discriminant(read),
    }
}
