//! Three nats-servers that are one system.

use std::io;
use std::thread;

use crate::eventually::soon;
use crate::{Binary, Server, monitor, ports};

/// How many nodes there are: with one down the others still decide, with two down nobody does.
const NODES: usize = 3;

/// A cluster of three nodes with JetStream. Dropped, it is killed and its stores are removed.
///
/// ```no_run
/// use memq_nats_server::{Binary, Cluster};
///
/// # fn main() -> std::io::Result<()> {
/// let Some(binary) = Binary::or_skip() else { return Ok(()) };
/// let cluster = Cluster::start(&binary)?;
/// // A client is given `cluster.urls()`; a stream `orders` of three replicas would have
/// // `cluster.wait_for_stream_leader("orders")`.
/// cluster.wait_for_leader()?.kill9();
/// println!("{} leads now", cluster.wait_for_leader()?.name()); // one of the other two
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct Cluster {
    nodes: Vec<Server>,
}

impl Cluster {
    /// Starts three nodes; when this returns one of them leads, and the others have what it has.
    ///
    /// # Errors
    ///
    /// Where one does not start, with what it wrote to its log, or where they do not agree on a leader.
    pub fn start(binary: &Binary) -> io::Result<Self> {
        Self::with(binary, "")
    }

    /// Starts three nodes with more in the configuration of each.
    ///
    /// # Errors
    ///
    /// As [`start`](Self::start).
    pub fn with(binary: &Binary, configuration: &str) -> io::Result<Self> {
        Server::unless_taken(|| {
            let cluster = Self::down(binary, configuration)?;
            cluster.restart()?;
            Ok(cluster)
        })
    }

    fn down(binary: &Binary, configuration: &str) -> io::Result<Self> {
        let ports = (0..NODES).map(|_| ports::free()).collect::<io::Result<Vec<u16>>>()?;
        let routes: Vec<String> =
            ports.iter().map(|port| format!("nats-route://127.0.0.1:{port}")).collect();
        let node = |(at, port): (usize, &u16)| {
            let routes = routes.join(", ");
            let extra = format!(
                "cluster {{ name: memq, listen: \"127.0.0.1:{port}\", routes: [{routes}] }}\n\
                 {configuration}"
            );
            Server::down(binary, &format!("node-{}", at + 1), &extra)
        };
        Ok(Self { nodes: ports.iter().enumerate().map(node).collect::<io::Result<_>>()? })
    }

    /// Starts the nodes that do not run, each with its store and at its address, and waits until one leads
    /// and the others have what it has.
    ///
    /// # Errors
    ///
    /// As [`start`](Self::start).
    pub fn restart(&self) -> io::Result<()> {
        // One of 2.9.10 crashes now and then as it reads what the others have: who runs it starts it again.
        let crashed = |error: &io::Error| error.to_string().contains("SIGSEGV");
        let start = |node: &Server| match node.restart() {
            Err(error) if crashed(&error) => node.restart(),
            done => done,
        };
        // At once, since a node may wait for the others.
        thread::scope(|scope| {
            let down = self.nodes.iter().filter(|node| !node.is_running());
            let starts: Vec<_> = down.map(|node| scope.spawn(|| start(node))).collect();
            let ended = starts.into_iter().map(|start| match start.join() {
                Ok(done) => done,
                Err(panic) => std::panic::resume_unwind(panic),
            });
            ended.collect::<Vec<_>>().into_iter().collect::<io::Result<()>>()
        })?;
        self.wait("the nodes do not come together", || {
            let Some(monitor) = self.leader().and_then(Server::monitor) else { return Ok(None) };
            Ok((monitor::current(monitor)? == NODES - 1).then_some(()))
        })
    }

    /// The nodes, running or not.
    pub fn nodes(&self) -> &[Server] {
        &self.nodes
    }

    /// Where clients find its nodes, with commas between them.
    pub fn urls(&self) -> String {
        self.nodes.iter().map(Server::url).collect::<Vec<_>>().join(",")
    }

    /// The node that leads the cluster, if one that runs says so of itself.
    pub fn leader(&self) -> Option<&Server> {
        self.led(monitor::leader)
    }

    /// The node that leads a stream, if one that runs says so of itself.
    pub fn stream_leader(&self, stream: &str) -> Option<&Server> {
        self.led(|node| monitor::stream_leader(node, stream))
    }

    /// Waits for a node that leads the cluster.
    ///
    /// # Errors
    ///
    /// Where there is none for a minute, as with two of the three down.
    pub fn wait_for_leader(&self) -> io::Result<&Server> {
        self.wait("there is no leader", || Ok(self.leader()))
    }

    /// Waits for a node that leads the stream.
    ///
    /// # Errors
    ///
    /// Where there is none for a minute, as with two of the three down, or if there is no such stream.
    pub fn wait_for_stream_leader(&self, stream: &str) -> io::Result<&Server> {
        self.wait("the stream has no leader", || Ok(self.stream_leader(stream)))
    }

    /// The node that is named by itself. Others may still name one that is gone, and one that does not
    /// answer names nobody.
    fn led(
        &self,
        says: impl Fn(std::net::SocketAddr) -> io::Result<Option<String>>,
    ) -> Option<&Server> {
        self.nodes.iter().find(|node| {
            let Some(monitor) = node.monitor() else { return false };
            says(monitor).is_ok_and(|leader| leader.as_deref() == Some(node.name()))
        })
    }

    fn wait<T>(&self, or: &str, look: impl Fn() -> io::Result<Option<T>>) -> io::Result<T> {
        let mut last = None;
        // A node may not answer, for now.
        let found = soon(|| {
            let looked = look();
            last = looked.as_ref().err().map(ToString::to_string);
            Ok(looked.unwrap_or_default())
        })?;
        if let Some(found) = found {
            return Ok(found);
        }
        let logs: Vec<String> = self.nodes.iter().map(Server::end_of_log).collect();
        let last = last.map(|error| format!(" ({error})")).unwrap_or_default();
        let text = format!("{or}{last}; the logs:\n{}", logs.join("\n--\n"));
        Err(io::Error::new(io::ErrorKind::TimedOut, text))
    }
}
