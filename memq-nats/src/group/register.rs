//! What the server remembers of a group: notes in the description of a durable that hands out nothing.
//!
//! Servers change a consumer that is created again, and cannot move one. So the rules are in one
//! place, which is read and compared first, and the consumers that hand out messages are others each
//! time that the group is moved.

use std::time::Duration;

use async_nats::jetstream::consumer::{AckPolicy, Config, Info, pull};
use memq::TopicName;
use memq::spi::{GroupOrder, GroupRules};
use serde::{Deserialize, Serialize};

use super::answer::Unread;
use crate::fault::{Trouble, code};
use crate::names;
use crate::time::nanos;
use crate::topic::Core;

/// The version of the notes that is written, and the newest that is read.
const VERSION: u32 = 1;

/// What a group is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Register {
    /// Tells it from a group of the same name that was deleted.
    pub(super) id: String,
    pub(super) epoch: Epoch,
    pub(super) rules: GroupRules,
}

/// From where a group has run since it was created or moved.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Epoch {
    /// In the names of the consumers that belong to it.
    pub(super) name: String,
    /// The first sequence that is handed out.
    pub(super) start: u64,
}

/// Whether a register was made.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Created {
    Done,
    /// Somebody else made one.
    Exists,
}

/// The same as it is written.
#[derive(Serialize, Deserialize)]
struct Written {
    memq: u32,
    group: String,
    epoch: String,
    start: u64,
    /// In nanoseconds.
    ack_deadline: u64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    max_attempts: Option<u32>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    max_in_flight: Option<usize>,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    auto_ack: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    dead_letter: Option<String>,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    any_order: bool,
}

/// A request to make a consumer, or to change one.
#[derive(Serialize)]
pub(super) struct Create<'c> {
    pub(super) stream_name: &'c str,
    pub(super) config: &'c pull::Config,
    /// `create` or `update`; servers before 2.10 do either, whatever is said.
    pub(super) action: &'static str,
}

/// Says nothing: servers take `{}` for that, and not `null`.
#[derive(Serialize)]
pub(super) struct Nothing {}

impl Epoch {
    /// A new one.
    pub(super) fn at(start: u64) -> Self {
        Self { name: names::short(), start }
    }
}

impl Register {
    /// A new group.
    pub(super) fn new(rules: GroupRules, start: u64) -> Self {
        Self { id: names::unique(), epoch: Epoch::at(start), rules }
    }

    /// The register of a group, if there is one.
    pub(super) async fn read(core: &Core, group: &str) -> Result<Option<Self>, Unread> {
        if !names::is_name(group) {
            return Ok(None);
        }
        let request = format!("CONSUMER.INFO.{}.{group}", core.stream);
        match core.link.ask::<Info>(&request, &Nothing {}).await {
            Ok(info) => Self::of(&info.config).map(Some),
            Err(trouble) if trouble.is(code::NO_CONSUMER) => Ok(None),
            Err(trouble) => Err(trouble.into()),
        }
    }

    /// What the description of a consumer says.
    pub(super) fn of(config: &Config) -> Result<Self, Unread> {
        #[derive(Deserialize)]
        struct Version {
            memq: u32,
        }
        const FOREIGN: Unread = Unread::Foreign("a consumer that memq did not make");
        const LATER: Unread = Unread::Foreign("a group of a later version of memq");
        let text = config.description.as_deref().unwrap_or_default();
        match serde_json::from_str(text) {
            Ok(Version { memq: VERSION }) => {}
            Ok(Version { memq }) if memq > VERSION => return Err(LATER),
            _ => return Err(FOREIGN),
        }
        let written: Written = serde_json::from_str(text).map_err(|_| FOREIGN)?;
        let mut rules = GroupRules::default();
        rules.ack_deadline = Duration::from_nanos(written.ack_deadline);
        rules.max_attempts = written.max_attempts;
        rules.max_in_flight = written.max_in_flight;
        rules.auto_ack = written.auto_ack;
        let dead_letter = written.dead_letter.map(|name| TopicName::new(&name)).transpose();
        rules.dead_letter = dead_letter.map_err(|_| FOREIGN)?;
        rules.order = if written.any_order { GroupOrder::Any } else { GroupOrder::ByKey };
        if !names::is_name(&written.epoch) {
            return Err(FOREIGN);
        }
        let epoch = Epoch { name: written.epoch, start: written.start };
        Ok(Self { id: written.group, epoch, rules })
    }

