//! What is to be mirrored, and how; and its opening.

use std::fmt;
use std::future::IntoFuture;
use std::sync::Arc;

use super::handle::{BridgeEnded, BridgeReport, Direction, MirrorStats, Shared, Source, Told};
use super::mirror::{Mirror, Parts};
use super::path::Route;
use super::position::{Position, Wanted};
use super::{Bridge, Opened};
use crate::broker::{Broker, Opening};
use crate::codec::{Bytewise, Stage, Stages};
use crate::error::{AdminError, BridgeError, BridgeSide, OpenError};
use crate::name::TopicName;
use crate::options::{Format, Start, TopicOptions};
use crate::payload::Payload;
use crate::spi::Boxed;
use crate::stopping::Deadline;
use crate::topic::Topic;

/// The longest name: with what is before it, that of a group.
const MAX_NAME: usize = 88;

/// Messages that are on their way at once, where nothing is said.
const WINDOW: usize = 500;

/// A bridge about to be opened: which topics it mirrors. Await it. Made by [`bridge`](fn@super::bridge).
#[must_use = "a bridge is opened by `.await`"]
pub struct BridgeBuilder {
    local: Broker,
    remote: Broker,
    name: Option<String>,
    plans: Vec<Plan>,
}

/// A topic of a bridge, before it is said which way it is mirrored.
#[must_use = "say which way the topic is mirrored, by `mirror_out`, `mirror_in` or `mirror_both`"]
pub struct MirrorBuilder {
    bridge: BridgeBuilder,
    plan: Plan,
}

/// Opens a topic of a type.
type Create = fn(&Broker, &Stages) -> Opening<()>;

/// A topic that is to be mirrored in one direction.
#[derive(Clone)]
struct Plan {
    name: String,
    /// Of a topic that is said by its type.
    create: Option<Create>,
    direction: Direction,
    start: Start,
    window: usize,
    skip_refused: bool,
    stages: Stages,
}

impl BridgeBuilder {
    pub(super) fn new(local: &Broker, remote: &Broker) -> Self {
        let (local, remote) = (local.clone(), remote.clone());
        Self { local, remote, name: None, plans: Vec::new() }
    }

    /// What the bridge is called, by which it finds where it was: in the consumer group
    /// `memq-bridge-{name}` of each topic that it reads. The name is 1 to 88 characters of A-Z, a-z, 0-9,
    /// `_` and `-`, and of one bridge: two of one name that run at once for one topic take each other's
    /// place.
    ///
    /// Where nothing is said, it finds where it was as long as both topics are there: to a topic that
    /// was created again, or that went with its process, everything is mirrored anew.
    pub fn name(mut self, name: impl Into<String>) -> Self {
        self.name = Some(name.into());
        self
    }

    /// One more topic, of this type. It is created on both sides if it is not there, with the options of
    /// the type.
    ///
    /// A native type does not compile here: what it shares in the process has no bytes.
    ///
    /// ```compile_fail,E0277
    /// # use memq::{Broker, Topic, bridge};
    /// # let (local, remote) = (Broker::new(), Broker::new());
    /// #[derive(Topic)]
    /// #[topic(name = "ticks")]
    /// struct Tick(u64);
    ///
    /// let mirror = bridge(&local, &remote).topic::<Tick>().mirror_out();
    /// ```
    pub fn topic<T: Topic>(self) -> MirrorBuilder
    where
        <T as Payload>::Form: Bytewise,
    {
        let create: Create = |broker, stages| broker.create::<T>().sealed_by(stages).create();
        self.with(T::SPEC.name().into(), Some(create))
    }

    /// One more topic, of this name, whatever it holds. Where it is not there it is created; on the side
    /// that messages go to, with the format and the partitions of the other one, and else the defaults.
    /// To have it keep more there, or less, open it there before, with the options that it is to have.
    pub fn topic_named(self, name: impl Into<String>) -> MirrorBuilder {
        self.with(name.into(), None)
    }

    fn with(self, name: String, create: Option<Create>) -> MirrorBuilder {
        let plan = Plan {
            name,
            create,
            direction: Direction::Out,
            start: Start::Earliest,
            window: WINDOW,
            skip_refused: false,
            stages: Stages::default(),
        };
        MirrorBuilder { bridge: self, plan }
    }

