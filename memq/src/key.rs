//! Keys of messages, as bytes, and the types that can be one.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::num::NonZero;
use std::sync::Arc;

use bytes::Bytes;
use twox_hash::XxHash64;

use crate::position::Partition;

/// The longest text of an integer key: `i128::MIN`. An address has 39 characters at most.
const INLINE: usize = 40;

/// The key of a message: bytes that say what it is about.
///
/// Text keys are their UTF-8, integers their decimal digits, as those that are [`NonZero`] are, `bool` is
/// `true` or `false`, IP addresses are their text, IPv6 as RFC 5952 has it, and byte arrays are themselves.
/// So a key reads the same from every language, and `7_u64`, `7_i32` and `"7"` are one key.
///
/// ```
/// use std::net::{IpAddr, Ipv6Addr};
///
/// use memq::Key;
///
/// assert_eq!(Key::from(7_u64), Key::from("7"));
/// assert_eq!(Key::from("tea").as_bytes(), b"tea");
/// assert_eq!(Key::from(IpAddr::from([192, 0, 2, 7])), Key::from("192.0.2.7"));
/// assert_eq!(Key::from(Ipv6Addr::LOCALHOST), Key::from("::1"));
/// ```
#[derive(Clone)]
pub struct Key<'a>(Repr<'a>);

#[derive(Clone)]
enum Repr<'a> {
    Borrowed(&'a [u8]),
    /// Short keys, and those made on the spot, such as digits: `(length, bytes)`.
    Inline(u8, [u8; INLINE]),
    Owned(Bytes),
}

impl<'a> Key<'a> {
    /// A key of any bytes, not copied.
    #[must_use]
    pub const fn new(bytes: &'a [u8]) -> Self {
        Self(Repr::Borrowed(bytes))
    }

    /// The bytes of the key.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        match &self.0 {
            Repr::Borrowed(bytes) => bytes,
            Repr::Inline(length, bytes) => bytes.get(..usize::from(*length)).unwrap_or_default(),
            Repr::Owned(bytes) => bytes,
        }
    }

    /// The key as text, or `None` where it is not UTF-8.
    #[must_use]
    pub fn as_str(&self) -> Option<&str> {
        std::str::from_utf8(self.as_bytes()).ok()
    }

    /// The partition that messages of this key go to, in a topic of so many.
    ///
    /// It is the remainder of the key's [xxHash64](https://xxhash.com) with seed 0 by the number of
    /// partitions, in this and every later version, so that other programs can compute it. No
    /// partitions are taken for one.
    ///
    /// ```
    /// use memq::{Key, Partition};
    ///
    /// assert_eq!(Key::from("tea").partition(8), Partition(1));
    /// assert_eq!(Key::from(7_u64).partition(8), Key::from("7").partition(8));
    /// ```
    #[must_use]
    pub fn partition(&self, partitions: u16) -> Partition {
        Partition(partition_of(self.hash64(), partitions))
    }

    /// The hash of the key, which is never 0.
    pub(crate) fn hash64(&self) -> u64 {
        XxHash64::oneshot(0, self.as_bytes()).max(1)
    }

    /// The same key on its own, as a copy: it keeps no larger buffer alive that it is a slice of.
    #[must_use]
    pub fn into_owned(self) -> Key<'static> {
        let bytes = self.as_bytes();
        let mut short = [0; INLINE];
        Key(match short.get_mut(..bytes.len()) {
            Some(place) => {
                place.copy_from_slice(bytes);
                Repr::Inline(bytes.len() as u8, short)
            }
            None => Repr::Owned(Bytes::copy_from_slice(bytes)),
        })
    }

    /// A key from what a value prints, which must be short.
    fn inline(value: impl fmt::Display) -> Key<'static> {
        use std::io::Write as _;
        let mut bytes = [0; INLINE];
        let mut rest = &mut bytes[..];
        // Integers, `bool`, `char` and addresses print at most 40 bytes, so nothing is cut off.
        let _ = write!(rest, "{value}");
        let length = INLINE - rest.len();
        Key(Repr::Inline(length as u8, bytes))
    }
}

/// The partition of a key of this hash.
pub(crate) fn partition_of(hash: u64, partitions: u16) -> u16 {
    // The remainder is smaller than a `u16`.
    (hash % u64::from(partitions.max(1))) as u16
}

