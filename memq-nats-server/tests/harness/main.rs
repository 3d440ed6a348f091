//! What the other tests rely on: servers, clusters and the proxy do what they say, with each version that is
//! installed.

#![expect(clippy::unwrap_used, reason = "what goes wrong here fails the test")]

mod cluster;
mod proxy;
mod raw;
mod server;
