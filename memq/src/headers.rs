//! Names and values that travel beside a payload.

use std::fmt;

use thiserror::Error;

/// Bytes that all names and values of one message may have together.
const MAX_BYTES: usize = 64 << 10;

/// Names and values beside a payload, in the order in which they were added.
///
/// Names are 1 to 128 printable ASCII characters without space and `:`, compared exactly; a name
/// has one value. Values are text without control characters. Together they have at most 64 KiB.
/// These are the rules of the strictest place a header travels to.
///
/// ```
/// use memq::Headers;
///
/// let mut headers = Headers::new();
/// headers.insert("trace", "4bf92f")?;
/// assert_eq!(headers.get("trace"), Some("4bf92f"));
/// assert!(headers.insert("two words", "x").is_err());
/// # Ok::<(), memq::HeaderError>(())
/// ```
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Headers {
    entries: Vec<(Box<str>, Box<str>)>,
}

impl Headers {
    /// No headers; allocates nothing.
    #[must_use]
    pub const fn new() -> Self {
        Self { entries: Vec::new() }
    }

    /// Sets a header, in place of one with the same name.
    ///
    /// # Errors
    ///
    /// Where the name or the value breaks the [rules](Headers), or there is no room left; nothing
    /// is changed then.
    pub fn insert(
        &mut self,
        name: impl AsRef<str>,
        value: impl AsRef<str>,
    ) -> Result<(), HeaderError> {
        let (name, value) = (name.as_ref(), value.as_ref());
        let printable = |byte: u8| byte.is_ascii_graphic() && byte != b':';
        if name.is_empty() || name.len() > 128 || !name.bytes().all(printable) {
            return Err(HeaderError::Name { name: name.into() });
        }
        if let Some(found) = value.chars().find(|c| c.is_control()) {
            return Err(HeaderError::Value { name: name.into(), found });
        }
        let place = self.entries.iter().position(|(known, _)| **known == *name);
        let freed = place.map_or(0, |at| name.len() + self.entries[at].1.len());
        let bytes = self.bytes() - freed + name.len() + value.len();
        if bytes > MAX_BYTES {
            return Err(HeaderError::TooLarge { name: name.into(), bytes });
        }
        match place {
            Some(at) => self.entries[at].1 = value.into(),
            None => self.entries.push((name.into(), value.into())),
        }
        Ok(())
    }

    /// Sets a header of memq's own, which is short and no control character is in. It may take the
    /// headers over their limit, so that nothing the user said has to go for it.
    pub(crate) fn set_own(&mut self, name: &'static str, value: impl Into<Box<str>>) {
        self.remove(|known| known == name);
        self.entries.push((name.into(), value.into()));
    }

    /// Removes the headers whose names are meant.
    pub(crate) fn remove(&mut self, meant: impl Fn(&str) -> bool) {
        self.entries.retain(|(name, _)| !meant(name));
    }

    /// Calls headers otherwise, all at once; those for which there is no other name stay. New names are
    /// those of memq's own, and of no header that stays.
    pub(crate) fn rename(&mut self, other: impl Fn(&str) -> Option<Box<str>>) {
        for (name, _) in &mut self.entries {
            if let Some(other) = other(name) {
                *name = other;
            }
        }
    }

    /// The value of a header.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&str> {
        self.iter().find_map(|(known, value)| (known == name).then_some(value))
    }

    /// Names and values, in the order in which they were added.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.entries.iter().map(|(name, value)| (&**name, &**value))
    }

    /// How many there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// The bytes of all names and values.
    pub(crate) fn bytes(&self) -> usize {
        self.iter().map(|(name, value)| name.len() + value.len()).sum()
    }
}

impl fmt::Debug for Headers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map().entries(self.iter()).finish()
    }
}

/// A header that was refused.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
#[non_exhaustive]
pub enum HeaderError {
    /// The name breaks the rules.
    #[error(
        "header name {name:?} is not usable: use 1 to 128 printable ASCII characters without space and ':'"
    )]
    Name {
        /// The name as given.
        name: String,
    },
    /// The value holds a control character.
    #[error(
        "the value of header {name:?} holds the control character {found:?}: encode it first, as base64 say"
    )]
    Value {
        /// The header's name.
        name: String,
        /// The first such character.
        found: char,
    },
    /// The headers of one message would have more than 64 KiB.
    #[error(
        "header {name:?} takes the headers to {bytes} bytes, of 65536 at most: put large values into the payload"
    )]
    TooLarge {
        /// The header's name.
        name: String,
        /// The bytes of all headers with it.
        bytes: usize,
    },
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_has_one_value_and_keeps_its_place() {
        let mut headers = Headers::new();
        headers.insert("a", "1").unwrap();
        headers.insert("b", "2").unwrap();
        headers.insert("a", "3").unwrap();
        assert_eq!(headers.iter().collect::<Vec<_>>(), [("a", "3"), ("b", "2")]);
    }

    #[test]
    fn line_breaks_and_oversize_are_refused_and_change_nothing() {
        let mut headers = Headers::new();
        assert!(matches!(
            headers.insert("a", "x\r\ny"),
            Err(HeaderError::Value { found: '\r', .. })
        ));
        assert!(matches!(headers.insert("", "x"), Err(HeaderError::Name { .. })));
        assert!(matches!(
            headers.insert("a", "x".repeat(65 << 10)),
            Err(HeaderError::TooLarge { .. })
        ));
        assert!(headers.is_empty());
    }
}
