//! Says how to connect, and connects.

use std::fmt;
use std::future::IntoFuture;
use std::sync::Arc;
use std::time::Duration;

use async_nats::jetstream::context::ContextBuilder;
use async_nats::{Event, ServerAddr};
use memq::spi::{Boxed, Transport};
use memq::{Broker, Cause};
use serde::de::IgnoredAny;
use thiserror::Error;
use tokio::runtime::Handle;
use tokio::sync::watch;

use crate::fault;
use crate::link::Link;
use crate::names::Namespace;
use crate::outbound::Outbound;
#[cfg(not(feature = "tls"))]
use crate::preflight;
use crate::settings::{Login, Settings, Storage, Tls, shown};
use crate::task::Tasks;
use crate::time::clamped;
use crate::transport::JetStream;

/// How often JetStream is asked for while nobody answers, as after a cluster was started.
const TRIES: u32 = 5;

/// A broker of the topics on a NATS server with JetStream, with [what is usual](Connect).
///
/// ```no_run
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let broker = memq_nats::connect("nats://127.0.0.1:4222").await?;
/// let orders = broker.topic("orders").publisher().await?;
/// orders.publish_bytes("tea").await?; // stored on the server
/// # Ok(())
/// # }
/// ```
///
/// # Errors
///
/// [`ConnectError`], also where the server is away: a first connection is not waited for. One that is
/// cut later is made again.
///
/// # Cancel safety
///
/// Dropped, nothing is connected.
pub async fn connect(address: impl AsRef<str>) -> Result<Broker, ConnectError> {
    Connect::new(address).await
}

/// How to connect to NATS, and what topics are made of there. Await it for a [`Broker`].
///
/// ```no_run
/// use memq_nats::{Connect, Storage};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), memq_nats::ConnectError> {
/// let broker = Connect::new("nats://one:4222,nats://two:4222,nats://three:4222")
///     .user("shop", "secret")
///     .storage(Storage::File)
///     .replicas(3)
///     .await?;
/// # Ok(())
/// # }
/// ```
///
/// The tasks of the connection run on the runtime that this is awaited in. There are two connections
/// to the server: publishers have one of their own once there is one, which makes it possible that
/// messages keep their order where it is cut.
#[derive(Clone)]
#[must_use = "this connects once it is awaited"]
pub struct Connect {
    addresses: Vec<String>,
    settings: Settings,
    /// The first thing that was said and is not possible.
    wrong: Option<(&'static str, String, &'static str)>,
}

impl fmt::Debug for Connect {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // An address that was not parsed may hold a password.
        f.debug_struct("Connect").field("settings", &self.settings).finish_non_exhaustive()
    }
}

impl Connect {
    /// To the server at this address, `nats://host:port`; several of one cluster are separated by
    /// commas. An address may begin with `user:password@`.
    pub fn new(address: impl AsRef<str>) -> Self {
        let addresses = address.as_ref().split(',').map(|one| one.trim().to_owned()).collect();
        let settings = Settings {
            servers: Vec::new(),
            login: Login::Nobody,
            tls: Tls::default(),
            name: "memq".to_owned(),
            namespace: Namespace::default(),
            replicas: 1,
            storage: Storage::File,
            window: 1_000,
            ack_timeout: Duration::from_secs(5),
            give_up_after: None,
        };
        Self { addresses, settings, wrong: None }
    }

    /// Logs in with a token.
    pub fn token(mut self, token: impl Into<String>) -> Self {
        self.settings.login = Login::Token(token.into());
        self
    }

    /// Logs in with a user's name and password.
    pub fn user(mut self, user: impl Into<String>, password: impl Into<String>) -> Self {
        self.settings.login = Login::User(user.into(), password.into());
        self
    }

    /// Logs in with a file of credentials, as `nsc` makes it: a JWT and the key to it. It is read
    /// again for each new connection.
    #[cfg(feature = "credentials")]
    pub fn credentials(mut self, file: impl Into<std::path::PathBuf>) -> Self {
        self.settings.login = Login::Credentials(file.into());
        self
    }

    /// Encrypts the connection, also where neither address nor server asks for it.
    #[cfg(feature = "tls")]
    pub fn require_tls(mut self) -> Self {
        self.settings.tls.required = true;
        self
    }

    /// Trusts the certificates in this file, in PEM, in place of those the system trusts. Can be said
    /// several times.
    #[cfg(feature = "tls")]
    pub fn root_certificates(mut self, file: impl Into<std::path::PathBuf>) -> Self {
        self.settings.tls.roots.push(file.into());
        self
    }

