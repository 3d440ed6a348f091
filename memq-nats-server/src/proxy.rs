//! A way to a server that can be cut: connections go through it byte by byte.

use std::collections::HashMap;
use std::fmt;
use std::io::{self, Read, Write};
use std::net::{Ipv4Addr, Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::Duration;

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
    /// Rung where the way is another one.
    changed: Condvar,
}

struct State {
    way: Way,
    /// Both ends of each connection, by its number.
    links: HashMap<u64, [TcpStream; 2]>,
    /// How many connections there were.
    accepted: u64,
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
            state: Mutex::new(State { way: Way::Open, links: HashMap::new(), accepted: 0 }),
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

    /// Lets everything through again.
    pub fn resume(&self) {
        self.shared.turn(Way::Open);
    }

    /// How many connections went through to the server so far: one more after a client has come back.
    pub fn connections(&self) -> u64 {
        self.shared.state().accepted
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

    fn listen(self: &Arc<Self>, listener: &TcpListener) {
        loop {
            let accepted = listener.accept();
            let way = self.state().way;
            match (way, accepted) {
                (Way::Gone, _) => return,
                (Way::Cut, Ok(_)) => (),
                // A client that went away at once, or too many open files for now.
                (_, Err(_)) => thread::sleep(Duration::from_millis(10)),
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
        for (from, to) in [(client.try_clone()?, server.try_clone()?), (server, client)] {
            let shared = self.clone();
            let copy = move || {
                // Either way it is over, for both directions.
                let _ = shared.copy(&from, &to);
                shared.end(number, &[from, to]);
            };
            thread::Builder::new().name("proxy".into()).spawn(copy)?;
        }
        Ok(())
    }

    fn copy(&self, mut from: &TcpStream, mut to: &TcpStream) -> io::Result<()> {
        let mut bytes = vec![0; 64 * 1024];
        loop {
            let many = from.read(&mut bytes)?;
            if many == 0 {
                return Ok(());
            }
            let held = |state: &mut State| state.way == Way::Held;
            let state = self.changed.wait_while(self.state(), held);
            drop(state.unwrap_or_else(PoisonError::into_inner));
            // A connection that was cut meanwhile takes nothing any more.
            to.write_all(&bytes[..many])?;
        }
    }

    fn end(&self, number: u64, ends: &[TcpStream; 2]) {
        self.state().links.remove(&number);
        for end in ends {
            let _ = end.shutdown(Shutdown::Both);
        }
    }
}