    async fn open(self) -> Opened {
        let Self { local, remote, name, plans } = self;
        if plans.is_empty() {
            return Err(BridgeError::Empty);
        }
        if let Some(name) = name.as_ref().filter(|name| !is_name(name)) {
            return Err(BridgeError::Name { name: name.clone() });
        }
        for (at, plan) in plans.iter().enumerate() {
            let same = |other: &&Plan| other.name == plan.name && other.direction == plan.direction;
            if let Some(twice) = plans.iter().take(at).find(same) {
                return Err(BridgeError::Twice { topic: twice.name.clone() });
            }
        }
        let mut mirrors = Vec::with_capacity(plans.len());
        let mut sources = Vec::with_capacity(plans.len());
        for plan in plans {
            let (source, target) = match plan.direction {
                Direction::Out => (&local, &remote),
                Direction::In => (&remote, &local),
            };
            let mirror = plan.open(source, target, name.as_deref()).await?;
            let end = source.end_of(&mirror.stats.topic);
            sources.push(Source { read: mirror.next(), end });
            mirrors.push(Some(mirror));
        }
        let stats = mirrors.iter().flatten().map(|mirror| mirror.stats.clone()).collect();
        let report = BridgeReport { mirrors: stats, ended: BridgeEnded::NotYet };
        let shared = Arc::new(Shared::new(Told { report, sources }));
        Ok(Bridge { mirrors, shared, deadline: Deadline::default(), is_over: false })
    }
}

impl MirrorBuilder {
    /// Where it begins, if it was not there before: at the earliest message kept if nothing is said.
    pub fn from(mut self, start: impl Into<Start>) -> Self {
        self.plan.start = start.into();
        self
    }

    /// How many messages are on their way at once, at most; 500 if not said. It is also what the bridge
    /// keeps in memory; once that is 16 MiB of payloads it reads no further.
    pub fn window(mut self, messages: usize) -> Self {
        self.plan.window = messages;
        self
    }

    /// Passes over messages that the other side would never take, since they are too large say, and
    /// counts them as [`refused`](MirrorStats::refused). If not said, the bridge ends with the first, as
    /// [`BridgeError::Publish`].
    pub fn skip_refused(mut self) -> Self {
        self.plan.skip_refused = true;
        self
    }

    /// Says a step of your own that the topic has between compression and storage. Messages stay sealed
    /// on their way; both sides are told the names of the stages, so that readers there undo them.
    pub fn stage(mut self, stage: impl Stage) -> Self {
        self.plan.stages = self.plan.stages.with(Arc::new(stage));
        self
    }

    /// Mirrors the topic from the local broker to the remote one.
    pub fn mirror_out(self) -> BridgeBuilder {
        self.mirror(&[Direction::Out])
    }

    /// Mirrors the topic from the remote broker to the local one.
    pub fn mirror_in(self) -> BridgeBuilder {
        self.mirror(&[Direction::In])
    }

    /// Mirrors the topic both ways. What came over a bridge does not go back over one. At least one of the
    /// two topics has to drop its oldest when it is full: two that hold up publishers may hold up each
    /// other for ever.
    pub fn mirror_both(self) -> BridgeBuilder {
        self.mirror(&[Direction::Out, Direction::In])
    }

    fn mirror(self, directions: &[Direction]) -> BridgeBuilder {
        let Self { mut bridge, plan } = self;
        let plans =
            directions.iter().map(|direction| Plan { direction: *direction, ..plan.clone() });
        bridge.plans.extend(plans);
        bridge
    }
}

/// Whether a bridge may be called that.
fn is_name(name: &str) -> bool {
    let is_part = |b: u8| b.is_ascii_alphanumeric() || b == b'_' || b == b'-';
    (1..=MAX_NAME).contains(&name.len()) && name.bytes().all(is_part)
}

impl Plan {
    /// The sides that messages come from and go to.
    fn sides(&self) -> (BridgeSide, BridgeSide) {
        match self.direction {
            Direction::Out => (BridgeSide::Local, BridgeSide::Remote),
            Direction::In => (BridgeSide::Remote, BridgeSide::Local),
        }
    }

