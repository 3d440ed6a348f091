//! The consumers of a group that hand out messages.
//!
//! Messages with a key are handed out one at a time in each partition, by a consumer of their own with
//! one acknowledgement pending at most: so the server itself keeps their order, through failures and
//! delays, for any number of processes. The others come from one consumer without such a limit. A
//! group of any order has one consumer, and so has one that holds a single message at a time, or
//! settles as it hands out.
//!
//! Servers find messages of one subject with less work than those of a pattern. So where a topic has one
//! partition the others are asked for by their one subject, from a consumer that goes once more are said;
//! that can be until there is a message. Who said them removes it ([`widen`]), which ends the pulls of
//! members, so that they look. They look from time to time besides, for whoever died in between. What
//! was stored and settled meanwhile is handed out again, since the other consumer begins where the group
//! did.

use std::collections::HashSet;

use async_nats::jetstream::consumer::{AckPolicy, Config, DeliverPolicy, Info, pull};
use memq::Partition;
use memq::spi::{Fault, GroupOrder, GroupRules, OpenFault};
use serde::{Deserialize, Serialize};

use super::answer::Unread;
use super::register::{Create, Epoch, Nothing, Register};
use crate::fault::{Trouble, code};
use crate::link::Link;
use crate::names::{self, Place};
use crate::topic::Core;

/// Partitions of a topic that a group by key can have at most: each is a consumer on the server, and
/// one more for each member to ask.
const MOST: u16 = 64;

/// What the name of the consumer for the messages without a key of an only partition ends with.
const NARROW: &str = "n0";

/// One consumer of a group.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Part {
    All,
    /// Another one where there is one partition.
    Unkeyed,
    Keyed(Partition),
}

/// Whether messages of one key take turns.
pub(super) fn by_key(rules: &GroupRules) -> bool {
    rules.order != GroupOrder::Any && !rules.auto_ack && rules.max_in_flight != Some(1)
}

/// The consumer of a group that each has, for messages without a key, or for all.
pub(super) fn main(rules: &GroupRules) -> Part {
    if by_key(rules) { Part::Unkeyed } else { Part::All }
}

/// All consumers of a group, the main one first.
pub(super) fn of(rules: &GroupRules, partitions: u16) -> Vec<Part> {
    let keyed = if by_key(rules) { partitions } else { 0 };
    let keyed = (0..keyed).map(|number| Part::Keyed(Partition(number)));
    std::iter::once(main(rules)).chain(keyed).collect()
}

/// How many consumers a group of these rules has at most.
pub(super) fn most(rules: &GroupRules) -> usize {
    of(rules, MOST).len()
}

/// Refuses what the server cannot do.
pub(super) fn check(rules: &GroupRules, partitions: u16) -> Result<(), OpenFault> {
    let refuse =
        |option, value: String, remedy: String| Err(OpenFault::Option { option, value, remedy });
    match rules.max_in_flight {
        _ if !by_key(rules) => Ok(()),
        Some(limit) => refuse(
            "group_max_in_flight",
            limit.to_string(),
            "say 1, or `any_order`, or limit each member by `max_in_flight`".to_owned(),
        ),
        None if partitions > MOST => refuse(
            "partitions",
            partitions.to_string(),
            format!("say `any_order`; a group by key has {MOST} at most"),
        ),
        None => Ok(()),
    }
}

impl Part {
    /// Its place among all of the group.
    pub(super) fn lane(self) -> usize {
        match self {
            Self::All | Self::Unkeyed => 0,
            Self::Keyed(partition) => 1 + usize::from(partition.0),
        }
    }

    /// Its name on the server, in a topic of so many partitions.
    pub(super) fn durable(self, group: &str, epoch: &Epoch, partitions: u16) -> String {
        match self {
            Self::Keyed(partition) => {
                names::durable(group, &epoch.name, format_args!("k{partition}"))
            }
            Self::Unkeyed if partitions == 1 => names::durable(group, &epoch.name, NARROW),
            Self::All | Self::Unkeyed => names::durable(group, &epoch.name, "n"),
        }
    }

