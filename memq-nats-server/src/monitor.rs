//! What a server says of its JetStream, over its monitoring port.

use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use serde_json::Value;

/// A server that does not answer is as one that is down.
const TIMEOUT: Duration = Duration::from_secs(5);

/// Who leads the cluster, as the server at `monitor` sees it; `None` while it knows of nobody.
pub(crate) fn leader(monitor: SocketAddr) -> io::Result<Option<String>> {
    Ok(said(&ask(monitor, "/jsz")?["meta_cluster"]["leader"]))
}

/// How many of the other nodes have all that the leader has; only the leader knows.
pub(crate) fn current(monitor: SocketAddr) -> io::Result<usize> {
    let answer = ask(monitor, "/jsz")?;
    let others = answer["meta_cluster"]["replicas"].as_array();
    let current = |other: &&Value| other["current"] == true && other["offline"] != true;
    Ok(others.map_or(0, |others| others.iter().filter(current).count()))
}

/// Who leads a stream, as the server at `monitor` sees it; `None` if it has no such stream.
pub(crate) fn stream_leader(monitor: SocketAddr, stream: &str) -> io::Result<Option<String>> {
    let answer = ask(monitor, "/jsz?accounts=true&streams=true&limit=10000")?;
    let accounts = answer["account_details"].as_array().into_iter().flatten();
    let mut streams = accounts.filter_map(|account| account["stream_detail"].as_array()).flatten();
    Ok(streams
        .find(|detail| detail["name"] == stream)
        .and_then(|detail| said(&detail["cluster"]["leader"])))
}

/// A name that is there and not empty.
fn said(value: &Value) -> Option<String> {
    value.as_str().filter(|name| !name.is_empty()).map(str::to_string)
}

/// A question in HTTP 1.0, so that the answer is all there is until its end.
fn ask(monitor: SocketAddr, path: &str) -> io::Result<Value> {
    let mut stream = TcpStream::connect_timeout(&monitor, TIMEOUT)?;
    stream.set_read_timeout(Some(TIMEOUT))?;
    stream.set_write_timeout(Some(TIMEOUT))?;
    write!(stream, "GET {path} HTTP/1.0\r\n\r\n")?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    let (head, body) = answer.split_once("\r\n\r\n").unwrap_or((&answer, ""));
    if !head.lines().next().is_some_and(|line| line.contains(" 200 ")) {
        return Err(io::Error::other(format!("the server answered {head:?} to {path}")));
    }
    Ok(serde_json::from_str(body)?)
}
