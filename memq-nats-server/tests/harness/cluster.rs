//! Three nodes: a leader, another one after it was killed, and all of them after two were.

use std::io;
use std::thread;
use std::time::Duration;

use memq_nats_server::{Binary, Cluster, Server, eventually};

use crate::raw::Client;

/// Asks until the answer is no error: while a leader is elected nobody may answer, or with an error.
fn at_last<T>(node: &Server, ask: impl Fn(&mut Client) -> io::Result<T>) -> T {
    eventually("an answer", || {
        let mut client = Client::connect(node.addr()).ok()?;
        client.patience(Duration::from_secs(1)).ok()?;
        ask(&mut client).ok()
    })
}

#[test]
fn a_leader_is_killed_another_one_leads_and_nothing_is_lost() {
    // At once, since most of it is waiting for elections.
    thread::scope(|scope| {
        for binary in Binary::all_or_skip() {
            scope.spawn(move || kill_and_restart(&binary));
        }
    });
}

fn kill_and_restart(binary: &Binary) {
    let cluster = Cluster::start(binary).unwrap();
    assert_eq!(cluster.nodes().len(), 3);
    assert_eq!(cluster.urls().split(',').count(), 3);
    assert!(cluster.stream_leader("orders").is_none());

    at_last(&cluster.nodes()[0], |client| client.create("orders", 3));
    let leader = cluster.wait_for_stream_leader("orders").unwrap();
    let mut client = Client::connect(leader.addr()).unwrap();
    for number in 1..=20 {
        assert_eq!(client.publish("orders", "tea").unwrap(), number);
    }
    leader.kill9();
    assert!(client.ping().is_err());

    let next = cluster.wait_for_stream_leader("orders").unwrap();
    assert_ne!(next.name(), leader.name());
    assert_ne!(cluster.wait_for_leader().unwrap().name(), leader.name());
    assert_eq!(at_last(next, |client| client.messages("orders")), 20);

    // With two of three down there is nobody; then all have what was acknowledged.
    next.kill9();
    assert_eq!(cluster.nodes().iter().filter(|node| node.is_running()).count(), 1);
    cluster.restart().unwrap();
    assert!(cluster.nodes().iter().all(Server::is_running));
    let leader = cluster.wait_for_stream_leader("orders").unwrap();
    assert_eq!(at_last(leader, |client| client.messages("orders")), 20);
}
