//! Real nats-servers for tests, on loopback: start one or three, kill it, start it again with what it
//! had stored, and cut the way to it.
//!
//! ```
//! use memq_nats_server::{Binary, Proxy, Server};
//!
//! # fn main() -> std::io::Result<()> {
//! // Says loudly that the test is skipped where there is no nats-server.
//! let Some(binary) = Binary::or_skip() else { return Ok(()) };
//! let server = Server::start(&binary)?;
//! let proxy = Proxy::to(server.addr())?;
//! // A client is given `server.url()`, or `proxy.url()` where its connection is to be cut.
//! proxy.cut();
//! proxy.resume();
//!
//! server.kill9(); // nothing is written any more
//! server.restart()?; // the same address, with what was stored
//! # Ok(())
//! # }
//! ```
//!
//! Nothing here is asynchronous, so that any runtime can use it: what starts or stops a server blocks its
//! thread until that is done, for some hundredths of a second and three nodes for some seconds. A test
//! whose tasks are to go on meanwhile has more than one thread.
//!
//! A server ends with its [`Server`], and with this process however it ends: also if it is killed, and
//! for a server in a `static`. Its ports are random and never 4222.
//!
//! `NATS_SERVER` says which programs are used, as a list like `PATH`; empty it means none. Otherwise they are
//! looked for where `scripts/nats-servers` installs them, in `PATH` and in `/usr/sbin`. With
//! `MEMQ_REQUIRE_NATS=1` a test that finds none fails.

mod again;
mod binary;
mod cluster;
mod eventually;
mod installed;
mod ledger;
mod monitor;
mod ports;
mod process;
mod proxy;
mod server;

pub use self::again::{again, role};
pub use self::binary::{Binary, Version};
pub use self::cluster::Cluster;
pub use self::eventually::eventually;
pub use self::installed::python_or_skip;
pub use self::ledger::{Ledger, Mark, Report, Seen};
pub use self::proxy::Proxy;
pub use self::server::Server;

use std::time::Duration;

/// How long a server may take for what it does, before a test fails: far more than it needs.
const PATIENCE: Duration = Duration::from_secs(60);
