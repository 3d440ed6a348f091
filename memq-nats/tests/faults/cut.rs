//! A connection that is cut, and made again, while everybody is at work.

use std::time::Duration;

use memq_nats_server::Proxy;

use crate::kit::{Traffic, to};
use crate::support::each;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_connection_that_is_cut_loses_and_doubles_nothing_and_all_go_on() {
    each(async |server| {
        let proxy = Proxy::to(server.addr()).unwrap();
        let broker = to(&proxy.url()).await.unwrap();
        let mut traffic = Traffic::start(broker, 600).await;
        for n in 0..8 {
            traffic.goes_on().await;
            proxy.cut();
            if n % 4 == 3 {
                // So that some attempts to connect again fail.
                tokio::time::sleep(Duration::from_millis(300)).await;
            }
            proxy.resume();
        }
        traffic.goes_on().await;
        let outcome = traffic.end().await;
        let version = server.binary().version();
        outcome.all_is_well(&format!("a connection cut eight times, {version}"));
        outcome.in_order();
        // The server was there all the time: what it has confirmed is settled.
        assert_eq!(outcome.handed_out_again, 0);
    })
    .await;
}
