//! A message that is larger than the server takes, next to others.

use memq::{PublishError, Record};
use memq_nats_server::{Ledger, Mark, Proxy, Seen};

use crate::kit::{read_records, record, to};
use crate::support::each;

/// What a server takes at most, where nothing else is said.
const MOST: usize = 1 << 20;

fn mark(number: u64) -> Mark {
    Mark { publisher: 1, number }
}

/// A message that is too large by what is sent with it.
fn large() -> Record {
    Record::new(vec![b'x'; MOST])
}

fn is_too_large<T>(told: &PublishError<T>) -> bool {
    matches!(told, PublishError::TooLarge { bytes, max_bytes: MOST, .. } if *bytes > MOST)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_oversized_message_is_told_before_it_is_sent_and_takes_no_other_with_it() {
    each(async |server| {
        let proxy = Proxy::to(server.addr()).unwrap();
        let broker = to(&proxy.url()).await.unwrap();
        let orders = broker.topic("orders").publisher().await.unwrap();
        let ledger = Ledger::new();
        orders.publish(record(mark(0))).await.unwrap();
        let connections = proxy.connections();

        let told = orders.publish(large()).await.unwrap_err();
        assert!(is_too_large(&told), "{told}");
        assert_eq!(told.into_message().bytes().len(), MOST);

        // The largest there is.
        let larger = broker.topic("larger").publisher().await.unwrap();
        larger.publish(Record::new(vec![b'x'; MOST - 200])).await.unwrap();

        // Between others that are on their way.
        let mut receipts = Vec::new();
        for number in 1..100 {
            receipts.push((number, orders.send(record(mark(number))).await.unwrap()));
            if number % 10 == 0 {
                let told = orders.send(large()).await.unwrap().await.unwrap_err();
                assert!(is_too_large(&told), "{told}");
            }
        }
        for (number, receipt) in receipts {
            receipt.await.unwrap();
            ledger.acknowledged(mark(number));
        }
        ledger.acknowledged(mark(0));

        // In the middle of a batch: what is not stored comes back, and what is does not.
        let mut batch: Vec<_> = (100..200).map(|number| record(mark(number))).collect();
        batch.insert(50, large());
        let told = orders.publish_batch(batch).await.unwrap_err();
        assert!(is_too_large(&told.reason), "{told}");
        assert_eq!(told.published.len() + told.rest.len(), 101);
        assert!(told.published.len() >= 50, "{told:?}");
        let rest = told.rest.into_iter().filter(|message| message.bytes().len() < MOST);
        orders.publish_batch(rest).await.unwrap();
        (100..200).for_each(|number| ledger.acknowledged(mark(number)));

        // A server ends the connection over which it is sent too much.
        assert_eq!(proxy.connections(), connections);
        let mut reading = broker.topic("orders").subscriber().await.unwrap();
        broker.close("orders").await.unwrap();
        let mut seen = Seen::new();
        assert_eq!(read_records(&mut reading, &mut seen).await, 0);
        let report = ledger.compare(&seen);
        report.tell(&format!("oversized messages, {}", server.binary().version()));
        assert_eq!((report.lost, report.seen, report.doubled), (0, 200, 0), "{report}");
        assert_eq!(report.out_of_order, 0, "{report}");
    })
    .await;
}
