//! How often a publisher that finds no room lets other tasks run before it sleeps.

/// To sleep and to be woken costs microseconds, to let others run some tens of nanoseconds: so who
/// waits looks again a few times before it sleeps, as long as that tends to help. With it, waiting
/// costs twice what the better of both would have, at most.
#[derive(Debug)]
pub(super) struct Patience {
    /// How often it has let others run.
    used: u8,
    /// How often it does so at most: more after that has helped, less after it has not.
    most: u8,
}

const LEAST: u8 = 2;
const MOST: u8 = 64;

impl Patience {
    pub(super) const fn new() -> Self {
        Self::of(LEAST)
    }

    /// As much as another one has come to.
    pub(super) const fn of(most: u8) -> Self {
        Self { used: 0, most }
    }

    /// What there is of it the next time.
    pub(super) const fn most(&self) -> u8 {
        self.most
    }

    /// Whether there is any left.
    #[inline]
    pub(super) fn lasts(&self) -> bool {
        self.used < self.most
    }

    /// Uses some up.
    pub(super) fn wait(&mut self) {
        self.used += 1;
        if !self.lasts() {
            self.most = (self.most / 2).max(LEAST);
            self.used = self.most;
        }
    }

    /// Something came.
    #[inline]
    pub(super) fn renew(&mut self) {
        if self.used > 0 {
            self.renewed();
        }
    }

    fn renewed(&mut self) {
        if self.lasts() {
            self.most = (self.most * 2).min(MOST);
        }
        self.used = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Waits until it is over, and returns how often that was.
    fn exhaust(patience: &mut Patience) -> u8 {
        let mut waits = 0;
        while patience.lasts() {
            patience.wait();
            waits += 1;
        }
        patience.renew();
        waits
    }

    #[test]
    fn it_grows_where_it_helps_and_shrinks_where_it_does_not() {
        let mut patience = Patience::new();
        assert_eq!(exhaust(&mut patience), LEAST);
        for _ in 0..10 {
            patience.wait();
            patience.renew();
        }
        let waits: Vec<_> = (0..7).map(|_| exhaust(&mut patience)).collect();
        assert_eq!(waits, [64, 32, 16, 8, 4, 2, 2]);
    }
}
