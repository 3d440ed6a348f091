//! The way to a server, cut, held and resumed.

use std::io::{self, Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::thread;
use std::time::Duration;

use memq_nats_server::{Binary, Proxy, Server, eventually};

use crate::raw::Client;

/// Gives back what it is sent, for as long as the test runs.
fn echo() -> SocketAddr {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let addr = listener.local_addr().unwrap();
    thread::spawn(move || {
        for stream in listener.incoming() {
            let stream = stream.unwrap();
            thread::spawn(move || io::copy(&mut &stream, &mut &stream));
        }
    });
    addr
}

fn comes_back(mut stream: &TcpStream, bytes: &[u8]) -> io::Result<()> {
    stream.write_all(bytes)?;
    let mut back = vec![0; bytes.len()];
    stream.read_exact(&mut back)?;
    assert_eq!(back, bytes);
    Ok(())
}

#[test]
fn everything_goes_through_both_ways() {
    let proxy = Proxy::to(echo()).unwrap();
    let large = vec![7; 1 << 16];
    let streams = [(); 3].map(|()| TcpStream::connect(proxy.addr()).unwrap());
    for stream in &streams {
        comes_back(stream, b"tea").unwrap();
        comes_back(stream, &large).unwrap();
    }
    assert_eq!(proxy.connections(), 3);
}

#[test]
fn cut_it_ends_every_connection_and_each_new_one_until_it_is_resumed() {
    let proxy = Proxy::to(echo()).unwrap();
    let streams = [(); 3].map(|()| TcpStream::connect(proxy.addr()).unwrap());
    streams.iter().for_each(|stream| comes_back(stream, b"tea").unwrap());
    proxy.cut();
    for stream in &streams {
        assert!(comes_back(stream, b"tea").is_err());
    }
    let late = TcpStream::connect(proxy.addr()).unwrap();
    assert!(comes_back(&late, b"tea").is_err());
    proxy.resume();
    let stream = TcpStream::connect(proxy.addr()).unwrap();
    comes_back(&stream, b"tea").unwrap();
    assert_eq!(proxy.connections(), 4);
}

#[test]
fn held_it_lets_nothing_through_and_then_all_of_it() {
    let proxy = Proxy::to(echo()).unwrap();
    let mut stream = TcpStream::connect(proxy.addr()).unwrap();
    comes_back(&stream, b"tea").unwrap();
    proxy.hold();
    stream.write_all(b"coffee").unwrap();
    // How long it is looked for decides only how surely a proxy that holds nothing is found out.
    stream.set_read_timeout(Some(Duration::from_millis(100))).unwrap();
    let early = stream.read(&mut [0; 6]).unwrap_err();
    assert!(matches!(early.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut), "{early}");
    stream.set_read_timeout(None).unwrap();
    proxy.resume();
    let mut back = [0; 6];
    stream.read_exact(&mut back).unwrap();
    assert_eq!(&back, b"coffee");

    proxy.hold();
    stream.write_all(b"lost").unwrap();
    proxy.cut();
    assert!(!matches!(stream.read(&mut [0; 4]), Ok(1..)));
}

#[test]
fn it_holds_at_what_is_not_to_arrive() {
    let proxy = Proxy::to(echo()).unwrap();
    let mut stream = TcpStream::connect(proxy.addr()).unwrap();
    proxy.hold_at("coffee");
    // Also where it comes in parts.
    comes_back(&stream, b"tea, cof").unwrap();
    assert!(!proxy.is_held());
    stream.write_all(b"fee").unwrap();
    eventually("the bytes", || proxy.is_held().then_some(()));
    proxy.cut();
    assert!(!matches!(stream.read(&mut [0; 3]), Ok(1..)));
    proxy.resume();
    comes_back(&TcpStream::connect(proxy.addr()).unwrap(), b"coffee").unwrap();
}

#[test]
fn a_connection_ends_at_both_sides_when_one_ends_it() {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let proxy = Proxy::to(listener.local_addr().unwrap()).unwrap();
    let mut client = TcpStream::connect(proxy.addr()).unwrap();
    let (server, _) = listener.accept().unwrap();
    drop(server);
    assert!(!matches!(client.read(&mut [0]), Ok(1..)));

    let client = TcpStream::connect(proxy.addr()).unwrap();
    let (mut server, _) = listener.accept().unwrap();
    drop(client);
    assert!(!matches!(server.read(&mut [0]), Ok(1..)));
}

#[test]
fn dropped_it_ends_everything() {
    let proxy = Proxy::to(echo()).unwrap();
    let addr = proxy.addr();
    let stream = TcpStream::connect(addr).unwrap();
    comes_back(&stream, b"tea").unwrap();
    drop(proxy);
    assert!(comes_back(&stream, b"tea").is_err());
    assert!(TcpStream::connect(addr).is_err());
}

#[test]
fn a_client_of_a_real_server_is_cut_off_and_comes_back() {
    for binary in Binary::all_or_skip() {
        let server = Server::start(&binary).unwrap();
        let proxy = Proxy::to(server.addr()).unwrap();
        let mut client = Client::connect(proxy.addr()).unwrap();
        client.create("orders", 1).unwrap();
        assert_eq!(client.publish("orders", "tea").unwrap(), 1);
        // It tells clients no other way, by which they would go past the proxy.
        assert!(client.info["connect_urls"].is_null(), "{}", client.info);
        proxy.cut();
        assert!(client.publish("orders", "tea").is_err());
        assert!(Client::connect(proxy.addr()).is_err());
        assert!(Client::connect(server.addr()).is_ok());
        proxy.resume();
        let mut client = Client::connect(proxy.addr()).unwrap();
        assert_eq!(client.publish("orders", "tea").unwrap(), 2);
    }
}
