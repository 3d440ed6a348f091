//! Finds ids by their hash. It grows and shrinks by one bucket at a time (linear hashing), so that adding
//! and removing is little each time: a table that grows as a whole holds its topic up for as long as it
//! has many ids.

/// Ids in a bucket on average: this many at most…
const MOST: usize = 8;
/// …and this many at least, where there are several buckets.
const LEAST: usize = 2;

/// Buckets for which there may be room without use.
const SPARE: usize = 64;

/// Numbers of ids, by hash.
#[derive(Debug)]
pub(super) struct Index {
    /// One at least. A hash is in that of its lowest bits, as many as number them all; or, if there is no
    /// such one yet, in its parent.
    buckets: Vec<Vec<Entry>>,
    len: usize,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Entry {
    hash: u32,
    number: u32,
}

impl Default for Index {
    fn default() -> Self {
        Self { buckets: vec![Vec::new()], len: 0 }
    }
}

/// The bucket that this one, which is not the first, was split off: it without its highest bit.
fn parent(bucket: usize) -> usize {
    bucket ^ (1 << bucket.ilog2())
}

impl Index {
    /// The bucket of a hash.
    fn bucket(&self, hash: u32) -> usize {
        let bucket = hash as usize & (self.buckets.len().next_power_of_two() - 1);
        if bucket < self.buckets.len() { bucket } else { parent(bucket) }
    }

    /// The numbers that may be those of this hash.
    pub(super) fn numbers(&self, hash: u32) -> impl Iterator<Item = u32> {
        let entries = self.buckets.get(self.bucket(hash)).into_iter().flatten();
        entries.filter(move |entry| entry.hash == hash).map(|entry| entry.number)
    }

    pub(super) fn add(&mut self, hash: u32, number: u32) {
        let bucket = self.bucket(hash);
        if let Some(entries) = self.buckets.get_mut(bucket) {
            entries.push(Entry { hash, number });
            self.len += 1;
        }
        if self.len > self.buckets.len() * MOST {
            self.split();
        }
    }

    pub(super) fn remove(&mut self, hash: u32, number: u32) {
        let bucket = self.bucket(hash);
        let Some(entries) = self.buckets.get_mut(bucket) else { return };
        let gone = Entry { hash, number };
        let Some(at) = entries.iter().position(|entry| *entry == gone) else { return };
        entries.swap_remove(at);
        self.len -= 1;
        if self.len < self.buckets.len() * LEAST {
            self.join();
        }
    }

    /// One bucket more, with its share of what was in another.
    fn split(&mut self) {
        let new = self.buckets.len();
        self.buckets.push(Vec::new());
        let all = self.buckets.get_mut(parent(new)).map(std::mem::take).unwrap_or_default();
        let (moved, stays) = all.into_iter().partition(|entry| self.bucket(entry.hash) == new);
        for (bucket, entries) in [(new, moved), (parent(new), stays)] {
            if let Some(bucket) = self.buckets.get_mut(bucket) {
                *bucket = entries;
            }
        }
    }

    /// One bucket less, unless there is one only.
    fn join(&mut self) {
        let last = self.buckets.len() - 1;
        if last == 0 {
            return;
        }
        let entries = self.buckets.pop().unwrap_or_default();
        if let Some(bucket) = self.buckets.get_mut(parent(last)) {
            bucket.extend_from_slice(&entries);
            bucket.shrink_to(2 * MOST);
        }
        // What moves then is three words for each bucket, and that is rare.
        if self.buckets.capacity() > SPARE.max(4 * self.buckets.len()) {
            self.buckets.shrink_to(2 * self.buckets.len());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_found_while_it_grows_and_shrinks_by_a_bucket_at_a_time() {
        let mut index = Index::default();
        // Some of the same hash.
        let hash = |number: u32| (number / 2).wrapping_mul(0x9E37_79B9).rotate_left(13);
        let found = |index: &Index, number| index.numbers(hash(number)).any(|n| n == number);
        let (mut oldest, mut next, mut buckets) = (0, 0, 1);
        for end in [7_000, 300, 2_000, 0] {
            while next - oldest != end {
                if next - oldest < end {
                    index.add(hash(next), next);
                    next += 1;
                } else {
                    index.remove(hash(oldest), oldest);
                    oldest += 1;
                    assert!(!found(&index, oldest - 1));
                }
                assert!(index.buckets.len().abs_diff(buckets) <= 1);
                buckets = index.buckets.len();
                assert_eq!(index.len, (next - oldest) as usize);
                assert!(index.len <= buckets * MOST);
                assert!(index.len >= buckets * LEAST || buckets == 1);
            }
            assert!((oldest..next).all(|number| found(&index, number)));
            assert!(index.buckets.capacity() <= SPARE.max(4 * buckets));
        }
        assert_eq!(buckets, 1);
    }
}
