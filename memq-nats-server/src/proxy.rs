//! A way to a server that can be cut: connections go through it byte by byte.

use std::collections::HashMap;
use std::fmt;
use std::io::{self, Read, Write};
use std::net::{Ipv4Addr, Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::Duration;

/// So long it waits where no connection can be accepted, or until something else is to be done.
const AGAIN: Duration = Duration::from_millis(10);

/// Stands between clients and a server. Dropped, its connections end.
///
/// A client has to know no other way to the server than [`url`](Self::url); nodes of a cluster tell it theirs.
pub struct Proxy {
    addr: SocketAddr,
    shared: Arc<Shared>,
    listening: Option<JoinHandle<()>>,
}

struct Shared {
    target: SocketAddr,
    state: Mutex<State>,
    /// Rung where any of it is another one.
    changed: Condvar,
}

struct State {
    way: Way,
    /// What is not to reach the server.
    trap: Option<Vec<u8>>,
    /// Both ends of each connection, by its number.
    links: HashMap<u64, [TcpStream; 2]>,
    /// How many connections there were.
    accepted: u64,
    /// How many were ended at once, since it was cut.
    turned_away: u64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Way {
    Open,
    Held,
    Cut,
    /// The proxy is dropped.
    Gone,
}

impl Proxy {
    /// A proxy on a port of its own, on loopback.
    ///
    /// # Errors
    ///
    /// Where the system gives no port or thread.
    pub fn to(server: SocketAddr) -> io::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
        let addr = listener.local_addr()?;
        let shared = Arc::new(Shared {
            target: server,
            state: Mutex::new(State {
                way: Way::Open,
                trap: None,
                links: HashMap::new(),
                accepted: 0,
                turned_away: 0,
            }),
            changed: Condvar::new(),
        });
        let of_thread = shared.clone();
        let listening = thread::Builder::new()
            .name("proxy".into())
            .spawn(move || of_thread.listen(&listener))?;
        Ok(Self { addr, shared, listening: Some(listening) })
    }

    /// Where clients find it, `nats://127.0.0.1:…`.
    pub fn url(&self) -> String {
        format!("nats://{}", self.addr)
    }

    /// Where clients find it.
    pub fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// Ends every connection, with what is on its way, and each new one at once, until
    /// [`resume`](Self::resume).
    pub fn cut(&self) {
        self.shared.turn(Way::Cut);
    }

    /// Lets nothing through and ends nothing, as a network does that loses every packet, until
    /// [`resume`](Self::resume) lets all of it through.
    pub fn hold(&self) {
        self.shared.turn(Way::Held);
    }

    /// As [`hold`](Self::hold), as soon as a client sends these bytes, which do not arrive any more.
    ///
    /// # Panics
    ///
    /// Where there are none.
    pub fn hold_at(&self, bytes: impl Into<Vec<u8>>) {
        let bytes = bytes.into();
        assert!(!bytes.is_empty(), "nothing is in everything that is sent");
        self.shared.state().trap = Some(bytes);
    }

    /// Whether nothing is let through, as also after what [`hold_at`](Self::hold_at) waits for.
    pub fn is_held(&self) -> bool {
        self.shared.state().way == Way::Held
    }

    /// Lets everything through again.
    pub fn resume(&self) {
        self.shared.turn(Way::Open);
    }

    /// How many connections went through to the server so far: one more after a client has come back.
    pub fn connections(&self) -> u64 {
        self.shared.state().accepted
    }

    /// Waits until that many connections went through. Blocks its thread.
    pub fn wait_for_connections(&self, count: u64) {
        self.shared.wait(|state| state.accepted >= count);
    }

    /// Waits until this many more attempts to connect were in vain, while it is [cut](Self::cut). Blocks its
    /// thread.
    pub fn wait_for_turned_away(&self, more: u64) {
        let before = self.shared.state().turned_away;
        self.shared.wait(|state| state.turned_away >= before + more);
    }
}

impl fmt::Debug for Proxy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let way = self.shared.state().way;
        f.debug_struct("Proxy")
            .field("addr", &self.addr)
            .field("target", &self.shared.target)
            .field("way", &way)
            .finish_non_exhaustive()
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.shared.turn(Way::Gone);
        // Wakes the thread that listens, which then sees it.
        let woken = TcpStream::connect(self.addr);
        if let (Ok(_), Some(listening)) = (woken, self.listening.take()) {
            let _ = listening.join();
        }
    }
}