    fn config(
        self,
        core: &Core,
        group: &str,
        register: &Register,
        partitions: u16,
    ) -> pull::Config {
        let (namespace, rules) = (&core.link.settings.namespace, &register.rules);
        let filter_subject = match self {
            // Without one the server looks at no subjects.
            Self::All => String::new(),
            Self::Unkeyed if partitions == 1 => {
                namespace.subject(&core.name, Place { partition: Partition(0), keyed: false })
            }
            Self::Unkeyed => namespace.unkeyed(&core.name),
            Self::Keyed(partition) => {
                namespace.subject(&core.name, Place { partition, keyed: true })
            }
        };
        let limit = rules.max_in_flight.and_then(|limit| i64::try_from(limit).ok());
        let start_sequence = register.epoch.start;
        pull::Config {
            durable_name: Some(self.durable(group, &register.epoch, partitions)),
            deliver_policy: DeliverPolicy::ByStartSequence { start_sequence },
            ack_policy: AckPolicy::Explicit,
            ack_wait: rules.ack_deadline,
            // Whether a message is dead is memq's to say.
            max_deliver: -1,
            max_ack_pending: if let Self::Keyed(_) = self { 1 } else { limit.unwrap_or(-1) },
            filter_subject,
            ..pull::Config::default()
        }
    }
}

/// Makes the consumers of a group that are missing. Those there are must be as they were made, where
/// that is asked for: an administrator may have changed them. `false` where the group was moved or
/// deleted meanwhile, or the topic got more partitions, so that others remove them again.
pub(super) async fn ensure(
    core: &Core,
    group: &str,
    register: &Register,
    compare: bool,
) -> Result<bool, OpenFault> {
    let partitions = core.options().partitions;
    let narrow = Part::Unkeyed.durable(group, &register.epoch, 1);
    for part in of(&register.rules, partitions) {
        let config = part.config(core, group, register, partitions);
        let durable = part.durable(group, &register.epoch, partitions);
        let request = format!("CONSUMER.INFO.{}.{durable}", core.stream);
        match core.link.ask::<Info>(&request, &Nothing {}).await {
            Ok(info) if compare => same(&config, &info.config)?,
            Ok(_) => {}
            Err(trouble) if trouble.is(code::NO_CONSUMER) => {
                if part == Part::Unkeyed && durable != narrow {
                    // First, so that no message comes from both.
                    remove(&core.link, &core.stream, &narrow).await?;
                }
                let request = format!("CONSUMER.DURABLE.CREATE.{}.{durable}", core.stream);
                let create =
                    Create { stream_name: &core.stream, config: &config, action: "create" };
                let created = core.link.ask::<Info>(&request, &create).await;
                if durable == narrow {
                    core.look_patiently().await?;
                    if core.options().partitions > 1 {
                        // Who said so may not have seen it, or removed it while it was made.
                        remove(&core.link, &core.stream, &narrow).await?;
                        return Ok(false);
                    }
                }
                match created {
                    Ok(_) => {}
                    // Somebody else was faster, with the same: its name says what it is.
                    Err(trouble) if trouble.is(code::CONSUMER_EXISTS) => {}
                    Err(trouble) => return Err(Fault::from(trouble).into()),
                }
            }
            Err(trouble) => return Err(Fault::from(trouble).into()),
        }
    }
    // Who moves or deletes a group says so first, and removes consumers after it.
    let now = Register::read(core, group).await?;
    Ok(now.is_some_and(|now| now.epoch == register.epoch))
}

/// What decides how messages are handed out.
fn same(wants: &pull::Config, has: &Config) -> Result<(), OpenFault> {
    let conflict = |option, existing: String, requested: String| {
        Err(OpenFault::Conflict { option, existing, requested })
    };
    if has.ack_wait != wants.ack_wait {
        let (existing, requested) =
            (format!("{:?}", has.ack_wait), format!("{:?}", wants.ack_wait));
        return conflict("ack_deadline", existing, requested);
    }
    if has.max_ack_pending != wants.max_ack_pending {
        let requested = wants.max_ack_pending.to_string();
        return conflict("max_ack_pending", has.max_ack_pending.to_string(), requested);
    }
    if has.max_deliver > 0 {
        return conflict("max_deliver", has.max_deliver.to_string(), "-1".to_owned());
    }
    if has.filter_subject != wants.filter_subject {
        let requested = wants.filter_subject.clone();
        return conflict("filter_subject", has.filter_subject.clone(), requested);
    }
    Ok(())
}

