//! Links on which a message takes longer than silence is borne: it comes, or goes, all the same.

use std::net::SocketAddr;
use std::time::Duration;

use memq::{Broker, Offset, Record};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};

use crate::support::{PATIENCE, each, to};

/// Bytes a second.
#[derive(Clone, Copy)]
pub(crate) struct Rate(pub(crate) usize);

pub(crate) const FAST: Rate = Rate(100 << 20);

/// Passes on what comes.
async fn pump(mut from: impl AsyncRead + Unpin, mut to: impl AsyncWrite + Unpin, Rate(rate): Rate) {
    let mut buffer = vec![0; (rate / 50).max(512)];
    while let Ok(count @ 1..) = from.read(&mut buffer).await {
        sleep(Duration::from_secs_f64(count as f64 / rate as f64)).await;
        if to.write_all(&buffer[..count]).await.is_err() {
            return;
        }
    }
}

/// The address of a link to there, which these keep.
pub(crate) async fn link(
    links: &mut JoinSet<()>,
    server: SocketAddr,
    up: Rate,
    down: Rate,
) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    links.spawn(async move {
        let mut pumps = JoinSet::new();
        while let Ok((client, _)) = listener.accept().await {
            let server = TcpStream::connect(server).await.unwrap();
            let ((from_client, to_client), (from_server, to_server)) =
                (client.into_split(), server.into_split());
            pumps.spawn(pump(from_client, to_server, up));
            pumps.spawn(pump(from_server, to_client, down));
        }
    });
    format!("nats://{address}")
}

async fn publish(broker: &Broker, bytes: usize) -> Offset {
    let publisher = broker.topic("orders").publisher().await.unwrap();
    let publishes = publisher.publish(Record::new(vec![7; bytes])).into_future();
    timeout(PATIENCE, publishes).await.expect("it goes").unwrap()
}

/// It takes 2.5 seconds, and the first look for what was lost comes after 1.5.
#[tokio::test]
async fn a_group_gets_a_message_that_takes_longer_to_come_than_the_server_may_say_nothing() {
    each(async |server| {
        publish(&to(&server.url()).await.unwrap(), 500_000).await;
        let mut links = JoinSet::new();
        let address = link(&mut links, server.addr(), FAST, Rate(200_000)).await;
        let broker = to(&address).await.unwrap();
        let mut group = broker.topic("orders").subscriber().group("slow").await.unwrap();
        let delivery = timeout(PATIENCE, group.recv()).await.expect("it comes").unwrap();
        assert_eq!((delivery.offset(), delivery.bytes().len()), (Offset(0), 500_000));
        delivery.ack_confirmed().await.unwrap();
    })
    .await;
}

/// It takes 0.6 seconds, and an answer is waited for for 0.2 at first.
#[tokio::test]
async fn a_message_that_takes_longer_to_go_than_an_answer_is_waited_for_is_published_once() {
    each(async |server| {
        let mut links = JoinSet::new();
        let address = link(&mut links, server.addr(), Rate(200_000), FAST).await;
        let broker = to(&address).ack_timeout(Duration::from_millis(200)).await.unwrap();
        assert_eq!(publish(&broker, 120_000).await, Offset(0));
        assert_eq!(broker.stats("orders").await.unwrap().published, 1);
    })
    .await;
}
