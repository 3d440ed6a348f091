//! How many bytes a pull brings.
//!
//! A server cuts a connection that does not take what is sent to it as fast as that is sent, and what it had
//! sent counts as attempts. So it is never asked for more than it keeps.

/// The bytes that a pull of several messages brings at most. A server keeps 64 MiB for a connection, if it is
/// not told otherwise, and many may share that. A thousand messages of 4 KiB are fewer.
const BYTES: usize = 4 << 20;

/// The bytes that a message is taken to have before one has come.
const UNKNOWN: usize = 128 << 10;

/// The sizes of a consumer's messages, by its last pull.
pub(super) struct Sizes {
    /// Whether the server counts bytes. If not, the next messages are taken to be like the last ones.
    counts: bool,
    largest: usize,
    /// What that pull has brought.
    bytes: usize,
}

impl Sizes {
    pub(super) const fn new(counts: bool) -> Self {
        Self { counts, largest: UNKNOWN, bytes: 0 }
    }

    /// Messages that the next pull asks for at most.
    pub(super) fn most(&self) -> usize {
        if self.counts && self.largest <= BYTES {
            return usize::MAX;
        }
        // One that is larger comes alone.
        (BYTES / self.largest.max(1)).max(1)
    }

    /// What the server is to count, for so many messages.
    pub(super) fn limit(&self, batch: usize) -> Option<usize> {
        (self.counts && batch > 1).then_some(BYTES)
    }

    /// A message came, the first of a pull or not.
    pub(super) fn came(&mut self, bytes: usize, first: bool) {
        if first {
            (self.largest, self.bytes) = (0, 0);
        }
        (self.largest, self.bytes) = (self.largest.max(bytes), self.bytes + bytes);
    }

    /// Whether there is not a byte left, which ends a pull without a word.
    pub(super) const fn are_used_up(&self) -> bool {
        self.counts && self.bytes == BYTES
    }

    /// The next message is larger than a pull of several may bring.
    pub(super) const fn exceeded(&mut self) {
        self.largest = usize::MAX;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn where_the_server_counts_only_what_is_too_large_comes_alone() {
        let mut sizes = Sizes::new(true);
        assert_eq!((sizes.most(), sizes.limit(2), sizes.limit(1)), (usize::MAX, Some(BYTES), None));
        sizes.came(BYTES, true);
        assert_eq!(sizes.most(), usize::MAX);
        sizes.exceeded();
        assert_eq!(sizes.most(), 1);
        sizes.came(BYTES + 1, true);
        assert_eq!(sizes.most(), 1);
        sizes.came(100, true);
        assert_eq!(sizes.most(), usize::MAX);
    }

    #[test]
    fn a_pull_is_over_that_has_not_a_byte_left() {
        let mut sizes = Sizes::new(true);
        sizes.came(5, true);
        sizes.came(BYTES - 6, true);
        sizes.came(5, false);
        assert!(!sizes.are_used_up());
        sizes.came(1, false);
        assert!(sizes.are_used_up());
        sizes.came(1, true);
        assert!(!sizes.are_used_up());
    }

    #[test]
    fn else_as_many_are_asked_for_as_there_would_be_of_the_largest_of_the_last_pull() {
        let mut sizes = Sizes::new(false);
        assert_eq!((sizes.most(), sizes.limit(2)), (32, None));
        sizes.came(4 << 10, true);
        assert_eq!(sizes.most(), 1_024);
        sizes.came(1 << 20, false);
        sizes.came(100, false);
        assert_eq!(sizes.most(), 4);
        sizes.came(BYTES + 1, true);
        assert_eq!(sizes.most(), 1);
        sizes.came(100, true);
        assert!(sizes.most() > 10_000);
    }
}