#[derive(Serialize)]
struct PageRequest {
    offset: usize,
}

#[derive(Deserialize)]
struct Page {
    total: usize,
    #[serde(default)]
    consumers: Option<Vec<String>>,
}

#[derive(Deserialize)]
struct Deleted {
    success: bool,
}

/// The names of all consumers of a stream.
async fn names(link: &Link, stream: &str) -> Result<HashSet<String>, Trouble> {
    let request = format!("CONSUMER.NAMES.{stream}");
    let mut all = HashSet::new();
    let mut seen = 0;
    loop {
        let page: Page = link.ask(&request, &PageRequest { offset: seen }).await?;
        let names = page.consumers.unwrap_or_default();
        seen += names.len();
        let over = names.is_empty() || seen >= page.total;
        all.extend(names);
        if over {
            return Ok(all);
        }
    }
}

/// Removes consumers of a group that are none of its present ones: left by who went away while it
/// moved or deleted the group, or before it looked how many partitions there are.
pub(super) async fn tidy(core: &Core, group: &str) -> Result<(), Unread> {
    let mut all = names(&core.link, &core.stream).await?;
    all.retain(|name| names::part_of(name, group).is_some());
    if all.is_empty() {
        return Ok(());
    }
    // After the list: consumers are made after the register that says so, so that none of a later
    // epoch was seen.
    let register = Register::read(core, group).await?;
    let epoch = register.as_ref().map(|register| register.epoch.name.as_str());
    // A topic never has fewer than it was heard to have.
    let grown = core.options().partitions > 1;
    let left = |name: &&String| {
        names::part_of(name, group) != epoch || grown && names::is_part(name, NARROW)
    };
    for name in all.iter().filter(left) {
        remove(&core.link, &core.stream, name).await?;
    }
    Ok(())
}

/// A topic has more partitions than one: the consumers for one go, which tells members to look. Those that
/// miss it look some time later.
///
/// # Cancel safety
///
/// Dropped, some of them were told.
pub(crate) async fn widen(link: &Link, stream: &str) -> Result<(), Fault> {
    for name in names(link, stream).await?.iter().filter(|name| names::is_part(name, NARROW)) {
        remove(link, stream, name).await?;
    }
    Ok(())
}

/// Deletes a consumer; `false` where there was none.
pub(super) async fn remove(link: &Link, stream: &str, consumer: &str) -> Result<bool, Fault> {
    let request = format!("CONSUMER.DELETE.{stream}.{consumer}");
    match link.ask::<Deleted>(&request, &Nothing {}).await {
        Ok(answer) => Ok(answer.success),
        Err(trouble) if trouble.is(code::NO_CONSUMER) => Ok(false),
        Err(trouble) => Err(trouble.into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_take_turns_unless_that_is_not_asked_for() {
        let mut rules = GroupRules::default();
        let keyed = |number| Part::Keyed(Partition(number));
        assert_eq!(of(&rules, 2), [Part::Unkeyed, keyed(0), keyed(1)]);
        rules.max_in_flight = Some(1);
        assert_eq!(of(&rules, 2), [Part::All]);
        rules.max_in_flight = None;
        rules.order = GroupOrder::Any;
        assert_eq!(of(&rules, 2), [Part::All]);
        rules.order = GroupOrder::ByKey;
        rules.auto_ack = true;
        assert_eq!(of(&rules, 2), [Part::All]);
    }

    #[test]
    fn what_the_server_cannot_do_is_refused_by_name() {
        let refused = |rules: &GroupRules, partitions| match check(rules, partitions) {
            Err(OpenFault::Option { option, .. }) => Some(option),
            Ok(()) => None,
            other => panic!("{other:?}"),
        };
        let mut rules = GroupRules::default();
        assert_eq!(refused(&rules, 64), None);
        assert_eq!(refused(&rules, 65), Some("partitions"));
        rules.max_in_flight = Some(2);
        assert_eq!(refused(&rules, 1), Some("group_max_in_flight"));
        rules.order = GroupOrder::Any;
        assert_eq!(refused(&rules, 65), None);
    }
}
