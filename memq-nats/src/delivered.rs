//! What the server says of a message that a consumer sends, in the subject that would acknowledge it, and of
//! the end of a pull.

use async_nats::Message;
use memq::Timestamp;

const PREFIX: &str = "$JS.ACK.";

/// Ends a pull whose bytes are used up.
pub(crate) const TOO_LARGE: &str = "Message Size Exceeds MaxBytes";
/// Ends a pull that has brought all it can, though not all its bytes.
pub(crate) const COMPLETED: &str = "Batch Completed";

/// Digits of which each number fits into 64 bits.
const SAFE: usize = 19;

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
        // Each message has one, so that its bytes are looked at once.
        let behind = after(after(reply.strip_prefix(PREFIX)?.as_bytes())?)?;
        match Self::numbers(behind) {
            Some((delivered, [])) => Some(delivered),
            _ => match Self::numbers(after(after(behind)?)?) {
                Some((delivered, [] | [b'.', ..])) => Some(delivered),
                _ => None,
            },
        }
    }

    /// Five numbers, and what is behind them.
    fn numbers(text: &[u8]) -> Option<(Self, &[u8])> {
        let (attempt, text) = number(text)?;
        let (sequence, text) = number(text.strip_prefix(b".")?)?;
        let (count, text) = number(text.strip_prefix(b".")?)?;
        let (nanos, text) = number(text.strip_prefix(b".")?)?;
        let (pending, text) = number(text.strip_prefix(b".")?)?;
        let (attempt, at) =
            (u32::try_from(attempt).unwrap_or(u32::MAX), Timestamp::from_nanos(nanos));
        Some((Self { attempt, sequence, number: count, at, pending }, text))
    }
}

/// How many messages a pull that is over could have brought more, if that is told.
pub(crate) fn unsent(over: &Message) -> Option<usize> {
    let count = over.headers.as_ref()?.get("Nats-Pending-Messages")?;
    count.as_str().parse().ok()
}

/// What is behind the first dot.
fn after(text: &[u8]) -> Option<&[u8]> {
    let dot = text.iter().position(|byte| *byte == b'.')?;
    text.get(dot + 1..)
}

/// A number in decimal digits, and what is behind it.
pub(crate) fn number(text: &[u8]) -> Option<(u64, &[u8])> {
    let (mut number, mut behind) = (0_u64, text);
    while let [digit @ b'0'..=b'9', rest @ ..] = behind {
        number = number.wrapping_mul(10).wrapping_add(u64::from(digit - b'0'));
        behind = rest;
    }
    match text.len() - behind.len() {
        0 => None,
        1..=SAFE => Some((number, behind)),
        // It may not have fitted.
        digits => Some((std::str::from_utf8(text.get(..digits)?).ok()?.parse().ok()?, behind)),
    }
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
        for other in ["", "$JS.ACK.", "$JS.ACK.a.b.1.2.3.4", "$JS.ACK.a.b.1.x.3.4.5", "_INBOX.a"]
            .into_iter()
            .chain([
                "$JS.ACK.a.b.1.2.3.4.5.6",
                "$JS.ACK.a.b.1.2.3.4.5x",
                "$JS.ACK.a.b.c.d.1.2.3.4.5x",
            ])
        {
            assert_eq!(Delivered::read(other), None, "{other}");
        }
    }

    #[test]
    fn numbers_are_digits_that_fit() {
        assert_eq!(number(b"18446744073709551615"), Some((u64::MAX, &b""[..])));
        assert_eq!(number(b"007.x"), Some((7, &b".x"[..])));
        for other in ["", "18446744073709551616", "99999999999999999999", "+7", ".7", "x"] {
            assert_eq!(number(other.as_bytes()), None, "{other}");
        }
    }
}
