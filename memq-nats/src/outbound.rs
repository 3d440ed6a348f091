//! The connection that publishers send on, apart from that of everybody else.
//!
//! The client keeps what it was given to send while it is disconnected, and sends it as soon as it is
//! connected again: behind a gap, where what it had sent before was lost on the way. So this one is
//! never connected again. When it is cut it ends, with all that was not sent; publishers see that, get
//! another one, and send in order what was not acknowledged.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use async_nats::connection::State;
use async_nats::{Client, Event, ReconnectToServer, ServerAddr};
use memq::Cause;
use tokio::sync::{Mutex, watch};

use crate::settings::{CONNECT_TIMEOUT, Settings};

/// Where no server is ever: an attempt to connect fails at once.
const NOWHERE: &str = "nats://127.0.0.1:0";

/// Gives publishers what they send on.
#[derive(Debug)]
pub(crate) struct Outbound {
    settings: Arc<Settings>,
    /// The client that knows which servers there are.
    servers: Client,
    /// Those that it knew last.
    known: watch::Sender<Vec<ServerAddr>>,
    /// Which of them is tried first.
    start: usize,
    serial: AtomicU64,
    current: Mutex<Option<Session>>,
}

/// A connection until it is cut.
#[derive(Clone, Debug)]
pub(crate) struct Session {
    pub(crate) client: Client,
    /// Tells it from those before it.
    pub(crate) serial: u64,
    cut: watch::Receiver<bool>,
}

impl Session {
    /// Whether it ended.
    pub(crate) fn is_cut(&self) -> bool {
        *self.cut.borrow() || self.client.connection_state() != State::Connected
    }

    /// Resolves when it ends.
    ///
    /// # Cancel safety
    ///
    /// Dropped, nothing is lost.
    pub(crate) async fn cut(&mut self) {
        // An error says that the client is gone, which is the same.
        let _ = self.cut.wait_for(|cut| *cut).await;
    }
}

impl Outbound {
    pub(crate) fn new(settings: Arc<Settings>, servers: Client) -> Self {
        let start = std::process::id() as usize;
        let known = watch::Sender::new(settings.servers.clone());
        let (serial, current) = (AtomicU64::new(0), Mutex::default());
        Self { settings, servers, known, start, serial, current }
    }

    /// The connection there is, or a new one; one attempt is made.
    ///
    /// # Cancel safety
    ///
    /// Dropped, nothing is connected.
    pub(crate) async fn session(&self) -> Result<Session, Cause> {
        let mut current = self.current.lock().await;
        if let Some(session) = current.as_ref().filter(|session| !session.is_cut()) {
            return Ok(session.clone());
        }
        let session = self.connect().await?;
        *current = Some(session.clone());
        Ok(session)
    }

    /// The servers that were said, and those that these told of.
    async fn known_servers(&self) -> Vec<ServerAddr> {
        // While it is away it does not answer, for as long as that takes.
        if self.servers.connection_state() == State::Connected {
            let pool = tokio::time::timeout(CONNECT_TIMEOUT, self.servers.server_pool()).await;
            if let Ok(Ok(pool)) = pool {
                let known = pool.into_iter().map(|server| server.addr).collect();
                self.known.send_replace(known);
            }
        }
        self.known.borrow().clone()
    }

    async fn connect(&self) -> Result<Session, Cause> {
        let (cutting, cut) = watch::channel(false);
        let nowhere: ServerAddr = NOWHERE.parse()?;
        let mut servers = self.known_servers().await;
        let serial = self.serial.fetch_add(1, Ordering::Relaxed);
        // Not everybody to the first of them, and not to the same one again.
        let turn = usize::try_from(serial).unwrap_or_default().wrapping_add(self.start);
        let turn = turn % servers.len().max(1);
        servers.rotate_left(turn);
        servers.push(nowhere.clone());
        let first = AtomicBool::new(true);
        let client = self
            .settings
            .options()
            .await?
            .ignore_discovered_servers()
            .retain_servers_order()
            .max_reconnects(servers.len())
            // Each server is tried once at first. Afterwards only the one that is nowhere, until the
            // client gives up and ends.
            .reconnect_to_server_callback(move |_, _| {
                let again = !first.swap(false, Ordering::Relaxed);
                let target =
                    ReconnectToServer { addr: nowhere.clone(), delay: Some(Duration::ZERO) };
                std::future::ready(again.then_some(target))
            })
            .event_callback(move |event| {
                if matches!(event, Event::Disconnected | Event::Closed) {
                    cutting.send_replace(true);
                }
                std::future::ready(())
            })
            .connect(servers)
            .await?;
        Ok(Session { client, serial, cut })
    }
}