    /// Shows the server this certificate, of the key in the second file; both in PEM.
    #[cfg(feature = "tls")]
    pub fn client_certificate(
        mut self,
        certificate: impl Into<std::path::PathBuf>,
        key: impl Into<std::path::PathBuf>,
    ) -> Self {
        self.settings.tls.client = Some((certificate.into(), key.into()));
        self
    }

    /// What the server calls the connection in its lists; `memq` where nothing is said.
    pub fn name(mut self, name: impl Into<String>) -> Self {
        self.settings.name = name.into();
        self
    }

    /// What streams and subjects begin with; `memq` where nothing is said. Applications with different
    /// namespaces share a server and no topic. 1 to 32 characters of `[A-Za-z0-9_]`.
    pub fn namespace(mut self, namespace: &str) -> Self {
        match Namespace::new(namespace) {
            Some(namespace) => self.settings.namespace = namespace,
            None => self.refuse(
                "namespace",
                namespace,
                "use 1 to 32 characters of A-Z, a-z, 0-9 and '_'",
            ),
        }
        self
    }

    /// On how many servers a topic that is created here is kept; 1 where nothing is said. With 3, one
    /// of them may fail. Topics that exist stay as they are.
    pub fn replicas(mut self, replicas: usize) -> Self {
        if (1..=5).contains(&replicas) {
            self.settings.replicas = replicas;
        } else {
            self.refuse("replicas", &replicas.to_string(), "a topic is kept on 1 to 5 servers");
        }
        self
    }

    /// Where the messages of a topic that is created here are kept; in files where nothing is said.
    pub fn storage(mut self, storage: Storage) -> Self {
        self.settings.storage = storage;
        self
    }

    /// How many messages one publisher has sent and not yet stored at most; 1,000 where nothing is
    /// said. With 1, each is sent once the one before it is stored, which is the strictest order, and
    /// a small part of the speed.
    pub fn window(mut self, messages: usize) -> Self {
        if (1..=10_000).contains(&messages) {
            self.settings.window = messages;
        } else {
            self.refuse("window", &messages.to_string(), "it is 1 to 10,000 messages");
        }
        self
    }

    /// How long an answer of the server is waited for before the message is sent again; 5 s where
    /// nothing is said.
    pub fn ack_timeout(mut self, timeout: Duration) -> Self {
        if timeout.is_zero() {
            self.refuse("ack_timeout", "0s", "an answer takes longer than nothing");
        } else {
            self.settings.ack_timeout = clamped(timeout);
        }
        self
    }

    /// How long a server that is away is waited for before a call fails. Where nothing is said,
    /// publishing and reading wait without end, and opening and administration for 30 s.
    pub fn give_up_after(mut self, time: Duration) -> Self {
        self.settings.give_up_after = Some(clamped(time));
        self
    }

    fn refuse(&mut self, option: &'static str, value: &str, remedy: &'static str) {
        self.wrong.get_or_insert((option, value.to_owned(), remedy));
    }

    /// What was said, if it is possible.
    fn checked(self) -> Result<Settings, ConnectError> {
        if let Some((option, value, remedy)) = self.wrong {
            return Err(ConnectError::Option { option, value, remedy });
        }
        let mut settings = self.settings;
        for address in self.addresses {
            let parsed = address.parse::<ServerAddr>();
            let parsed = parsed.ok().filter(|to| !to.is_websocket() && !to.host().is_empty());
            settings.servers.push(parsed.ok_or(ConnectError::Address)?);
        }
        // What stands in an address counts where nothing else was said.
        let first = settings.servers.first();
        if let (Login::Nobody, Some(address)) = (&settings.login, first) {
            settings.login = match (address.username(), address.password()) {
                (Some(user), Some(password)) => Login::User(user.to_owned(), password.to_owned()),
                (Some(token), None) => Login::Token(token.to_owned()),
                (None, _) => Login::Nobody,
            };
        }
        if !cfg!(feature = "tls") && settings.wants_tls() {
            return Err(ConnectError::Tls);
        }
        Ok(settings)
    }

    /// Connects, and asks for JetStream: for those who wrap the transport. Others await this itself.
    ///
    /// # Errors
    ///
    /// [`ConnectError`], also where the server is away: a first connection is not waited for.
    ///
    /// # Cancel safety
    ///
    /// Dropped, nothing is connected.
    pub async fn transport(self) -> Result<Arc<dyn Transport>, ConnectError> {
        Ok(Arc::new(JetStream::new(self.link().await?)))
    }