impl fmt::Debug for Key<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Key(\"{}\")", self.as_bytes().escape_ascii())
    }
}

/// Text as it is; other bytes escaped.
impl fmt::Display for Key<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.as_str() {
            Some(text) => f.write_str(text),
            None => self.as_bytes().escape_ascii().fmt(f),
        }
    }
}

impl PartialEq<Key<'_>> for Key<'_> {
    fn eq(&self, other: &Key<'_>) -> bool {
        self.as_bytes() == other.as_bytes()
    }
}

impl Eq for Key<'_> {}

impl std::hash::Hash for Key<'_> {
    fn hash<H: std::hash::Hasher>(&self, state: &mut H) {
        self.as_bytes().hash(state);
    }
}

impl<'a> From<&'a str> for Key<'a> {
    fn from(key: &'a str) -> Self {
        Self::new(key.as_bytes())
    }
}

impl<'a> From<&'a [u8]> for Key<'a> {
    fn from(key: &'a [u8]) -> Self {
        Self::new(key)
    }
}

impl<'a, const N: usize> From<&'a [u8; N]> for Key<'a> {
    fn from(key: &'a [u8; N]) -> Self {
        Self::new(key)
    }
}

impl From<String> for Key<'_> {
    fn from(key: String) -> Self {
        Self(Repr::Owned(key.into()))
    }
}

impl From<Bytes> for Key<'_> {
    fn from(key: Bytes) -> Self {
        Self(Repr::Owned(key))
    }
}

/// A type that can be the `#[topic(key)]` of a message: equality must be exact, so floats are none.
///
/// `None` means that the message has no key.
///
/// ```
/// use memq::{Key, TopicKey};
///
/// struct Customer(u64);
///
/// impl TopicKey for Customer {
///     fn to_key(&self) -> Option<Key<'_>> {
///         self.0.to_key()
///     }
/// }
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be the key of a message",
    note = "keys are integers, `NonZero`, `bool`, `char`, strings, byte arrays, IP addresses, or an `Option` of one",
    note = "for a type of your own, implement `memq::TopicKey`, or use `#[topic(key_with = path)]`"
)]
pub trait TopicKey {
    /// The key of this value.
    fn to_key(&self) -> Option<Key<'_>>;
}

macro_rules! display_keys {
    ($($type:ty)*) => {$(
        impl From<$type> for Key<'_> {
            fn from(key: $type) -> Self {
                Key::inline(key)
            }
        }

        impl TopicKey for $type {
            fn to_key(&self) -> Option<Key<'_>> {
                Some(Key::from(*self))
            }
        }
    )*};
}

display_keys!(u8 u16 u32 u64 u128 usize i8 i16 i32 i64 i128 isize bool char);
display_keys!(NonZero<u8> NonZero<u16> NonZero<u32> NonZero<u64> NonZero<u128> NonZero<usize>);
display_keys!(NonZero<i8> NonZero<i16> NonZero<i32> NonZero<i64> NonZero<i128> NonZero<isize>);
display_keys!(IpAddr Ipv4Addr Ipv6Addr);

impl TopicKey for Key<'_> {
    fn to_key(&self) -> Option<Key<'_>> {
        Some(Key::new(self.as_bytes()))
    }
}

impl TopicKey for str {
    fn to_key(&self) -> Option<Key<'_>> {
        Some(Key::from(self))
    }
}

impl TopicKey for String {
    fn to_key(&self) -> Option<Key<'_>> {
        Some(Key::from(self.as_str()))
    }
}

impl TopicKey for [u8] {
    fn to_key(&self) -> Option<Key<'_>> {
        Some(Key::from(self))
    }
}

impl TopicKey for Vec<u8> {
    fn to_key(&self) -> Option<Key<'_>> {
        Some(Key::from(self.as_slice()))
    }
}

impl<const N: usize> TopicKey for [u8; N] {
    fn to_key(&self) -> Option<Key<'_>> {
        Some(Key::from(self))
    }
}

impl TopicKey for Bytes {
    fn to_key(&self) -> Option<Key<'_>> {
        Some(Key::from(&self[..]))
    }
}

impl<K: TopicKey> TopicKey for Option<K> {
    fn to_key(&self) -> Option<Key<'_>> {
        self.as_ref().and_then(TopicKey::to_key)
    }
}

