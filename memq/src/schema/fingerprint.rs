//! The fingerprint: a number that is made of what a codec sees of a type.

use std::fmt;

/// A number that tells types apart by what a codec sees of them: 64 bits, by FNV-1a.
///
/// Made by `#[derive(Topic)]` and `#[derive(Shape)]`, as a constant. Two types that differ in their
/// kind, the names, order or types of their fields and variants, or in what serde is told about how
/// they are written, have different ones; names of the types themselves, comments and defaults do not
/// count. It is no proof against somebody who looks for two types that have the same.
///
/// ```
/// use memq::schema::Fingerprint;
///
/// const POINT: Fingerprint = Fingerprint::of("struct").and("x").and("y");
/// assert_eq!(POINT.to_string(), "bf1f74941a2d35dc");
/// assert_ne!(POINT, Fingerprint::of("struct").and("y").and("x"));
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Fingerprint(u64);

const OFFSET: u64 = 0xcbf2_9ce4_8422_2325;
const PRIME: u64 = 0x0000_0100_0000_01b3;

/// What no text contains, so that two texts are not one.
const END: u8 = 0xff;

const fn step(hash: u64, byte: u8) -> u64 {
    (hash ^ byte as u64).wrapping_mul(PRIME)
}

const fn text(mut hash: u64, text: &str) -> u64 {
    let bytes = text.as_bytes();
    let mut at = 0;
    while at < bytes.len() {
        hash = step(hash, bytes[at]);
        at += 1;
    }
    step(hash, END)
}

impl Fingerprint {
    /// That of a text.
    #[must_use]
    pub const fn of(of: &str) -> Self {
        Self(text(OFFSET, of))
    }

    /// With more text: not that of both texts in one.
    #[must_use]
    pub const fn and(self, more: &str) -> Self {
        Self(text(self.0, more))
    }

    /// With another fingerprint.
    #[must_use]
    pub const fn with(self, inner: Self) -> Self {
        let bytes = inner.0.to_le_bytes();
        let (mut hash, mut at) = (self.0, 0);
        while at < bytes.len() {
            hash = step(hash, bytes[at]);
            at += 1;
        }
        Self(hash)
    }

    /// With a field's type: its fingerprint where that is known, and else how it is spelled.
    #[must_use]
    pub const fn field(self, ty: Option<Self>, spelled: &str) -> Self {
        match ty {
            Some(ty) => self.with(ty),
            None => self.and(spelled),
        }
    }

    /// That of this number, as a frame or a header has it.
    #[must_use]
    pub const fn from_u64(number: u64) -> Self {
        Self(number)
    }

    /// The number.
    #[must_use]
    pub const fn as_u64(self) -> u64 {
        self.0
    }
}

/// As 16 hexadecimal digits.
impl fmt::Display for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}", self.0)
    }
}

impl fmt::Debug for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Fingerprint({self})")
    }
}

#[cfg(test)]
mod tests {
    use super::Fingerprint;

    /// The published vectors of FNV-1a, with the end mark undone by another step of it.
    #[test]
    fn it_is_fnv_1a_with_an_end_mark() {
        let after = |hash: u64, byte: u8| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
        for (text, hash) in [
            ("", 0xcbf2_9ce4_8422_2325),
            ("a", 0xaf63_dc4c_8601_ec8c),
            ("foobar", 0x8594_4171_f739_67e8),
        ] {
            assert_eq!(Fingerprint::of(text).as_u64(), after(hash, 0xff), "{text:?}");
        }
    }

    #[test]
    fn neither_borders_nor_order_are_lost() {
        let prints = [
            Fingerprint::of("ab").and("c"),
            Fingerprint::of("a").and("bc"),
            Fingerprint::of("abc"),
            Fingerprint::of("c").and("ab"),
            Fingerprint::of("ab").with(Fingerprint::of("c")),
            Fingerprint::of("ab").field(None, "c").and(""),
        ];
        for (at, print) in prints.iter().enumerate() {
            assert!(!prints[..at].contains(print), "{at}");
        }
        assert_eq!(prints[0], Fingerprint::of("ab").field(None, "c"));
        assert_eq!(prints[4], Fingerprint::of("ab").field(Some(Fingerprint::of("c")), "d"));
    }

    #[test]
    fn it_is_written_as_sixteen_digits() {
        assert_eq!(Fingerprint::from_u64(0xab).to_string(), "00000000000000ab");
        assert_eq!(format!("{:?}", Fingerprint::from_u64(1)), "Fingerprint(0000000000000001)");
    }
}
