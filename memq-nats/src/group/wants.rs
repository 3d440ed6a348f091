//! What a member wants, and which of its group's consumers are asked for that.
//!
//! A group of any order has one consumer. One by key has several, and a member that wants a message does
//! not know which of them has one. To ask each of them would bring one of each: those that are not wanted
//! would wait here for as long as the member works on the first, kept from members that are idle, and count
//! as an attempt where they go back. So consumers that may have messages are asked in turn, who was asked
//! longest ago first, for no more than is wanted of all together. One that has none, or that may not send it
//! since one is held elsewhere, is waited at, and the next one is asked; the more had none, the more at once. All
//! that had none are waited at together, so that what comes to several of them while their pulls wait is
//! taken, a message of each. Those end by themselves, and only a member that still waits has others follow.

use memq::spi::GroupRules;

use super::parts::by_key;

/// Messages that a pull brings at most: far fewer than the client keeps for who does not look.
const PULL: usize = 1_024;

/// What is fetched before it is asked for: what one member has is not for the others.
#[derive(Clone, Copy, Debug)]
pub(super) struct Ahead {
    /// Messages, at most.
    most: usize,
    /// The part of what waits in the group that they are at most.
    share: u64,
}

impl Ahead {
    /// As was said. Else nothing where attempts are counted against a message: what is given back unused
    /// counts as one too. Nothing where members may hold so many together: it would be of what the others
    /// may.
    pub(super) fn new(said: Option<usize>, rules: &GroupRules) -> Self {
        match (said, rules.max_attempts) {
            _ if rules.max_in_flight.is_some() => Self { most: 0, share: 1 },
            (Some(most), _) => Self { most, share: 1 },
            (None, None) => Self { most: 64, share: 16 },
            (None, Some(_)) => Self { most: 0, share: 1 },
        }
    }
}

/// What a consumer is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Asked {
    /// Messages, at most.
    pub(super) batch: usize,
    /// Whether it waits for the first, since none may be there.
    pub(super) waits: bool,
}

/// How a consumer was found by a pull that is over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Found {
    /// It sent what it had, which was [told](Wants::came).
    Some,
    /// It has none now, or only what is held elsewhere.
    None,
    /// That is not known.
    Unknown,
}

/// Consumers whose lanes are to be rung, with no lock held.
#[must_use]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Rings(u128);

impl Rings {
    fn add(&mut self, lane: usize) {
        self.0 |= 1 << lane;
    }

    fn without(self, lane: usize) -> Self {
        Self(self.0 & !(1 << lane))
    }

    pub(super) fn is_none(self) -> bool {
        self.0 == 0
    }

    pub(super) fn lanes(self) -> impl Iterator<Item = usize> {
        (0..u128::BITS as usize)
            .take_while(move |lane| self.0 >> lane != 0)
            .filter(move |lane| self.0 >> lane & 1 == 1)
    }
}

/// What the lane of a consumer does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Doing {
    /// It asks for nothing until it is rung.
    Rests,
    /// It asks for so many, or is rung to do that.
    Takes(usize),
    /// It waits for some, or is rung to do that; what it is sent does not count.
    Waits,
    /// It is about to come again.
    Away,
}

#[derive(Debug)]
struct Lane {
    doing: Doing,
    /// Whether its consumer may have messages.
    some: bool,
    /// Whether that sends them singly, and the member has one that is not settled.
    held: bool,
    /// When it was asked last, as these are counted.
    asked: u64,
}

/// What a member wants.
#[derive(Debug)]
pub(super) struct Wants {
    /// Messages that are waited for.
    wanted: usize,
    /// Messages that are fetched ahead.
    ahead: usize,
    /// Messages of the main consumer that nobody was handed yet.
    pending: u64,
    /// Of each consumer, the main one first.
    lanes: Vec<Lane>,
    /// Whether there is no other than that.
    sole: bool,
    /// Whether the group may be full.
    limited: bool,
    asked: u64,
    /// Consumers that had none since the member began to wait.
    vain: usize,
    /// Whether nobody waits any more: what is asked for is not asked for again.
    given_up: bool,
}

