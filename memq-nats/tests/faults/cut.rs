//! A connection that is cut, and made again, while everybody is at work.

use memq::RecvError;
use memq_nats_server::{Ledger, Mark, Proxy, Seen};

use crate::kit::{Traffic, record, to};
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
                tokio::task::block_in_place(|| proxy.wait_for_turned_away(3));
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

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_on_its_way_to_a_subscriber_when_it_is_cut_comes_once() {
    each(async |server| {
        let proxy = Proxy::to(server.addr()).unwrap();
        let near = to(&server.url()).await.unwrap();
        let orders = near.topic("orders").max(1_000_000).publisher().await.unwrap();
        let far = to(&proxy.url()).await.unwrap();
        let mut subscriber = far.topic("orders").subscriber().await.unwrap();
        // All is there at once, so that much is on its way whenever it is cut.
        let (ledger, mut seen) = (Ledger::new(), Seen::new());
        let marks = (0..20_000).map(|number| Mark { publisher: 1, number });
        orders.publish_batch(marks.clone().map(record)).await.unwrap();
        near.close("orders").await.unwrap();
        for (number, mark) in marks.enumerate() {
            if number % 2_000 == 1_999 {
                proxy.cut();
                proxy.resume();
            }
            let message = subscriber.recv().await.unwrap();
            assert_eq!(message.offset().0, number as u64);
            seen.push(std::str::from_utf8(message.bytes()).unwrap().parse().unwrap());
            ledger.acknowledged(mark);
        }
        let ended = subscriber.recv().await;
        assert!(matches!(ended, Err(RecvError::Closed)), "{ended:?}");
        let report = ledger.compare(&seen);
        report.tell(&format!("a subscriber cut off ten times, {}", server.binary().version()));
        assert_eq!((report.lost, report.doubled, report.out_of_order), (0, 0, 0), "{report}");
    })
    .await;
}
