//! What the server says of a message that a consumer sends, in the subject that would acknowledge it.

use memq::Timestamp;

const PREFIX: &str = "$JS.ACK.";

/// Where a message stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Delivered {
    /// How often it was sent, this time included.
    pub(crate) attempt: u32,
    /// Its sequence in the stream.
    pub(crate) sequence: u64,
    /// Its number among all that the consumer has sent, from 1 on: one that is missing was lost on the
    /// way.
    pub(crate) number: u64,
    /// When it was stored.
    pub(crate) at: Timestamp,
    /// How many the consumer has to send after it.
    pub(crate) pending: u64,
}

impl Delivered {
    /// Reads `stream.consumer.attempt.sequence.number.nanoseconds.pending`, to which newer servers add:
    /// domain and account before, and perhaps more behind.
    pub(crate) fn read(reply: &str) -> Option<Self> {
        // Bytes are split in a third of the time that characters are.
        let text = reply.strip_prefix(PREFIX)?.as_bytes();
        let before = match text.iter().filter(|byte| **byte == b'.').count() {
            6 => 2,
            8.. => 4,
            _ => return None,
        };
        let mut numbers = text.split(|byte| *byte == b'.').skip(before);
        let mut next = || number(numbers.next()?);
        Some(Self {
            attempt: u32::try_from(next()?).unwrap_or(u32::MAX),
            sequence: next()?,
            number: next()?,
            at: Timestamp::from_nanos(next()?),
            pending: next()?,
        })
    }
}

/// A number in decimal digits.
fn number(digits: &[u8]) -> Option<u64> {
    let (first, rest) = digits.split_first()?;
    let digit = |byte: &u8| byte.is_ascii_digit().then(|| u64::from(byte - b'0'));
    rest.iter().try_fold(digit(first)?, |sum, byte| sum.checked_mul(10)?.checked_add(digit(byte)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn servers_of_all_versions_are_understood() {
        let at = Timestamp::from_nanos(1_790_230_470_084_404_000);
        let delivered = Delivered { attempt: 1, sequence: 100, number: 7, at, pending: 42 };
        for reply in [
            "$JS.ACK.memq-a.r.1.100.7.1790230470084404000.42",
            "$JS.ACK._.szMpdrwD.memq-a.r.1.100.7.1790230470084404000.42",
            "$JS.ACK.hub.szMpdrwD.memq-a.r.1.100.7.1790230470084404000.42.token",
            "$JS.ACK.hub.szMpdrwD.memq-a.r.1.100.7.1790230470084404000.42.token.more",
        ] {
            assert_eq!(Delivered::read(reply), Some(delivered), "{reply}");
        }
    }

    #[test]
    fn nothing_else_is_a_message_of_a_consumer() {
        for other in ["", "$JS.ACK.", "$JS.ACK.a.b.1.2.3.4", "$JS.ACK.a.b.1.x.3.4.5", "_INBOX.a"] {
            assert_eq!(Delivered::read(other), None, "{other}");
        }
    }

    #[test]
    fn numbers_are_digits_that_fit() {
        assert_eq!(number(b"18446744073709551615"), Some(u64::MAX));
        assert_eq!(number(b"007"), Some(7));
        for other in ["", "18446744073709551616", "99999999999999999999", "+7", "7 ", "x"] {
            assert_eq!(number(other.as_bytes()), None, "{other}");
        }
    }
}