impl Lane {
    /// Whether its consumer may have messages, and send them.
    fn may_have(&self) -> bool {
        self.some && !self.held
    }
}

impl Wants {
    /// Of a group of these rules. What other consumers it has is to be [told](Self::grow).
    pub(super) fn new(rules: &GroupRules) -> Self {
        let mut wants = Self {
            wanted: 0,
            ahead: 0,
            pending: 0,
            lanes: Vec::new(),
            sole: !by_key(rules),
            limited: rules.max_in_flight.is_some(),
            asked: 0,
            vain: 0,
            given_up: false,
        };
        // The main one.
        wants.grow(1);
        wants
    }

    /// How many consumers there are now; returns how many were known. There are never fewer.
    pub(super) fn grow(&mut self, lanes: usize) -> usize {
        let known = self.lanes.len();
        let new = || Lane { doing: Doing::Away, some: true, held: false, asked: 0 };
        self.lanes.extend(std::iter::repeat_with(new).take(lanes.saturating_sub(known)));
        known
    }

    /// It waits for this many, or for more where it has asked for more since the last one came: who wants
    /// many takes what there is, and then waits for the first. It has room for so many.
    pub(super) fn want(&mut self, messages: usize, room: usize) -> Rings {
        if self.wanted == 0 {
            self.vain = 0;
        }
        self.wanted = self.wanted.max(messages);
        self.given_up = false;
        self.call(room)
    }

    /// It has some, and has `ready` that it was not handed. More is fetched once half of what may lie here is
    /// left.
    pub(super) fn satisfied(&mut self, prefetch: Ahead, ready: usize, room: usize) -> Rings {
        (self.wanted, self.given_up) = (0, false);
        let Ahead { most, share } = prefetch;
        let most = usize::try_from(self.pending / share).unwrap_or(usize::MAX).min(most);
        let low = ready * 2 < most;
        self.ahead = if low { most - ready } else { 0 };
        if self.ahead > 0 { self.call(room) } else { Rings::default() }
    }

    /// Nobody waits any more. What is under way, or rung, goes on.
    pub(super) fn give_up(&mut self) {
        self.given_up = true;
    }

    /// Whether nobody has waited, or taken any, since somebody gave up.
    pub(super) const fn is_given_up(&self) -> bool {
        self.given_up
    }

    /// So many came from a consumer, with others pending behind them.
    pub(super) fn came(&mut self, lane: usize, count: usize, pending: u64) {
        (self.wanted, self.vain) = (0, 0);
        // The rest is for others, of which some may have none.
        self.ahead = if self.sole { 0 } else { self.ahead.saturating_sub(count) };
        (self.lanes[lane].some, self.lanes[lane].held) = (pending > 0, lane > 0);
        if lane == 0 {
            self.pending = pending;
        }
    }

    /// What a consumer sent singly goes back.
    pub(super) fn let_go(&mut self, lane: usize) {
        self.lanes[lane].held = false;
    }

    /// What a consumer sent singly is settled.
    pub(super) fn settled(&mut self, lane: usize, room: usize) -> Rings {
        self.let_go(lane);
        self.call(room)
    }

    /// What is known of the consumers does not count any more: there are others.
    pub(super) fn forget(&mut self) {
        self.pending = 0;
        self.lanes.iter_mut().for_each(|lane| (lane.some, lane.held) = (true, false));
    }

    /// Messages that somebody waits for.
    fn waited_for(&self) -> usize {
        if self.given_up { 0 } else { self.wanted }
    }

