//! What a back end can do, by name.

use std::fmt;

/// Something that not every back end can do.
///
/// What is not listed here every back end does: create, open, list and delete topics, publish in
/// order, read from any start, keep `max` and `max_bytes`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Capability {
    /// Messages that are values and not bytes. Of the in-memory broker alone.
    Native,
    /// Publishing without waiting: `now` and `try_publish`. Of the in-memory broker alone.
    PublishNow,
    /// Room for a message before there is one: `reserve`. Of the in-memory broker alone.
    Reserve,
    /// Topics with more than one partition.
    Partitions,
    /// Message ids that are remembered: `dedup`.
    Dedup,
    /// Messages that expire: `ttl`.
    Ttl,
    /// Full topics that refuse: `overflow = Reject`.
    Reject,
    /// Full topics that let publishers wait: `overflow = Wait`.
    Wait,
    /// Messages that go once everybody has passed them: `retain = UntilConsumed`.
    UntilConsumed,
    /// Consumer groups.
    Groups,
    /// Groups that hand out messages of a key one after the other, also through failures.
    KeyOrder,
    /// `commit` of a group.
    Commit,
    /// `seek` of a group.
    GroupSeek,
    /// Keeping a delivery for any time, and not just for another ack deadline.
    ExtendBy,
    /// Telling that a delivery was settled too late, by whom it was handed to since.
    StaleSettles,
    /// Statistics that say why messages were removed: by a limit, or after everybody had passed them.
    /// Without it they may all be [`unspecified`](crate::Dropped::unspecified).
    DropCauses,
    /// Statistics of a group that tell dead letters from what was acknowledged. Without it both may be
    /// [`settled`](crate::GroupStats::settled).
    DeadLetterCounts,
    /// Statistics of who reads: subscribers, and the members of groups.
    Members,
    /// What publishers were told is stored survives a restart, and so does that there are groups, with
    /// their rules.
    Durable,
    /// Groups go on where they were after a restart. Where the system is killed, what was settled in the
    /// last moment before may be handed out again, also where that was confirmed. Without it a group
    /// may begin again where it started.
    DurableGroups,
    /// Telling a group's members what retention removed before it was settled.
    GroupLag,
}

impl Capability {
    /// All of them.
    pub const ALL: [Self; 21] = [
        Self::Native,
        Self::PublishNow,
        Self::Reserve,
        Self::Partitions,
        Self::Dedup,
        Self::Ttl,
        Self::Reject,
        Self::Wait,
        Self::UntilConsumed,
        Self::Groups,
        Self::KeyOrder,
        Self::Commit,
        Self::GroupSeek,
        Self::ExtendBy,
        Self::StaleSettles,
        Self::DropCauses,
        Self::DeadLetterCounts,
        Self::Members,
        Self::Durable,
        Self::DurableGroups,
        Self::GroupLag,
    ];

    /// What it is, as errors say it.
    #[must_use]
    pub const fn what(self) -> &'static str {
        match self {
            Self::Native => "a native topic",
            Self::PublishNow => "publishing without waiting, by `now` or `try_publish`,",
            Self::Reserve => "`reserve`",
            Self::Partitions => "a topic with several partitions",
            Self::Dedup => "`dedup`",
            Self::Ttl => "`ttl`",
            Self::Reject => "`overflow = Reject`",
            Self::Wait => "`overflow = Wait`",
            Self::UntilConsumed => "`retain = UntilConsumed`",
            Self::Groups => "a consumer group",
            Self::KeyOrder => "order by key in a group",
            Self::Commit => "`commit`",
            Self::GroupSeek => "`seek` of a group",
            Self::ExtendBy => "`extend_by`",
            Self::StaleSettles => "to tell a settlement that came too late",
            Self::DropCauses => "to tell why messages were removed",
            Self::DeadLetterCounts => "to tell dead letters from what was acknowledged",
            Self::Members => "to tell who the members of a group are",
            Self::Durable => "to keep messages through a restart",
            Self::DurableGroups => "to keep where groups are through a restart",
            Self::GroupLag => "to tell a group what was removed before it was settled",
        }
    }

    /// What to do where it is missing, as errors say it.
    #[must_use]
    pub const fn remedy(self) -> &'static str {
        match self {
            Self::Native => "give the type a format, such as `format = Json`",
            Self::PublishNow | Self::Reserve => "await `publish`",
            Self::Partitions => "use one partition",
            Self::Dedup => "publish without ids",
            Self::Ttl => "limit the topic by `max` or `max_bytes`",
            Self::Reject | Self::Wait => "use `overflow = DropOldest`",
            Self::UntilConsumed => "use `retain = WithinLimits`",
            Self::Groups => "subscribe without a group",
            Self::KeyOrder => "open the group without order by key",
            Self::Commit => "acknowledge each delivery",
            Self::GroupSeek => "delete the group, and open it with another start",
            Self::ExtendBy => "use `extend`",
            Self::DeadLetterCounts => "read the statistics of the dead-letter topic",
            Self::StaleSettles
            | Self::DropCauses
            | Self::Members
            | Self::Durable
            | Self::DurableGroups
            | Self::GroupLag => "ask the system that keeps the topic",
        }
    }

    const fn bit(self) -> u32 {
        1 << self as u32
    }
}

/// What errors call it.
impl fmt::Display for Capability {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.what())
    }
}

/// What a back end can do: a set of [`Capability`].
///
/// ```
/// use memq::spi::{Capabilities, Capability};
///
/// let able = Capabilities::NONE.with(Capability::Groups).with(Capability::Durable);
/// assert!(able.has(Capability::Durable) && !able.has(Capability::Commit));
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Capabilities(u32);

impl Capabilities {
    /// Nothing but what every back end can do.
    pub const NONE: Self = Self(0);

    /// Everything, as the in-memory broker; but it keeps nothing through a restart.
    pub const IN_MEMORY: Self = {
        let mut all = Self::NONE;
        let mut at = 0;
        while at < Capability::ALL.len() {
            all = all.with(Capability::ALL[at]);
            at += 1;
        }
        all.without(Capability::Durable).without(Capability::DurableGroups)
    };

    /// These and one more.
    #[must_use]
    pub const fn with(self, one: Capability) -> Self {
        Self(self.0 | one.bit())
    }

    /// These but for one.
    #[must_use]
    pub const fn without(self, one: Capability) -> Self {
        Self(self.0 & !one.bit())
    }

    /// Whether this is one of them.
    #[must_use]
    pub const fn has(self, one: Capability) -> bool {
        self.0 & one.bit() != 0
    }
}

impl fmt::Debug for Capabilities {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let has = Capability::ALL.iter().filter(|one| self.has(**one));
        f.debug_set().entries(has).finish()
    }
}
