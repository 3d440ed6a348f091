//! What memq promises of every back end, held to JetStream, on every server that is installed.
#![allow(clippy::unwrap_used, reason = "this is a test")]

use std::collections::HashMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex};

use memq::conformance::{Backend, Opened, Threads, cases, check};
use memq::spi::{Capabilities, Capability};
use memq::{Broker, spi};
use memq_nats::Connect;
use memq_nats_server::{Binary, Server};

/// One server for all cases, and one of its own for each that kills it.
struct JetStream {
    binary: Binary,
    shared: Server,
    able: Capabilities,
    own: Mutex<HashMap<String, Arc<Server>>>,
}

impl JetStream {
    fn new(binary: &Binary) -> Self {
        // Topics reserve what they may hold, and nothing deletes those of a case.
        let shared = Server::start(binary).unwrap();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let transport = runtime.block_on(Connect::new(shared.url()).transport()).unwrap();
        let able = spi::Transport::capabilities(&*transport);
        Self { binary: binary.clone(), shared, able, own: Mutex::default() }
    }

    /// Where the server of a place is.
    fn url(&self, place: &str) -> String {
        self.own.lock().unwrap().get(place).map_or_else(|| self.shared.url(), |own| own.url())
    }
}

impl JetStream {
    /// Does this with the server of a place.
    fn again(&self, place: &str, how: fn(&Server) -> std::io::Result<()>) -> Opened<()> {
        let server = self.own.lock().unwrap().get(place).cloned();
        Box::pin(async move {
            let server = server.ok_or("it has no server of its own")?;
            Ok(tokio::task::spawn_blocking(move || how(&server)).await??)
        })
    }
}

fn connect(url: String, place: &str) -> Opened<Broker> {
    // The end of its name tells it from others; the whole is too long.
    let end: Vec<_> = place.rsplit('_').take(2).collect();
    let namespace = format!("c{}", end.join("_"));
    Box::pin(async move { Ok(Connect::new(url).namespace(&namespace).await?) })
}

impl Backend for JetStream {
    fn capabilities(&self) -> Capabilities {
        self.able
    }

    fn open(&self, place: &str) -> Opened<Broker> {
        let kills = |case: &&memq::conformance::Case| {
            place.starts_with(case.name()) && case.needs().contains(&Capability::Durable)
        };
        if cases().iter().any(|case| kills(&case)) {
            let own = Arc::new(Server::start(&self.binary).unwrap());
            self.own.lock().unwrap().insert(place.into(), own);
        }
        connect(self.url(place), place)
    }

    fn join(&self, place: &str, _: &Broker) -> Opened<Broker> {
        connect(self.url(place), place)
    }

    fn restart(&self, place: &str) -> Opened<()> {
        self.again(place, |server| {
            server.kill9();
            server.restart()
        })
    }

    fn restart_in_order(&self, place: &str) -> Opened<()> {
        self.again(place, |server| {
            server.stop()?;
            server.restart()
        })
    }
}

/// Cases that run at once.
const AT_ONCE: usize = 4;

/// Runs all cases, on every server.
fn all(threads: Threads) {
    for binary in Binary::all_or_skip() {
        let backend = Arc::new(JetStream::new(&binary));
        let next = Mutex::new(cases().iter());
        let failed = Mutex::new(Vec::new());
        std::thread::scope(|scope| {
            for _ in 0..AT_ONCE {
                scope.spawn(|| {
                    loop {
                        let Some(case) = next.lock().unwrap().next() else { return };
                        let run = || check(&backend, case, threads);
                        if catch_unwind(AssertUnwindSafe(run)).is_err() {
                            failed.lock().unwrap().push(case.name());
                        }
                    }
                });
            }
        });
        assert_eq!(failed.into_inner().unwrap(), [""; 0], "on {}", binary.version());
    }
}

#[test]
fn jetstream_keeps_what_is_promised_on_one_thread() {
    all(Threads::One);
}

#[test]
fn jetstream_keeps_what_is_promised_on_several() {
    all(Threads::Several);
}
