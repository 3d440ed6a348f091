//! A look at what a server says first, before the client connects. Without the feature `tls` the
//! client has nothing to encrypt with, and would panic on a server that asks for it.

use std::io;
use std::time::Duration;

use async_nats::ServerAddr;
use serde::Deserialize;
use tokio::io::AsyncReadExt as _;
use tokio::net::TcpStream;

/// More than any server says at first.
const LONGEST: u64 = 64 << 10;

/// What matters of it.
#[derive(Debug, Default, Deserialize, PartialEq, Eq)]
pub(crate) struct Greeting {
    #[serde(default)]
    pub(crate) tls_required: bool,
}

/// What the server at this address says first.
pub(crate) async fn look(address: &ServerAddr, patience: Duration) -> io::Result<Greeting> {
    let looking = async {
        let stream = TcpStream::connect((address.host(), address.port())).await?;
        let mut greeting = Vec::new();
        let mut stream = stream.take(LONGEST);
        loop {
            if let Some(end) = greeting.iter().position(|byte| *byte == b'\n') {
                greeting.truncate(end);
                return parse(&greeting);
            }
            if stream.read_buf(&mut greeting).await? == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
        }
    };
    tokio::time::timeout(patience, looking).await?
}

fn parse(line: &[u8]) -> io::Result<Greeting> {
    let info = line.strip_prefix(b"INFO ").ok_or_else(|| {
        io::Error::new(io::ErrorKind::InvalidData, "what answers there is no NATS server")
    })?;
    serde_json::from_slice(info).map_err(io::Error::from)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_greeting_of_a_server_is_one() {
        let asks = parse(b"INFO {\"server_id\":\"x\",\"tls_required\":true} \r").unwrap();
        assert!(asks.tls_required);
        assert_eq!(parse(b"INFO {}\r").unwrap(), Greeting::default());
        for other in [&b"HTTP/1.1 400 Bad Request\r"[..], b"", b"INFO", b"INFO {"] {
            assert!(parse(other).is_err());
        }
    }
}