    async fn link(self) -> Result<Link, ConnectError> {
        let settings = Arc::new(self.checked()?);
        #[cfg(not(feature = "tls"))]
        refuse_tls(&settings).await?;
        let options = settings.options().await;
        let (telling, up) = watch::channel(true);
        let options = options.map_err(|error| unreachable(&settings, error))?;
        let client = options
            .event_callback(move |event| {
                match event {
                    Event::Connected => drop(telling.send_replace(true)),
                    Event::Disconnected | Event::Closed => drop(telling.send_replace(false)),
                    _ => {}
                }
                std::future::ready(())
            })
            .connect(settings.servers.clone())
            .await
            .map_err(|error| unreachable(&settings, error))?;
        let context = ContextBuilder::new().timeout(settings.ack_timeout).build(client.clone());
        let mut tries = 1;
        loop {
            match fault::ask::<IgnoredAny>(&context, "INFO".to_owned(), &()).await {
                Ok(_) => break,
                Err(trouble) if !trouble.passes() || tries == TRIES => {
                    return Err(ConnectError::JetStream { source: trouble.into_cause() });
                }
                Err(_) => {
                    tokio::time::sleep(Settings::AWAY.delay(tries)).await;
                    tries += 1;
                }
            }
        }
        let outbound = Outbound::new(settings.clone(), client.clone());
        let tasks = Tasks::new(Handle::current());
        Ok(Link::new(settings, client, context, outbound, up, tasks))
    }
}

/// As [`connect`].
impl IntoFuture for Connect {
    type Output = Result<Broker, ConnectError>;
    type IntoFuture = Boxed<Self::Output>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(async move { Ok(Broker::over(self.transport().await?)) })
    }
}

/// Refuses servers that ask for TLS by name: the client would panic.
#[cfg(not(feature = "tls"))]
async fn refuse_tls(settings: &Settings) -> Result<(), ConnectError> {
    for server in &settings.servers {
        // Whoever cannot be reached is left to the client, which tries them all.
        let seen = preflight::look(server, crate::settings::CONNECT_TIMEOUT).await;
        if seen.is_ok_and(|greeting| greeting.tls_required) {
            return Err(ConnectError::Tls);
        }
    }
    Ok(())
}

fn unreachable(settings: &Settings, source: impl Into<Cause>) -> ConnectError {
    let servers = settings.servers.iter().map(shown).collect::<Vec<_>>().join(", ");
    ConnectError::Unreachable { servers, source: source.into() }
}

/// A connection could not be made.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum ConnectError {
    /// The address is none. It is not shown, since it may hold a password.
    #[error("the address is none of a NATS server: use `nats://host:port`")]
    Address,
    /// An option has a value it cannot have.
    #[error("{option} = {value} is not possible: {remedy}")]
    Option {
        /// The option.
        option: &'static str,
        /// The value asked for.
        value: String,
        /// What to do.
        remedy: &'static str,
    },
    /// The server, or its address, asks for TLS, which this build cannot.
    #[error("TLS is asked for: turn on the feature `tls` of memq-nats")]
    Tls,
    /// No server could be reached, or none lets this client in.
    #[error("no connection to {servers}: is a NATS server running there, and is the login right?")]
    Unreachable {
        /// Where it was tried.
        servers: String,
        /// Why not.
        source: Cause,
    },
    /// The server does not offer JetStream.
    #[error("the server offers no JetStream: start it with `-js`, or enable it for the account")]
    JetStream {
        /// What it said.
        source: Cause,
    },
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_possible_is_told_by_name() {
        let option = |connect: Connect| match connect.checked() {
            Err(ConnectError::Option { option, .. }) => option,
            other => panic!("{other:?}"),
        };
        let connect = || Connect::new("nats://127.0.0.1:1");
        assert_eq!(option(connect().namespace("a.b").window(0)), "namespace");
        assert_eq!(option(connect().replicas(0)), "replicas");
        assert_eq!(option(connect().window(0)), "window");
        assert_eq!(option(connect().ack_timeout(Duration::ZERO)), "ack_timeout");
        for address in ["", "ws://a", "http://a", "nats://a b"] {
            assert!(matches!(Connect::new(address).checked(), Err(ConnectError::Address)));
        }
    }

    #[test]
    fn several_addresses_are_separated_by_commas() {
        let settings = Connect::new("nats://a:1, b:2").checked().unwrap();
        let shown: Vec<_> = settings.servers.iter().map(shown).collect();
        assert_eq!(shown, ["nats://a:1", "nats://b:2"]);
    }

    #[test]
    fn a_password_is_not_shown() {
        let settings = Connect::new("nats://me:secret@a:1").checked().unwrap();
        assert!(matches!(&settings.login, Login::User(user, _) if user == "me"));
        assert!(!format!("{settings:?}").contains("secret"));
        let connect = Connect::new("nats://a:1").token("secret");
        assert!(!format!("{connect:?}").contains("secret"));
    }

    #[cfg(not(feature = "tls"))]
    #[test]
    fn tls_is_refused_by_name_in_a_build_without() {
        assert!(matches!(Connect::new("tls://a").checked(), Err(ConnectError::Tls)));
    }
}