macro_rules! deref_keys {
    ($($type:ty)*) => {$(
        impl<K: TopicKey + ?Sized> TopicKey for $type {
            fn to_key(&self) -> Option<Key<'_>> {
                (**self).to_key()
            }
        }
    )*};
}

deref_keys!(&K Box<K> Arc<K> std::rc::Rc<K>);

impl TopicKey for std::borrow::Cow<'_, str> {
    fn to_key(&self) -> Option<Key<'_>> {
        Some(Key::from(&**self))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_integer_key_is_its_digits_up_to_the_longest() {
        assert_eq!(Key::from(i128::MIN).as_str(), Some(i128::MIN.to_string().as_str()));
        assert_eq!(Key::from(u128::MAX).as_str(), Some(u128::MAX.to_string().as_str()));
        assert_eq!(Key::from(-7_i8), Key::from("-7"));
        assert_eq!(Key::from('ß'), Key::from("ß"));
    }

    #[test]
    fn an_integer_that_is_not_zero_has_the_key_of_the_integer() {
        macro_rules! same {
            ($($integer:ident)+) => {$(
                for number in [$integer::MIN, 1, 7, $integer::MAX] {
                    let Some(other) = NonZero::new(number) else { continue };
                    assert_eq!(Key::from(other), Key::from(number));
                    assert_eq!(other.to_key(), number.to_key());
                }
            )+};
        }
        same!(u8 u16 u32 u64 u128 usize i8 i16 i32 i64 i128 isize);
        let none: Option<NonZero<u64>> = NonZero::new(0);
        assert_eq!(none.to_key(), None);
    }

    #[test]
    fn an_address_is_its_text_up_to_the_longest() {
        let longest = "1234:5678:9abc:def1:2345:6789:abcd:ef12";
        assert_eq!(longest.len(), 39);
        for text in [
            "0.0.0.0",
            "255.255.255.255",
            "::",
            "2001:db8::7",
            "::ffff:255.255.255.255",
            "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff",
            longest,
        ] {
            let address: IpAddr = text.parse().unwrap();
            assert_eq!(address.to_key(), Some(Key::from(text)));
            let key = match &address {
                IpAddr::V4(address) => address.to_key(),
                IpAddr::V6(address) => address.to_key(),
            };
            assert_eq!(key, Some(Key::from(text)));
        }
    }

    #[test]
    fn an_address_within_another_has_a_key_of_its_own() {
        let four = Ipv4Addr::new(192, 0, 2, 7);
        assert_eq!(Key::from(four.to_ipv6_mapped()), Key::from("::ffff:192.0.2.7"));
        assert_ne!(Key::from(four.to_ipv6_mapped()), Key::from(four));
    }

    #[test]
    fn what_holds_a_key_has_that_key() {
        let (bytes, text) = (Key::from(b"tea"), Key::from("tea"));
        assert_eq!(Box::<[u8]>::from(*b"tea").to_key().as_ref(), Some(&bytes));
        assert_eq!(Arc::<[u8]>::from(*b"tea").to_key().as_ref(), Some(&bytes));
        assert_eq!(Box::<str>::from("tea").to_key().as_ref(), Some(&text));
        assert_eq!(Arc::<str>::from("tea").to_key().as_ref(), Some(&text));
    }

    #[test]
    fn an_owned_key_equals_the_borrowed_one() {
        let long = "k".repeat(100);
        let key = Key::from(long.as_str());
        assert_eq!(key.clone().into_owned(), key);
    }

    #[test]
    fn an_owned_key_lets_go_of_the_buffer_it_was_cut_from() {
        for length in [0, 1, INLINE, INLINE + 1, 1_000] {
            let large = Bytes::from(vec![7; 1 << 20]);
            let key = Key::from(large.slice(..length)).into_owned();
            assert_eq!(key.as_bytes(), vec![7; length]);
            assert!(large.is_unique(), "{length}");
            assert_eq!(matches!(key.0, Repr::Inline(..)), length <= INLINE);
        }
    }

    #[test]
    fn none_is_no_key() {
        assert_eq!(None::<u8>.to_key(), None);
        assert_eq!(Some("a").to_key(), Some(Key::from("a")));
    }
}
