//! As much of a NATS client as these tests need, from the protocol: a line, and a payload where it says so.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use serde_json::{Value, json};

/// Longer than any answer takes; a test that waits for that has failed.
const TIMEOUT: Duration = Duration::from_secs(30);

pub(crate) struct Client {
    stream: BufReader<TcpStream>,
    /// What the server said of itself.
    pub(crate) info: Value,
}

impl Client {
    pub(crate) fn connect(addr: SocketAddr) -> io::Result<Self> {
        let stream = TcpStream::connect(addr)?;
        stream.set_read_timeout(Some(TIMEOUT))?;
        let mut client = Self { stream: BufReader::new(stream), info: Value::Null };
        let info = client.line()?;
        let info = info.strip_prefix("INFO ").ok_or_else(|| io::Error::other(info.clone()))?;
        client.info = serde_json::from_str(info)?;
        client
            .write(b"CONNECT {\"verbose\":false,\"no_responders\":false}\r\nSUB answers 1\r\n")?;
        client.ping()?;
        Ok(client)
    }

    /// Gives up an answer after this time, where it may have got lost and is to be asked for again.
    pub(crate) fn patience(&self, time: Duration) -> io::Result<()> {
        self.stream.get_ref().set_read_timeout(Some(time))
    }

    /// Whether the server is there.
    pub(crate) fn ping(&mut self) -> io::Result<()> {
        self.write(b"PING\r\n")?;
        while self.line()? != "PONG" {}
        Ok(())
    }

    /// Sends a message and waits for the answer.
    pub(crate) fn request(&mut self, subject: &str, payload: &str) -> io::Result<Value> {
        let bytes = payload.len();
        self.write(format!("PUB {subject} answers {bytes}\r\n{payload}\r\n").as_bytes())?;
        loop {
            let line = self.line()?;
            if line == "PING" {
                self.write(b"PONG\r\n")?;
            } else if let Some(message) = line.strip_prefix("MSG ") {
                let length = message.rsplit(' ').next().and_then(|length| length.parse().ok());
                let length: usize = length.ok_or_else(|| io::Error::other(line.clone()))?;
                let mut payload = vec![0; length + 2];
                self.stream.read_exact(&mut payload)?;
                return Ok(serde_json::from_slice(&payload)?);
            } else if line.starts_with("-ERR") {
                return Err(io::Error::other(line));
            }
        }
    }

    /// Creates a stream for everything under its name.
    pub(crate) fn create(&mut self, stream: &str, replicas: usize) -> io::Result<Value> {
        let configuration = json!({
            "name": stream,
            "subjects": [format!("{stream}.>")],
            "storage": "file",
            "num_replicas": replicas,
        });
        let subject = format!("$JS.API.STREAM.CREATE.{stream}");
        told(self.request(&subject, &configuration.to_string())?)
    }

    /// Publishes one message; its sequence, once it is stored.
    pub(crate) fn publish(&mut self, stream: &str, payload: &str) -> io::Result<u64> {
        let stored = told(self.request(&format!("{stream}.one"), payload)?)?;
        stored["seq"].as_u64().ok_or_else(|| io::Error::other(stored.to_string()))
    }

    /// How many messages a stream has.
    pub(crate) fn messages(&mut self, stream: &str) -> io::Result<u64> {
        let info = told(self.request(&format!("$JS.API.STREAM.INFO.{stream}"), "")?)?;
        info["state"]["messages"].as_u64().ok_or_else(|| io::Error::other(info.to_string()))
    }

    fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.stream.get_mut().write_all(bytes)
    }

    fn line(&mut self) -> io::Result<String> {
        let mut line = String::new();
        if self.stream.read_line(&mut line)? == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        Ok(line.trim_end().to_string())
    }
}

/// An answer that is no error.
fn told(answer: Value) -> io::Result<Value> {
    match &answer["error"] {
        Value::Null => Ok(answer),
        error => Err(io::Error::other(error.to_string())),
    }
}