    async fn open(
        self,
        source: &Broker,
        target: &Broker,
        name: Option<&str>,
    ) -> Result<Mirror, BridgeError> {
        let topic = TopicName::new(&self.name)?;
        if self.window == 0 {
            return Err(BridgeError::Window { topic: self.name });
        }
        let (from, to) = self.create(source, target, &topic).await?;
        let (here, there) = self.sides();
        let route = Route {
            source: source.identity(&topic).await.map_err(|e| here.admin(e))?,
            target: target.identity(&topic).await.map_err(|e| there.admin(e))?,
        };
        if route.source == route.target {
            return Err(BridgeError::SameTopic { topic: self.name });
        }
        let publisher = target.topic(&self.name).sealed_by(&self.stages).publisher().await;
        let publisher = publisher.map_err(|e| there.open(e))?;
        let (stages, start) = (&self.stages, self.start);
        let wanted = Wanted { source, here, target, topic: &topic, stages, route, name, start };
        let (position, start) = Position::open(wanted).await?;
        let reading = source.topic(&self.name).sealed_by(stages).subscriber().keep_sealed();
        Ok(Mirror::new(Parts {
            source: reading.from(start).await.map_err(|e| here.open(e))?,
            target: publisher,
            route,
            position,
            partitions: Some(to.partitions).filter(|there| *there == from.partitions),
            window: self.window,
            skip_refused: self.skip_refused,
            stats: MirrorStats::new(topic, self.direction),
        }))
    }

    /// Creates the topic on both sides where it is not there; and what it runs with.
    async fn create(
        &self,
        source: &Broker,
        target: &Broker,
        topic: &TopicName,
    ) -> Result<(TopicOptions, TopicOptions), BridgeError> {
        let (here, there) = self.sides();
        if let Some(create) = self.create {
            create(source, &self.stages).await.map_err(|e| here.open(e))?;
            create(target, &self.stages).await.map_err(|e| there.open(e))?;
        } else {
            let opening = source.topic(topic.as_str()).sealed_by(&self.stages);
            opening.create().await.map_err(|e| here.open(e))?;
            let from = source.options(topic).await.map_err(|e| here.admin(e))?;
            let mut opening = target.topic(topic.as_str()).sealed_by(&self.stages);
            match target.options(topic).await {
                Ok(_) => {}
                Err(AdminError::NotFound { .. }) => {
                    if from.format != Format::Raw {
                        opening = opening.format(from.format);
                    }
                    if from.partitions > 1 {
                        opening = opening.partitions(from.partitions);
                    }
                }
                Err(error) => return Err(there.admin(error)),
            }
            opening.create().await.map_err(|e| there.open(e))?;
        }
        let has = target.stages(topic).await.map_err(|e| there.admin(e))?;
        let needs = source.stages(topic).await.map_err(|e| here.admin(e))?;
        if has != needs {
            return Err(there.open(stages_differ(topic, &needs, &has)));
        }
        let from = source.options(topic).await.map_err(|e| here.admin(e))?;
        Ok((from, target.options(topic).await.map_err(|e| there.admin(e))?))
    }
}

fn stages_differ(topic: &TopicName, needs: &[String], has: &[String]) -> OpenError {
    OpenError::Option {
        topic: topic.to_string(),
        option: "stage",
        value: format!("{has:?} there and {needs:?} on the other side"),
        remedy: "say the stages with `.stage(…)`, before either side has messages".into(),
    }
}

impl IntoFuture for BridgeBuilder {
    type Output = Opened;
    type IntoFuture = Boxed<Opened>;

    fn into_future(self) -> Boxed<Opened> {
        Box::pin(self.open())
    }
}

impl fmt::Debug for Plan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Plan")
            .field("name", &self.name)
            .field("direction", &self.direction)
            .field("start", &self.start)
            .field("window", &self.window)
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for BridgeBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BridgeBuilder")
            .field("name", &self.name)
            .field("plans", &self.plans)
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for MirrorBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MirrorBuilder").field("plan", &self.plan).finish_non_exhaustive()
    }
}
