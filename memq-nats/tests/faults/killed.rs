//! A server that is killed as by `kill -9` and started again, while everybody is at work.

use crate::kit::{Traffic, blocking, to};
use crate::support::each;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_killed_server_loses_and_doubles_nothing_and_all_go_on() {
    each(async |server| {
        let broker = to(&server.url()).await.unwrap();
        let mut traffic = Traffic::start(broker, 600).await;
        for _ in 0..3 {
            traffic.goes_on().await;
            let server = server.clone();
            blocking(move || {
                server.kill9();
                server.restart().unwrap();
            })
            .await;
        }
        traffic.goes_on().await;
        let outcome = traffic.end().await;
        let version = server.binary().version();
        outcome.all_is_well(&format!("a server killed three times, {version}"));
        outcome.in_order();
    })
    .await;
}