    fn write(&self) -> Written {
        let rules = &self.rules;
        Written {
            memq: VERSION,
            group: self.id.clone(),
            epoch: self.epoch.name.clone(),
            start: self.epoch.start,
            ack_deadline: nanos(rules.ack_deadline),
            max_attempts: rules.max_attempts,
            max_in_flight: rules.max_in_flight,
            auto_ack: rules.auto_ack,
            dead_letter: rules.dead_letter.as_ref().map(ToString::to_string),
            any_order: rules.order == GroupOrder::Any,
        }
    }

    /// Makes it, unless there is one. Servers before 2.10 put it in the place of another.
    pub(super) async fn create(&self, core: &Core, group: &str) -> Result<Created, Trouble> {
        match self.put(core, group, "create").await {
            Ok(()) => Ok(Created::Done),
            Err(trouble) if trouble.is(code::CONSUMER_EXISTS) => Ok(Created::Exists),
            Err(trouble) => Err(trouble),
        }
    }

    /// Puts it in the place of the one there is.
    pub(super) async fn update(&self, core: &Core, group: &str) -> Result<(), Trouble> {
        self.put(core, group, "update").await
    }

    async fn put(&self, core: &Core, group: &str, action: &'static str) -> Result<(), Trouble> {
        // Nothing can fail to be written here: there are no maps and no odd numbers.
        let description =
            serde_json::to_string(&self.write()).map_err(|error| Trouble::Away(Box::new(error)))?;
        let config = pull::Config {
            durable_name: Some(group.to_owned()),
            description: Some(description),
            ack_policy: AckPolicy::Explicit,
            max_deliver: -1,
            // Nobody publishes there, since no partition is called so.
            filter_subject: format!("{}.{}.=.group", core.link.settings.namespace, core.name),
            ..pull::Config::default()
        };
        let request = format!("CONSUMER.DURABLE.CREATE.{}.{group}", core.stream);
        let create = Create { stream_name: &core.stream, config: &config, action };
        core.link.ask::<Info>(&request, &create).await.map(drop)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config(description: &str) -> Config {
        Config { description: Some(description.to_owned()), ..Config::default() }
    }

    #[test]
    fn what_is_written_is_read() {
        let mut rules = GroupRules::default();
        for order in [GroupOrder::ByKey, GroupOrder::Any] {
            rules.order = order;
            let register = Register::new(rules.clone(), 7);
            let text = serde_json::to_string(&register.write()).unwrap();
            assert_eq!(Register::of(&config(&text)).unwrap(), register);
            rules.ack_deadline = Duration::new(3, 1);
            rules.max_attempts = Some(5);
            rules.max_in_flight = Some(2);
            rules.auto_ack = true;
            rules.dead_letter = Some("dead.letters".parse().unwrap());
        }
    }

    #[test]
    fn consumers_of_others_are_told_from_those_of_later_versions() {
        let foreign = |text| match Register::of(&config(text)) {
            Err(Unread::Foreign(what)) => what.contains("not make"),
            other => panic!("{other:?}"),
        };
        assert!(foreign("") && foreign("billing") && foreign("{}") && foreign(r#"{"memq":1}"#));
        assert!(!foreign(r#"{"memq":2}"#));
    }

    #[test]
    fn an_epoch_that_would_say_more_than_a_name_is_somebody_elses() {
        let mut register = Register::new(GroupRules::default(), 7);
        for name in ["a b", "a.b", "a\r\nPUB b 0\r\n", ""] {
            register.epoch.name = name.to_owned();
            let text = serde_json::to_string(&register.write()).unwrap();
            let read = Register::of(&config(&text));
            assert!(matches!(read, Err(Unread::Foreign(_))), "{name:?}");
        }
    }
}
