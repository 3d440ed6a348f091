//! A connection, and all that is done over it.

use std::sync::Arc;

use async_nats::Client;
use async_nats::connection::State;
use async_nats::jetstream::Context;
use async_nats::jetstream::stream::Info;
use serde::Serialize;
use serde::de::DeserializeOwned;
use tokio::sync::watch;
use tokio::time::Instant;

use crate::fault::{self, Trouble};
use crate::outbound::Outbound;
use crate::settings::Settings;
use crate::task::Tasks;
use crate::topic::Expiries;

/// What all handles of a broker share.
#[derive(Debug)]
pub(crate) struct Link {
    pub(crate) settings: Arc<Settings>,
    /// Connects again by itself. For all but publishing.
    pub(crate) client: Client,
    pub(crate) context: Context,
    /// For publishing.
    pub(crate) outbound: Outbound,
    /// Whether `client` is connected.
    pub(crate) up: watch::Receiver<bool>,
    pub(crate) tasks: Arc<Tasks>,
    pub(crate) expiries: Expiries,
    /// Whether a server that is killed knows afterwards where groups were. Others write that in place,
    /// and have nothing where they are killed meanwhile.
    pub(crate) keeps_groups: bool,
    /// Whether the last broker is gone.
    down: watch::Sender<bool>,
}

impl Link {
    pub(crate) fn new(
        settings: Arc<Settings>,
        client: Client,
        context: Context,
        outbound: Outbound,
        up: watch::Receiver<bool>,
        tasks: Arc<Tasks>,
    ) -> Self {
        let (expiries, (down, _)) = (Expiries::default(), watch::channel(false));
        let since = |minor, patch| client.is_server_compatible(2, minor, patch);
        let keeps_groups = since(12, 1) || (since(11, 11) && !since(12, 0));
        Self { settings, client, context, outbound, up, tasks, expiries, keeps_groups, down }
    }

    /// Asks the server until it answers, or for as long as the settings say. The subject begins after
    /// `$JS.API.`. `Away` says that it did not.
    ///
    /// # Cancel safety
    ///
    /// Dropped, it was asked or not.
    pub(crate) async fn ask<A: DeserializeOwned>(
        &self,
        subject: &str,
        request: &(impl Serialize + ?Sized),
    ) -> Result<A, Trouble> {
        self.persist(|| self.ask_once(subject, request)).await
    }

    /// Asks until there is an answer, or for as long as the settings say.
    async fn persist<A, F: Future<Output = Result<A, Trouble>>>(
        &self,
        ask: impl Fn() -> F,
    ) -> Result<A, Trouble> {
        let deadline = Instant::now() + self.settings.patience();
        let mut attempt = 1;
        loop {
            let pause = match ask().await {
                Err(trouble) if trouble.passes() => {
                    let pause = Settings::AWAY.delay(attempt);
                    if Instant::now() + pause > deadline {
                        return Err(trouble);
                    }
                    pause
                }
                answer => return answer,
            };
            tokio::time::sleep(pause).await;
            attempt += 1;
        }
    }

    /// Asks once. A connection that is cut meanwhile brings no answer any more, which the client does not
    /// tell.
    ///
    /// # Cancel safety
    ///
    /// Dropped, it was asked or not.
    pub(crate) async fn ask_once<A: DeserializeOwned>(
        &self,
        subject: &str,
        request: &(impl Serialize + ?Sized),
    ) -> Result<A, Trouble> {
        let away = |text: &'static str| Trouble::Away(text.into());
        if !self.comes_up().await {
            return Err(away("no server can be reached"));
        }
        tokio::select! {
            biased;
            answer = fault::ask(&self.context, subject.to_owned(), request) => answer,
            () = self.goes_down() => Err(away("the connection was cut")),
        }
    }

    /// What the server says of a stream, asked as by [`ask`](Self::ask).
    ///
    /// # Cancel safety
    ///
    /// Dropped, nothing was learned.
    pub(crate) async fn info(&self, stream: &str) -> Result<Info, Trouble> {
        self.persist(|| self.info_once(stream)).await
    }

    /// The same, asked once.
    ///
    /// # Cancel safety
    ///
    /// Dropped, nothing was learned.
    pub(crate) async fn info_once(&self, stream: &str) -> Result<Info, Trouble> {
        let info: Info = self.ask_once(&format!("STREAM.INFO.{stream}"), &()).await?;
        // A node that was away and has not found a leader yet answers with what it had.
        if info.cluster.as_ref().is_some_and(|cluster| cluster.leader.is_none()) {
            return Err(Trouble::Away("the stream has no leader at the moment".into()));
        }
        Ok(info)
    }

    /// Waits until the client is connected, for as long as for an answer; `false` where it is not.
    async fn comes_up(&self) -> bool {
        let mut up = self.up.clone();
        let patience = self.settings.ack_timeout;
        // The client's state is asked too, since what it tells may be lost.
        self.client.connection_state() == State::Connected
            || tokio::time::timeout(patience, up.wait_for(|up| *up)).await.is_ok()
    }

    /// Waits until the client is not connected any more.
    ///
    /// # Cancel safety
    ///
    /// Dropped, nothing is lost.
    pub(crate) async fn goes_down(&self) {
        let mut up = self.up.clone();
        loop {
            if up.wait_for(|up| !*up).await.is_err() {
                return;
            }
            if self.client.connection_state() != State::Connected {
                return;
            }
            // It is connected again already, or that was not told.
            if up.changed().await.is_err() {
                return;
            }
        }
    }

    /// Whether the server keeps its place in a group where it has a message to hand out again that nobody who
    /// waits may have: members that are gone, or that say how many bytes they take.
    pub(crate) fn keeps_its_place(&self) -> bool {
        self.client.is_server_compatible(2, 10, 16)
    }

    /// Says that the last broker is gone.
    pub(crate) fn shut_down(&self) {
        self.down.send_replace(true);
        self.tasks.end();
    }

    /// Whether the last broker is gone.
    pub(crate) fn is_down(&self) -> bool {
        *self.down.borrow()
    }

    /// Tells when the last broker is gone.
    pub(crate) fn down(&self) -> watch::Receiver<bool> {
        self.down.subscribe()
    }
}
