//! What has expired is let go while others come: a reply channel in a message must not stay open.

use std::sync::Arc;
use std::time::Duration;

use memq::codec::Native;
use memq::{Broker, Topic, TopicSpec};

/// Holds a share of something for as long as it lives.
struct Request(#[allow(dead_code, reason = "it is there to be dropped")] Arc<()>);

const TTL: Duration = Duration::from_secs(16);

impl Topic for Request {
    type Codec = Native;
    const SPEC: TopicSpec = TopicSpec::new("requests").ttl(TTL);
}

#[tokio::test(start_paused = true)]
async fn expired_messages_are_let_go_under_slow_and_steady_traffic() {
    let broker = Broker::new();
    let requests = broker.publisher::<Request>().await.unwrap();
    let share = Arc::new(());
    for n in 0..200 {
        requests.publish(Request(share.clone())).await.unwrap();
        tokio::time::advance(Duration::from_secs(1)).await;
        let kept = broker.stats("requests").await.unwrap().depth as usize;
        let alive = Arc::strong_count(&share) - 1;
        // A stretch of the log spans an eighth of the ttl, and goes as a whole.
        assert_eq!(kept, (n + 1).min(15), "the sixteenth expires as the clock moves on");
        assert!(alive <= kept + 3, "{alive} alive, {kept} kept");
    }
}
