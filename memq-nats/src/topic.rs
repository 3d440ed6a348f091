//! One incarnation of a topic: the stream that keeps it, and what was last heard of it.

mod admin;
mod config;
mod expiry;
mod open;
mod room;
mod stats;

use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use async_nats::jetstream::stream::Info;
use futures_util::StreamExt as _;
use memq::spi::{
    Boxed, Fault, GroupRequest, GroupRules, Incarnation, OpenFault, ReaderRequest, RemoteGroup,
    RemotePublisher, RemoteReader, RemoteTopic,
};
use memq::{Cause, Timestamp, TopicName, TopicOptions, TopicStats};
use tokio::sync::watch;

use crate::fault::{Trouble, code};
use crate::link::Link;
use crate::notes::TopicNotes;
use crate::publisher::Publisher;

pub(crate) use self::admin::{delete, find, list};
pub(crate) use self::expiry::Expiries;
use self::expiry::Expiry;
pub(crate) use self::open::open;

/// What everybody who has the topic open shares.
pub(crate) struct Core {
    pub(crate) link: Arc<Link>,
    pub(crate) name: TopicName,
    pub(crate) stream: String,
    pub(crate) incarnation: Incarnation,
    pub(crate) stages: Vec<String>,
    options: Mutex<TopicOptions>,
    expiry: Arc<Expiry>,
    phase: watch::Sender<Phase>,
    listens: AtomicBool,
    room: room::Room,
}

/// How far a topic has come; it never goes back.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Phase {
    Open,
    Closed,
    Deleted,
}

/// Why nothing is known of a stream right now.
#[derive(Debug)]
pub(crate) enum Unseen {
    /// It was deleted, or is another one by now. That is certain.
    Deleted,
    /// The server did not say.
    Away(Cause),
}

impl fmt::Debug for Core {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Core")
            .field("stream", &self.stream)
            .field("phase", &*self.phase.borrow())
            .finish_non_exhaustive()
    }
}

/// Tells a stream from one of the same name: when it was created, in nanoseconds.
fn incarnation(info: &Info) -> Incarnation {
    Incarnation(info.created.unix_timestamp_nanos().try_into().unwrap_or_default())
}

impl Core {
    fn new(link: Arc<Link>, name: TopicName, info: &Info, notes: &TopicNotes) -> Arc<Self> {
        let phase = if notes.closed { Phase::Closed } else { Phase::Open };
        let expiry = link.expiries.of(info);
        expiry.hear(info);
        Arc::new(Self {
            stream: link.settings.namespace.stream(&name),
            link,
            name,
            incarnation: incarnation(info),
            stages: notes.stages.clone(),
            options: Mutex::new(config::options(&info.config, notes)),
            expiry,
            phase: watch::Sender::new(phase),
            listens: AtomicBool::new(false),
            room: room::Room::default(),
        })
    }

