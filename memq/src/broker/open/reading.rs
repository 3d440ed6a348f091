//! How a topic is to be read, and what that takes where it is kept elsewhere.

use std::sync::Arc;

use super::consumer::no_group;
use super::{Plan, Register, two_codecs};
use crate::broker::binding;
use crate::broker::hub::Reached;
use crate::codec::form::{Decoders, Reader};
use crate::codec::stage::Stages;
use crate::dictionary::{Dictionaries, Dictionary};
use crate::error::OpenError;
use crate::message::Far;
use crate::name::TopicName;
use crate::payload::Payload;
use crate::remote::opened;
use crate::spi::RemoteTopic;

/// How a subscriber reads.
pub(super) struct Manner<T> {
    pub(super) accepts: Vec<Register<T>>,
    pub(super) max_decoded: Option<usize>,
    pub(super) dictionaries: Dictionaries,
    pub(super) keep_sealed: bool,
}

impl<T> Default for Manner<T> {
    fn default() -> Self {
        let (accepts, dictionaries) = (Vec::new(), Dictionaries::default());
        Self { accepts, max_decoded: None, dictionaries, keep_sealed: false }
    }
}

impl<T: Payload> Manner<T> {
    /// What reads a topic that compresses with this dictionary, if any, and is sealed by these stages.
    pub(super) fn reader(
        &self,
        name: &TopicName,
        decoders: Arc<Decoders<T>>,
        stages: Stages,
        own: Option<&Dictionary>,
    ) -> Result<Reader<T>, OpenError> {
        if let Some(other) = own.and_then(|own| self.dictionaries.get(own.id())) {
            binding::check_same(name, own, other)?;
        }
        let mut reader = Reader::new(decoders, stages, T::versions());
        reader.max_decoded = self.max_decoded;
        reader.dictionaries = self.dictionaries.clone();
        reader.keep_sealed = self.keep_sealed;
        for accept in &self.accepts {
            accept(&reader.accepts).map_err(|()| two_codecs(name))?;
        }
        Ok(reader)
    }
}

/// What is to be read elsewhere, and how; on its own.
pub(super) struct Reading<T> {
    pub(super) plan: Plan<T>,
    pub(super) manner: Manner<T>,
    /// Of the topic its dead letters, and not the topic itself.
    pub(super) dead_letters: Option<DeadLettersOf>,
}

/// Whose dead letters.
#[derive(Clone, Debug)]
pub(super) struct DeadLettersOf {
    pub(super) group: String,
    /// The name of the dead-letter topic, if it is not to be asked of the group.
    pub(super) said: Option<String>,
}

/// A topic elsewhere that was opened to be read.
pub(super) struct ReadableThere<T: Payload> {
    pub(super) name: TopicName,
    pub(super) topic: Arc<dyn RemoteTopic>,
    pub(super) reader: Reader<T>,
    pub(super) plan: Plan<T>,
    pub(super) far: Far<T, ()>,
}

impl<T: Payload> Reading<T> {
    /// Opens the topic.
    pub(super) async fn reach(self) -> Result<ReadableThere<T>, OpenError> {
        let Self { mut plan, manner, dead_letters } = self;
        let mut origin = None;
        if let Some(of) = &dead_letters {
            let (dead, from) = of.find(&plan).await?;
            origin = Some(from.decoders);
            plan = plan.named(dead);
        }
        let (name, reached) = plan.reach().await?;
        let Reached { topic, stages, decoders, dictionary, far } = reached;
        let decoders = origin.unwrap_or(decoders);
        let mut reader = manner.reader(&name, decoders, stages, dictionary.as_ref())?;
        if let Some(own) = dictionary {
            reader.dictionaries = reader.dictionaries.with(own);
        }
        Ok(ReadableThere { name, topic, reader, plan, far })
    }
}

impl DeadLettersOf {
    /// Where they are; and the topic they came from, which is that of the plan.
    pub(super) async fn find<T: Payload>(
        &self,
        plan: &Plan<T>,
    ) -> Result<(TopicName, Reached<T>), OpenError> {
        let name = plan.name.clone()?;
        if let Some(said) = &self.said {
            let dead = TopicName::new(said)?;
            return Ok((dead, plan.reach().await?.1));
        }
        let no_group = || no_group(&name, &self.group);
        let found = plan.hub.transport().find(&name).await;
        if found.map_err(|fault| opened(&name, fault.into()))?.is_none() {
            return Err(no_group());
        }
        let (_, reached) = plan.reach().await?;
        let rules = reached.topic.group_rules(&self.group).await;
        let rules = rules.map_err(|fault| opened(&name, fault.into()))?.ok_or_else(no_group)?;
        let dead = rules.dead_letter.ok_or_else(|| OpenError::NoDeadLetters {
            topic: name.to_string(),
            group: self.group.clone(),
        })?;
        Ok((dead, reached))
    }
}
