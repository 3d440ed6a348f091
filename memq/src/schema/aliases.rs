//! Other names that readers accept, which JSON Schema knows nothing of.

use std::any::type_name;
use std::collections::HashSet;

/// The names that `#[serde(alias = "…")]` adds to fields and variants, of a type and of what is in it.
///
/// Derived with [`Topic`](crate::Topic) and [`Shape`](crate::Shape); for documents and checks.
#[derive(Clone, Debug, Default)]
pub struct Aliases {
    /// Types that were looked at, so that those that hold themselves end.
    seen: HashSet<&'static str>,
    found: Vec<[&'static str; 3]>,
}

impl Aliases {
    /// None yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Each as the name of its type (serde's, or the type's own), the name of the field or variant
    /// as it is written, and the other name.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str, &str)> {
        self.found.iter().map(|[container, name, alias]| (*container, *name, *alias))
    }

    /// Goes into a type. `false` where it was looked at before.
    #[doc(hidden)]
    pub fn enter<T: ?Sized>(&mut self) -> bool {
        self.seen.insert(type_name::<T>())
    }

    /// Adds one.
    #[doc(hidden)]
    pub fn add(&mut self, container: &'static str, name: &'static str, alias: &'static str) {
        self.found.push([container, name, alias]);
    }
}
