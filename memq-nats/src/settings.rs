//! What a connection was told, and the options of the client that follow from it.

use std::fmt;
use std::io;
use std::path::PathBuf;
use std::time::Duration;

use async_nats::{ConnectOptions, ServerAddr};
use memq::Backoff;

use crate::names::Namespace;

/// How long one attempt to connect takes at most.
pub(crate) const CONNECT_TIMEOUT: Duration = Duration::from_secs(2);

/// How often the connection is tried; twice without an answer, and it is given up.
const PING: Duration = Duration::from_secs(5);

/// How long opening and administration wait for a server where nothing is said.
const PATIENCE: Duration = Duration::from_secs(30);

/// Where a topic's messages are kept.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Storage {
    /// In files of the server: they outlive it.
    #[default]
    File,
    /// In the server's memory: gone when it ends.
    Memory,
}

/// Who connects.
#[derive(Clone)]
pub(crate) enum Login {
    Nobody,
    Token(String),
    User(String, String),
    #[cfg(feature = "credentials")]
    Credentials(PathBuf),
}

/// What encrypts the connection, and who is trusted.
#[derive(Clone, Debug, Default)]
pub(crate) struct Tls {
    pub(crate) required: bool,
    pub(crate) roots: Vec<PathBuf>,
    pub(crate) client: Option<(PathBuf, PathBuf)>,
}

/// What a connection was told.
#[derive(Clone)]
pub(crate) struct Settings {
    pub(crate) servers: Vec<ServerAddr>,
    pub(crate) login: Login,
    pub(crate) tls: Tls,
    pub(crate) name: String,
    pub(crate) namespace: Namespace,
    pub(crate) replicas: usize,
    pub(crate) storage: Storage,
    pub(crate) window: usize,
    pub(crate) ack_timeout: Duration,
    pub(crate) give_up_after: Option<Duration>,
}

impl fmt::Debug for Settings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Nothing of the login, and addresses without what stands before their `@`.
        f.debug_struct("Settings")
            .field("servers", &self.servers.iter().map(shown).collect::<Vec<_>>())
            .field("name", &self.name)
            .field("namespace", &self.namespace)
            .field("replicas", &self.replicas)
            .field("storage", &self.storage)
            .field("window", &self.window)
            .finish_non_exhaustive()
    }
}

/// An address without user and password.
pub(crate) fn shown(address: &ServerAddr) -> String {
    format!("{}://{}:{}", address.scheme(), address.host(), address.port())
}

impl Settings {
    /// The pause between attempts to reach a server that is away.
    pub(crate) const AWAY: Backoff =
        Backoff::exponential(Duration::from_millis(50), Duration::from_secs(2));

    /// How long opening and administration wait for a server that is away.
    pub(crate) fn patience(&self) -> Duration {
        self.give_up_after.unwrap_or(PATIENCE)
    }

    /// Whether the connection, or one of its addresses, is to be encrypted.
    pub(crate) fn wants_tls(&self) -> bool {
        self.tls.required || self.servers.iter().any(|server| server.scheme() != "nats")
    }

    /// The client's options; a file of credentials is read each time.
    pub(crate) async fn options(&self) -> io::Result<ConnectOptions> {
        let mut options = ConnectOptions::new()
            .name(&self.name)
            .connection_timeout(CONNECT_TIMEOUT)
            .request_timeout(Some(self.ack_timeout))
            .ping_interval(PING)
            .require_tls(self.tls.required)
            // They are memq's, made of names that are checked, or the server's.
            .skip_subject_validation(true)
            .max_reconnects(None)
            .reconnect_delay_callback(delay);
        for roots in &self.tls.roots {
            options = options.add_root_certificates(roots.clone());
        }
        if let Some((certificate, key)) = &self.tls.client {
            options = options.add_client_certificate(certificate.clone(), key.clone());
        }
        Ok(match &self.login {
            Login::Nobody => options,
            Login::Token(token) => options.token(token.clone()),
            Login::User(user, password) => {
                options.user_and_password(user.clone(), password.clone())
            }
            #[cfg(feature = "credentials")]
            Login::Credentials(file) => options.credentials_file(file).await?,
        })
    }
}

/// The pause before an attempt to connect: none before the first.
fn delay(attempt: usize) -> Duration {
    match u32::try_from(attempt).unwrap_or(u32::MAX) {
        0 | 1 => Duration::ZERO,
        attempt => Settings::AWAY.delay(attempt - 1),
    }
}