    /// Rings lanes that rest and are to ask for messages now, where there is room for so many.
    pub(super) fn call(&mut self, room: usize) -> Rings {
        let mut rings = Rings::default();
        let most = self.waited_for().max(self.ahead).min(room).min(PULL);
        if most == 0 {
            return rings;
        }
        if self.sole {
            if self.lanes[0].doing == Doing::Rests {
                self.lanes[0].doing = Doing::Takes(most);
                rings.add(0);
            }
            return rings;
        }
        if self.waited_for() > 0 {
            for (number, lane) in self.lanes.iter_mut().enumerate() {
                if lane.doing == Doing::Rests && !lane.may_have() {
                    lane.doing = Doing::Waits;
                    rings.add(number);
                }
            }
        }
        let open = |lane: &Lane| if let Doing::Takes(count) = lane.doing { count } else { 0 };
        let open: usize = self.lanes.iter().map(open).sum();
        let mut left = (most + self.vain / 4).saturating_sub(open);
        while left > 0 {
            let rest = self.lanes.iter_mut().enumerate();
            let rest = rest.filter(|(_, lane)| lane.doing == Doing::Rests && lane.may_have());
            let Some((number, lane)) = rest.min_by_key(|(_, lane)| lane.asked) else { break };
            let count = if number == 0 { left.min(most) } else { 1 };
            left -= count;
            self.asked += 1;
            (lane.doing, lane.asked) = (Doing::Takes(count), self.asked);
            rings.add(number);
        }
        rings
    }

    /// A lane comes. What its consumer is asked for, where there is room for so many, and which others are to
    /// be rung.
    pub(super) fn next(&mut self, lane: usize, room: usize) -> (Asked, Rings) {
        // It may have what it wanted since it was rung. Who gave up is asked for all the same, once.
        let goes = match self.lanes[lane].doing {
            Doing::Takes(_) => self.wanted.max(self.ahead).min(room) > 0,
            Doing::Waits => self.wanted.min(room) > 0,
            Doing::Rests | Doing::Away => false,
        };
        if !goes {
            self.lanes[lane].doing = Doing::Rests;
        }
        let rings = self.call(room).without(lane);
        if self.lanes[lane].doing == Doing::Rests {
            // What comes from here on nobody sees.
            self.lanes[lane].some = true;
        }
        let asked = match self.lanes[lane].doing {
            Doing::Takes(_) if self.sole => self.next_of_one(room),
            // Where some are known to be there, or nobody waits, an answer is not waited for.
            Doing::Takes(batch) if lane == 0 => {
                let known = self.pending > 0 && batch > 1;
                Asked { batch, waits: self.wanted > 0 && !known }
            }
            // Where one is held elsewhere, one that does not wait is not answered.
            Doing::Takes(_) => Asked { batch: 1, waits: true },
            Doing::Waits if lane > 0 => Asked { batch: 1, waits: true },
            Doing::Waits => Asked { batch: self.wanted.min(room).min(PULL), waits: true },
            Doing::Rests | Doing::Away => Asked { batch: 0, waits: false },
        };
        (asked, rings)
    }

    /// Where some are known to wait many are asked for without an end, which is less work for the server;
    /// if others took them meanwhile another pull follows, and so one message is asked for by one that
    /// waits. What nobody waits for is fetched by none that waits. Where the group may be full only one that
    /// waits is answered.
    fn next_of_one(&self, room: usize) -> Asked {
        let batch = self.wanted.max(self.ahead).min(room).min(PULL);
        let known = self.pending > 0 && !self.limited;
        Asked { batch, waits: self.wanted > 0 && (batch < 2 || !known) }
    }

    /// A pull is over, and its lane comes again. Rings others whose turn it is.
    pub(super) fn over(&mut self, lane: usize, found: Found, room: usize) -> Rings {
        let did = std::mem::replace(&mut self.lanes[lane].doing, Doing::Away);
        match found {
            Found::Some => {}
            Found::None => {
                self.vain += usize::from(did != Doing::Waits);
                self.lanes[lane].some = false;
                if lane == 0 {
                    (self.pending, self.ahead) = (0, 0);
                }
            }
            Found::Unknown => self.lanes[lane].some = true,
        }
        if self.sole { Rings::default() } else { self.call(room) }
    }

    /// Whether what a lane asks for counts against what is wanted.
    pub(super) fn counts(&self, lane: usize) -> bool {
        matches!(self.lanes[lane].doing, Doing::Takes(_))
    }

    /// A consumer has none to send now: it is waited at, and others are asked.
    pub(super) fn pass_on(&mut self, lane: usize, room: usize) -> Rings {
        if let Doing::Takes(_) = self.lanes[lane].doing {
            (self.lanes[lane].doing, self.lanes[lane].some) = (Doing::Waits, false);
            self.vain += 1;
        }
        self.call(room)
    }
}

#[cfg(test)]
mod tests;