    /// What the topic runs with, as it was last heard.
    pub(crate) fn options(&self) -> TopicOptions {
        *self.options.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The server has shown this time by now.
    pub(crate) fn hear_time(&self, at: Timestamp) {
        self.expiry.hear_time(at);
    }

    /// How far it has come, as it was last heard.
    pub(crate) fn phase(&self) -> Phase {
        *self.phase.borrow()
    }

    /// The same, and tells of changes, also of those that other processes make, as soon as they are
    /// made; but for those that are lost on the way.
    pub(crate) fn watch(self: &Arc<Self>) -> watch::Receiver<Phase> {
        if !self.listens.swap(true, Ordering::Relaxed) {
            let (core, mut phase) = (Arc::downgrade(self), self.phase.subscribe());
            let (client, subject) = (self.link.client.clone(), self.notices());
            self.link.tasks.run(async move {
                let Ok(mut notices) = client.subscribe(subject).await else { return };
                // Until nobody has the topic open, or there is nothing more to hear.
                let over = async { drop(phase.wait_for(|phase| *phase == Phase::Deleted).await) };
                let listening = async {
                    while notices.next().await.is_some() {
                        // Who says it is not believed, but asked about.
                        let Some(core) = core.upgrade() else { return };
                        let _ = core.look().await;
                    }
                };
                tokio::select! {
                    () = over => {}
                    () = listening => {}
                }
            });
        }
        self.phase.subscribe()
    }

    /// Asks the server once what became of the stream.
    ///
    /// # Cancel safety
    ///
    /// Dropped, nothing was learned.
    pub(crate) async fn look(&self) -> Result<Info, Unseen> {
        let answer = self.link.info_once(&self.stream).await;
        self.hear(answer)
    }

    /// Asks the server what became of the stream, for as long as the settings say.
    ///
    /// # Cancel safety
    ///
    /// Dropped, nothing was learned.
    pub(crate) async fn look_patiently(&self) -> Result<Info, Fault> {
        let answer = self.link.info(&self.stream).await;
        Ok(self.hear(answer)?)
    }

    /// A request about the stream.
    fn request(&self, what: &str) -> String {
        format!("STREAM.{what}.{}", self.stream)
    }

    fn notices(&self) -> String {
        self.link.settings.namespace.notices(&self.name)
    }

    /// Takes in what the server said of the stream.
    fn hear(&self, answer: Result<Info, Trouble>) -> Result<Info, Unseen> {
        let info = match answer {
            Ok(info) if incarnation(&info) == self.incarnation => info,
            Ok(_) => return Err(self.deleted()),
            Err(trouble) if trouble.is(code::NO_STREAM) => return Err(self.deleted()),
            Err(trouble) => return Err(Unseen::Away(trouble.into_cause())),
        };
        self.expiry.hear(&info);
        if let Ok(notes) = TopicNotes::read(info.config.description.as_deref()) {
            let options = config::options(&info.config, &notes);
            *self.options.lock().unwrap_or_else(PoisonError::into_inner) = options;
            if notes.closed {
                self.reach(Phase::Closed);
            }
        }
        Ok(info)
    }

    fn deleted(&self) -> Unseen {
        self.reach(Phase::Deleted);
        Unseen::Deleted
    }

    fn reach(&self, phase: Phase) {
        self.phase.send_if_modified(|now| {
            let further = phase > *now;
            *now = phase.max(*now);
            further
        });
    }

    /// Lets nobody publish any more.
    async fn close(&self) -> Result<(), Fault> {
        loop {
            let info = self.look_patiently().await?;
            if self.phase() == Phase::Closed {
                // Who was told before and lost it is told again.
                self.tell().await;
                return Ok(());
            }
            let Some(config) = config::closed(&info.config) else {
                let text = "the stream's description is not memq's any more";
                return Err(Fault::Unavailable(text.into()));
            };
            self.link.ask::<Info>(&self.request("UPDATE"), &config).await?;
        }
    }

    /// Tells everybody who has the topic open to look at it.
    async fn tell(&self) {
        // It spares them time, and nothing depends on it.
        let _ = self.link.client.publish(self.notices(), bytes::Bytes::new()).await;
    }
}

impl From<Unseen> for Fault {
    fn from(unseen: Unseen) -> Self {
        match unseen {
            Unseen::Deleted => Self::Deleted,
            Unseen::Away(cause) => Self::Unavailable(cause),
        }
    }
}

/// A topic that is open.
#[derive(Debug)]
pub(crate) struct Topic(pub(crate) Arc<Core>);

impl RemoteTopic for Topic {
    fn name(&self) -> &TopicName {
        &self.0.name
    }

    fn incarnation(&self) -> Incarnation {
        self.0.incarnation
    }

    fn options(&self) -> TopicOptions {
        self.0.options()
    }

    fn stages(&self) -> Vec<String> {
        self.0.stages.clone()
    }

    fn publisher(&self) -> Boxed<Result<Arc<dyn RemotePublisher>, OpenFault>> {
        let core = self.0.clone();
        Box::pin(async move { Ok(Arc::new(Publisher::new(core)) as Arc<dyn RemotePublisher>) })
    }

    fn reader(&self, request: ReaderRequest) -> Boxed<Result<Box<dyn RemoteReader>, OpenFault>> {
        Box::pin(crate::reader::open(self.0.clone(), request))
    }

    fn group(&self, request: GroupRequest) -> Boxed<Result<Box<dyn RemoteGroup>, OpenFault>> {
        Box::pin(crate::group::join(self.0.clone(), request))
    }

    fn group_rules(&self, group: &str) -> Boxed<Result<Option<GroupRules>, Fault>> {
        Box::pin(crate::group::rules(self.0.clone(), group.to_owned()))
    }

    fn delete_group(&self, group: &str) -> Boxed<Result<bool, Fault>> {
        Box::pin(crate::group::delete(self.0.clone(), group.to_owned()))
    }

    fn expired(&self) -> Option<Timestamp> {
        self.0.expiry.expired()
    }

    fn stats(&self) -> Boxed<Result<TopicStats, Fault>> {
        let core = self.0.clone();
        Box::pin(async move { stats::of(&core).await })
    }

    fn close(&self) -> Boxed<Result<(), Fault>> {
        let core = self.0.clone();
        Box::pin(async move { core.close().await })
    }
}
