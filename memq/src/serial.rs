//! Places, times, names and statistics as serde has them.
//!
//! Written out, so that those who have serde without its macros need not build them.

use std::time::Duration;

use serde::de::Error as _;
use serde::ser::{SerializeStruct, SerializeStructVariant};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::bridge::{BridgeEnded, BridgeReport, Direction, MirrorStats};
use crate::engine::stats::{
    Dropped, GroupStats, LastDrop, MemberStats, PartitionStats, SubscriberStats, TopicStats,
    Unsettled,
};
use crate::error::LagReason;
use crate::name::TopicName;
use crate::position::{Offset, Partition, Timestamp};
use crate::worker::{Ended, Report};

/// What is a number.
macro_rules! numbers {
    ($($of:ident)+) => {$(
        /// The number.
        impl Serialize for $of {
            fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
                self.0.serialize(to)
            }
        }

        /// The number.
        impl<'de> Deserialize<'de> for $of {
            fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
                Deserialize::deserialize(from).map(Self)
            }
        }
    )+};
}

numbers!(Offset Partition);

/// Its text in formats for people, such as JSON: as a number it would be beyond 2^53, which is as far as
/// many readers of JSON are exact. In others its nanoseconds.
impl Serialize for Timestamp {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        match to.is_human_readable() {
            true => to.collect_str(self),
            false => self.as_nanos().serialize(to),
        }
    }
}

/// As it is written; of texts, every one that can be [parsed](str::parse).
impl<'de> Deserialize<'de> for Timestamp {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        match from.is_human_readable() {
            true => String::deserialize(from)?.parse().map_err(D::Error::custom),
            false => Deserialize::deserialize(from).map(Self::from_nanos),
        }
    }
}

/// The text.
impl Serialize for TopicName {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        self.as_str().serialize(to)
    }
}

/// The text, where it is the name of a topic.
impl<'de> Deserialize<'de> for TopicName {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        String::deserialize(from)?.parse().map_err(D::Error::custom)
    }
}

/// What has fields: all of them, or it does not compile.
macro_rules! fields {
    ($($of:ident { $($field:ident $(: $as:path)?,)+ })+) => {$(
        /// Its fields by name; durations in seconds.
        impl Serialize for $of {
            fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
                let Self { $($field,)+ } = self;
                let count = [$(stringify!($field),)+].len();
                let mut fields = to.serialize_struct(stringify!($of), count)?;
                $(fields.serialize_field(stringify!($field), $(&$as)?($field))?;)+
                fields.end()
            }
        }
    )+};
}

fields! {
    TopicStats {
        depth,
        bytes,
        earliest,
        latest,
        next,
        published,
        dropped,
        last_drop,
        consumed,
        rejected,
        deduplicated,
        ids_forgotten,
        waiting_publishers,
        partitions,
        subscribers,
        groups,
    }
    LastDrop { offset, reason, at, }
    PartitionStats { partition, published, depth, bytes, }
    Dropped { max_messages, max_bytes, expired, unspecified, }
    SubscriberStats { id, position, since_start, delivered, filtered, skipped, lag, }
    GroupStats {
        name,
        committed,
        oldest,
        position,
        since_start,
        lag,
        in_flight,
        delayed,
        behind_key,
        dead,
        dead_letter_topic,
        any_order,
        max_in_flight,
        delivered,
        redelivered,
        expired,
        settled,
        dead_lettered,
        skipped,
        oldest_unsettled: seconds,
        oldest_state,
        members,
    }
    MemberStats { id, partitions, held, max_in_flight, waiting, }
    Report {
        succeeded,
        failed,
        dead_lettered,
        refused,
        stale,
        left_open,
        panicked,
        timed_out,
        skipped,
        undecodable,
        unfinished,
        ended,
    }
    MirrorStats {
        topic,
        direction,
        mirrored,
        returned,
        lost,
        refused,
        retried,
        outages,
        in_flight,
        lag,
        position,
    }
    BridgeReport { mirrors, ended, }
}

/// What monitoring counts in, and a number.
fn seconds(duration: &Option<Duration>) -> Option<f64> {
    duration.map(|duration| duration.as_secs_f64())
}

/// What has names: all of them, or it does not compile.
macro_rules! names {
    ($($of:ident { $($name:ident,)+ })+) => {$(
        /// Its name.
        impl Serialize for $of {
            fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
                let name = match self {
                    $(Self::$name => stringify!($name),)+
                };
                to.serialize_unit_variant(stringify!($of), *self as u32, name)
            }
        }
    )+};
}

names! {
    LagReason { MaxMessages, MaxBytes, Expired, Consumed, Removed, }
    Ended {
        NotYet,
        Drained,
        DeadlinePassed,
        Closed,
        Deleted,
        GroupDeleted,
        Failed,
        Dropped,
    }
    Direction { Out, In, }
    BridgeEnded { NotYet, Closed, Drained, DeadlinePassed, Failed, Dropped, }
}

/// Its name, and with it the member where one has it.
impl Serialize for Unsettled {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        let (at, name) = match self {
            Self::New => (0, "New"),
            Self::BehindKey => (1, "BehindKey"),
            Self::InFlight { member } => {
                let mut fields = to.serialize_struct_variant("Unsettled", 2, "InFlight", 1)?;
                fields.serialize_field("member", member)?;
                return fields.end();
            }
            Self::Delayed => (3, "Delayed"),
            Self::Returned => (4, "Returned"),
            Self::Dead => (5, "Dead"),
        };
        to.serialize_unit_variant("Unsettled", at, name)
    }
}
