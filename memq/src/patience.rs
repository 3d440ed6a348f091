//! How often somebody who finds nothing lets other tasks run before it sleeps.

/// To sleep and to be woken costs microseconds, to let others run some tens of nanoseconds: so who
/// waits looks again a few times before it sleeps, as long as that tends to help. With it, waiting
/// costs twice what the better of both would have, at most.
#[derive(Debug)]
pub(crate) struct Patience {
    left: u8,
    /// What there is the next time: more after it has helped, less after it has not.
    most: u8,
}

const LEAST: u8 = 2;
const MOST: u8 = 32;

impl Patience {
    pub(crate) const fn new() -> Self {
        Self { left: LEAST, most: LEAST }
    }

    /// Whether there is any left.
    #[inline]
    pub(crate) fn lasts(&self) -> bool {
        self.left > 0
    }

    /// Uses some up.
    pub(crate) fn wait(&mut self) {
        self.left -= 1;
        if self.left == 0 {
            self.most = (self.most / 2).max(LEAST);
        }
    }

    /// Something came.
    #[inline]
    pub(crate) fn renew(&mut self) {
        if self.left != self.most {
            self.renewed();
        }
    }

    fn renewed(&mut self) {
        if self.left > 0 {
            self.most = (self.most * 2).min(MOST);
        }
        self.left = self.most;
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
        let waits: Vec<_> = (0..6).map(|_| exhaust(&mut patience)).collect();
        assert_eq!(waits, [32, 16, 8, 4, 2, 2]);
    }
}
