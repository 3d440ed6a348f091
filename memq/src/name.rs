//! Names of topics, and what is wrong with others.

use std::fmt;
use std::sync::Arc;

use thiserror::Error;

/// The longest name of a topic, in bytes.
const MAX_NAME: usize = 200;

/// The name of a topic: 1 to 200 bytes, tokens of `[A-Za-z0-9_-]` joined by single dots.
///
/// ```
/// use memq::TopicName;
///
/// let name: TopicName = "audit.2026".parse()?;
/// assert_eq!(name.as_str(), "audit.2026");
/// assert!("audit/2026".parse::<TopicName>().is_err());
/// # Ok::<(), memq::TopicNameError>(())
/// ```
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TopicName(Arc<str>);

impl TopicName {
    /// Checks a name and takes a copy of it.
    ///
    /// # Errors
    ///
    /// Where the name breaks the [rules](TopicName).
    pub fn new(name: &str) -> Result<Self, TopicNameError> {
        match NameFault::of(name) {
            None => Ok(Self(name.into())),
            Some(fault) => Err(TopicNameError { name: name.into(), fault }),
        }
    }

    /// The name as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for TopicName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl fmt::Display for TopicName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl std::str::FromStr for TopicName {
    type Err = TopicNameError;

    fn from_str(name: &str) -> Result<Self, TopicNameError> {
        Self::new(name)
    }
}

impl AsRef<str> for TopicName {
    fn as_ref(&self) -> &str {
        &self.0
    }
}

impl std::borrow::Borrow<str> for TopicName {
    fn borrow(&self) -> &str {
        &self.0
    }
}

/// A name that is not one of a topic.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
#[error("topic name {name:?} {}", fault.say(name))]
pub struct TopicNameError {
    /// The name as given.
    name: String,
    fault: NameFault,
}

/// What is wrong with a name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum NameFault {
    /// Empty, or too long.
    Length,
    /// Another character than those allowed.
    Character,
    /// A dot first, last, or twice in a row.
    EmptyToken,
}

impl TopicNameError {
    /// The name that was refused.
    pub(crate) fn name(&self) -> &str {
        &self.name
    }
}

impl NameFault {
    /// What is wrong with a name, if anything is.
    pub(crate) const fn of(name: &str) -> Option<Self> {
        let bytes = name.as_bytes();
        if bytes.is_empty() || bytes.len() > MAX_NAME {
            return Some(Self::Length);
        }
        let mut token = 0;
        let mut at = 0;
        while at < bytes.len() {
            match bytes[at] {
                b'.' if token == 0 => return Some(Self::EmptyToken),
                b'.' => token = 0,
                b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'_' | b'-' => token += 1,
                _ => return Some(Self::Character),
            }
            at += 1;
        }
        if token == 0 { Some(Self::EmptyToken) } else { None }
    }

    fn say(self, name: &str) -> String {
        match self {
            Self::Length => format!("must have 1 to {MAX_NAME} bytes"),
            Self::Character => {
                let allowed = |c: char| c.is_ascii_alphanumeric() || "_-.".contains(c);
                let found = name.chars().find(|c| !allowed(*c)).unwrap_or_default();
                format!("holds {found:?}: use A-Z, a-z, 0-9, '_' and '-', in tokens joined by dots")
            }
            Self::EmptyToken => {
                "has an empty token: no dot first, last, or twice in a row".to_owned()
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_tokens_joined_by_dots() {
        for good in ["a", "orders", "a.b-c_D.9", &"x".repeat(200)] {
            assert!(TopicName::new(good).is_ok(), "{good}");
        }
        for bad in ["", ".", ".a", "a.", "a..b", "a/b", "a*", "ä", "a b", &"x".repeat(201)] {
            assert!(TopicName::new(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_bad_name_says_what_is_wrong() {
        assert!(TopicName::new("ä").unwrap_err().to_string().contains("holds 'ä'"));
        let text = TopicName::new("a/b").unwrap_err().to_string();
        assert_eq!(
            text,
            "topic name \"a/b\" holds '/': use A-Z, a-z, 0-9, '_' and '-', in tokens joined by dots"
        );
    }
}
