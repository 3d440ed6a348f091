//! Ports: free ones, and those that a server says it has.

use std::fs;
use std::io;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::ops::Range;
use std::path::Path;

use serde_json::Value;

/// Below those that the system gives to connections, so that nothing takes the port of a server that is down;
/// a client that tries it meanwhile could even connect to itself. And above 4222.
const RANGE: Range<u16> = 12_000..32_000;

/// A port on loopback that nothing listens on now.
pub(crate) fn free() -> io::Result<u16> {
    for _ in 0..1_000 {
        let port = fastrand::u16(RANGE);
        if TcpListener::bind((Ipv4Addr::LOCALHOST, port)).is_ok() {
            return Ok(port);
        }
    }
    Err(io::Error::other(format!("no free port in {RANGE:?}")))
}

/// What a server says in its ports file.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Ports {
    /// For clients.
    pub(crate) client: SocketAddr,
    /// For questions about it.
    pub(crate) monitor: SocketAddr,
}

/// What the ports file says; `None` while it is not there or half written.
pub(crate) fn read(file: &Path) -> Option<Ports> {
    let said: Value = serde_json::from_str(&fs::read_to_string(file).ok()?).ok()?;
    let first = |what: &str| said[what][0].as_str()?.split_once("://")?.1.parse().ok();
    Some(Ports { client: first("nats")?, monitor: first("monitoring")? })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn free_ports_are_in_the_range_and_free() {
        let port = free().unwrap();
        assert!(RANGE.contains(&port), "{port}");
        assert!(TcpListener::bind((Ipv4Addr::LOCALHOST, port)).is_ok());
        assert!(!RANGE.contains(&4222));
    }
}