impl Shared {
    /// A panic elsewhere leaves nothing half done here.
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn turn(&self, way: Way) {
        let mut state = self.state();
        state.way = way;
        if matches!(way, Way::Cut | Way::Gone) {
            for ends in state.links.drain().flat_map(|(_, ends)| ends) {
                let _ = ends.shutdown(Shutdown::Both);
            }
        }
        drop(state);
        self.changed.notify_all();
    }

    fn wait(&self, until: impl Fn(&State) -> bool) {
        let state = self.state();
        let waited = self.changed.wait_while(state, |state| !until(state));
        drop(waited.unwrap_or_else(PoisonError::into_inner));
    }

    fn listen(self: &Arc<Self>, listener: &TcpListener) {
        loop {
            let accepted = listener.accept();
            let way = self.state().way;
            match (way, accepted) {
                (Way::Gone, _) => return,
                (Way::Cut, Ok(_)) => {
                    self.state().turned_away += 1;
                    self.changed.notify_all();
                }
                // A client that went away at once, or too many open files for now.
                (_, Err(_)) => drop(self.changed.wait_timeout(self.state(), AGAIN)),
                // Without a server, or a thread, the connection ends as if it was cut.
                (Way::Open | Way::Held, Ok((client, _))) => drop(self.link(client)),
            }
        }
    }

    /// Connects a client with the server.
    fn link(self: &Arc<Self>, client: TcpStream) -> io::Result<()> {
        let server = TcpStream::connect(self.target)?;
        client.set_nodelay(true)?;
        server.set_nodelay(true)?;
        let number = {
            let mut state = self.state();
            // It may have been cut while this connected.
            if matches!(state.way, Way::Cut | Way::Gone) {
                return Ok(());
            }
            state.accepted += 1;
            let number = state.accepted;
            state.links.insert(number, [client.try_clone()?, server.try_clone()?]);
            number
        };
        self.changed.notify_all();
        let (there, back) = ((client.try_clone()?, server.try_clone()?), (server, client));
        for ((from, to), traps) in [(there, true), (back, false)] {
            let shared = self.clone();
            let copy = move || {
                // Either way it is over, for both directions.
                let _ = shared.copy(&from, &to, traps);
                shared.end(number, &[from, to]);
            };
            thread::Builder::new().name("proxy".into()).spawn(copy)?;
        }
        Ok(())
    }

    fn copy(&self, mut from: &TcpStream, mut to: &TcpStream, traps: bool) -> io::Result<()> {
        let mut bytes = vec![0; 64 * 1024];
        let mut last = Vec::new();
        loop {
            let many = from.read(&mut bytes)?;
            if many == 0 {
                return Ok(());
            }
            if traps {
                self.spring(&mut last, &bytes[..many]);
            }
            let held = |state: &mut State| state.way == Way::Held;
            let state = self.changed.wait_while(self.state(), held);
            drop(state.unwrap_or_else(PoisonError::into_inner));
            // A connection that was cut meanwhile takes nothing any more.
            to.write_all(&bytes[..many])?;
        }
    }

    /// Holds everything where these bytes, or the last ones and these, hold what is not to arrive.
    fn spring(&self, last: &mut Vec<u8>, bytes: &[u8]) {
        let mut state = self.state();
        last.extend_from_slice(bytes);
        let Some(trap) = &state.trap else { return last.clear() };
        if last.windows(trap.len()).any(|found| found == trap) {
            state.trap = None;
            if state.way == Way::Open {
                state.way = Way::Held;
            }
            last.clear();
        } else {
            last.drain(..last.len().saturating_sub(trap.len() - 1));
        }
    }

    fn end(&self, number: u64, ends: &[TcpStream; 2]) {
        self.state().links.remove(&number);
        for end in ends {
            let _ = end.shutdown(Shutdown::Both);
        }
    }
}
