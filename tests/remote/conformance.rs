//! What memq promises of every back end, held to this one.

use std::collections::HashMap;
use std::sync::Mutex;

use memq::Broker;
use memq::conformance::{Backend, Opened};
use memq::spi::Capabilities;

use crate::loopback::{Server, able};

/// A server for each place.
#[derive(Default)]
struct Loopbacks(Mutex<HashMap<String, Server>>);

/// More than some cases publish at once, and less than others.
const WINDOW: usize = 64;

impl Backend for Loopbacks {
    fn capabilities(&self) -> Capabilities {
        able()
    }

    fn open(&self, place: &str) -> Opened<Broker> {
        let server = Server::start();
        let broker = server.connect(WINDOW).broker();
        self.0.lock().unwrap().insert(place.into(), server);
        Box::pin(async { Ok(broker) })
    }

    fn join(&self, place: &str, _: &Broker) -> Opened<Broker> {
        let servers = self.0.lock().unwrap();
        let broker = servers.get(place).map(|server| server.connect(WINDOW).broker());
        Box::pin(async { broker.ok_or_else(|| "it was not opened".into()) })
    }
}

memq::conformance!(Loopbacks::default());
