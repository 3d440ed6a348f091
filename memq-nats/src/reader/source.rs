//! The consumer that sends a reader its messages. It is made for one reader alone, and acknowledges
//! nothing.

use std::sync::Arc;
use std::time::Duration;

use async_nats::jetstream::consumer::Info;
use async_nats::jetstream::stream::Info as Stream;
use memq::spi::Fault;
use serde::Serialize;
use serde::de::IgnoredAny;
use serde_json::Map;

use crate::fault::{Trouble, code};
use crate::names::{self, timestamp};
use crate::time::nanos;
use crate::topic::{Core, Unseen};

/// How long a consumer that nobody asks for messages is kept.
const INACTIVE: Duration = Duration::from_secs(60);

#[derive(Serialize)]
struct Create<'c> {
    stream_name: &'c str,
    config: Config<'c>,
}

/// What is said of it; the rest is as the server has it.
#[derive(Serialize)]
struct Config<'c> {
    name: &'c str,
    deliver_policy: &'static str,
    opt_start_seq: u64,
    ack_policy: &'static str,
    replay_policy: &'static str,
    /// In nanoseconds.
    inactive_threshold: u64,
    mem_storage: bool,
    num_replicas: usize,
}

/// A reader's consumer; always of the same name.
#[derive(Debug)]
pub(super) struct Source {
    core: Arc<Core>,
    name: String,
}

impl Source {
    pub(super) fn new(core: Arc<Core>) -> Self {
        Self { core, name: names::reader() }
    }

    /// Makes it for the first time, to begin at this sequence, for as long as the settings say. How
    /// many messages it has to send, and the sequence of the topic's next message.
    pub(super) async fn open(&self, cursor: u64) -> Result<(u64, u64), Fault> {
        let made: Info = self.core.link.ask(&self.request("CREATE"), &self.create(cursor)).await?;
        self.core.hear_time(timestamp(made.created));
        // The stream after its consumer: where it is the right one, so is that.
        match self.core.look_patiently().await {
            Ok(stream) => Ok((made.num_pending, stream.state.last_sequence + 1)),
            Err(fault) => {
                let _ = self.remove().await;
                Err(fault)
            }
        }
    }

    /// Makes it again, to begin at this sequence; asks once. How many messages it has to send, and the stream.
    ///
    /// # Cancel safety
    ///
    /// Dropped, it was made, or is gone.
    pub(super) async fn renew(&self, cursor: u64) -> Result<(u64, Stream), Unseen> {
        let away = |trouble: Trouble| Unseen::Away(trouble.into_cause());
        self.remove().await.map_err(away)?;
        let create = self.create(cursor);
        let made = self.core.link.ask_once::<Info>(&self.request("CREATE"), &create).await;
        let stream = self.core.look().await?;
        let made = made.map_err(away)?;
        self.core.hear_time(timestamp(made.created));
        Ok((made.num_pending, stream))
    }

    /// Removes it, if it is there.
    ///
    /// # Cancel safety
    ///
    /// Dropped, it was removed or not.
    pub(super) async fn remove(&self) -> Result<(), Trouble> {
        let request = self.request("DELETE");
        match self.core.link.ask_once::<IgnoredAny>(&request, &Map::new()).await {
            Err(trouble) if trouble.is(code::NO_CONSUMER) || trouble.is(code::NO_STREAM) => Ok(()),
            answer => answer.map(|_| ()),
        }
    }

    /// How far it is; asks once.
    ///
    /// # Cancel safety
    ///
    /// Dropped, nothing was learned.
    pub(super) async fn info(&self) -> Result<Info, Trouble> {
        self.core.link.ask_once(&self.request("INFO"), &Map::new()).await
    }

    /// What is asked for its next messages.
    pub(super) fn next(&self) -> String {
        format!("$JS.API.{}", self.request("MSG.NEXT"))
    }

    fn request(&self, what: &str) -> String {
        format!("CONSUMER.{what}.{}.{}", self.core.stream, self.name)
    }

    fn create(&self, cursor: u64) -> Create<'_> {
        let config = Config {
            name: &self.name,
            deliver_policy: "by_start_sequence",
            opt_start_seq: cursor,
            ack_policy: "none",
            replay_policy: "instant",
            inactive_threshold: nanos(INACTIVE),
            // It is made again where it is lost.
            mem_storage: true,
            num_replicas: 1,
        };
        Create { stream_name: &self.core.stream, config }
    }
}
