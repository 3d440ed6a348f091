//! What has expired is let go while others come: a reply channel in a message must not stay open. And who
//! waits for that where no task can be started to see to it.

use crate::common;

use std::future::IntoFuture;
use std::pin::pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, mpsc};
use std::task::{Context, Wake, Waker};
use std::time::Duration;

use common::{Bell, poll_with, try_now};
use memq::codec::Native;
use memq::{Broker, Overflow, Topic, TopicSpec};

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

#[test]
fn who_waits_for_room_where_no_task_can_be_started_sleeps() {
    for dedup in [false, true] {
        let broker = Broker::new();
        let topic = broker.topic("log").max(1).overflow(Overflow::Wait);
        let topic = if dedup { topic.dedup(TTL) } else { topic.ttl(TTL) };
        let writer = try_now(topic.publisher().into_future()).unwrap().unwrap();
        let first = writer.publish_bytes("x");
        let first = if dedup { first.id("1") } else { first };
        try_now(first.into_future()).unwrap().unwrap();
        let mut waiting =
            [writer.publish_bytes("y"), writer.publish_bytes("z")].map(IntoFuture::into_future);
        let bells = [Bell::new(), Bell::new()];
        // It looks a few times before it sleeps.
        for _ in 0..1_000 {
            for (bell, waiting) in bells.iter().zip(&mut waiting) {
                assert!(poll_with(bell, waiting).is_pending());
            }
        }
        let before = bells.each_ref().map(|bell| bell.rings());
        for _ in 0..10 {
            assert!(poll_with(&bells[0], &mut waiting[0]).is_pending());
        }
        assert_eq!(bells.each_ref().map(|bell| bell.rings()), before, "dedup: {dedup}");
    }
}

/// Closes the topic when it is woken.
struct Closes(Broker, AtomicBool);

impl Wake for Closes {
    fn wake(self: Arc<Self>) {
        self.1.store(true, Ordering::SeqCst);
        assert!(matches!(try_now(self.0.close("log")), Some(Ok(()))));
    }
}

#[test]
fn a_runtime_that_has_ended_wakes_who_waits_where_he_may_use_the_topic() {
    let broker = Broker::new();
    let topic = broker.topic("log").max(1).overflow(Overflow::Wait).ttl(TTL);
    let writer = try_now(topic.publisher().into_future()).unwrap().unwrap();
    try_now(writer.publish_bytes("x").into_future()).unwrap().unwrap();
    let (done, ended) = mpsc::channel();
    std::thread::spawn(move || {
        let runtime = common::current_thread();
        let handle = runtime.handle().clone();
        drop(runtime);
        let _entered = handle.enter();
        let closes = Arc::new(Closes(broker, AtomicBool::new(false)));
        let waker = Waker::from(closes.clone());
        let mut waiting = pin!(writer.publish_bytes("y").into_future());
        let mut polls = 0;
        while waiting.as_mut().poll(&mut Context::from_waker(&waker)).is_pending() && polls < 1_000
        {
            polls += 1;
        }
        done.send(closes.1.load(Ordering::SeqCst)).unwrap();
    });
    let woken = ended.recv_timeout(Duration::from_secs(60)).expect("it hangs");
    assert!(woken);
}
