//! Members of executors that poll a task where it is woken, in the middle of what wakes it.

use std::future::poll_fn;
use std::pin::{Pin, pin};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc;
use std::sync::{Arc, Mutex};
use std::task::{Context, Wake, Waker};
use std::time::Duration;

use memq::Start;
use memq::spi::{Fault, GroupRequest, GroupRules, Handed, ReadEnd, Settle, TopicRequest};
use memq_nats::Connect;
use tokio::task::coop::consume_budget;
use tokio::time::timeout;

use crate::kit::{acked, any_order, each, name, settle, take, try_take};
use crate::support::PATIENCE;

/// A task that is polled by who wakes it, unless it is being polled.
struct Task {
    future: Mutex<Pin<Box<dyn Future<Output = ()> + Send>>>,
    woken: AtomicBool,
    ended: AtomicBool,
}

impl Task {
    fn start(future: impl Future<Output = ()> + Send + 'static) {
        let future = Mutex::new(Box::pin(future) as _);
        let (woken, ended) = (AtomicBool::new(false), AtomicBool::new(false));
        Waker::from(Arc::new(Self { future, woken, ended })).wake();
    }
}

impl Wake for Task {
    fn wake(self: Arc<Self>) {
        let waker = Waker::from(self.clone());
        self.woken.store(true, Ordering::SeqCst);
        while self.woken.load(Ordering::SeqCst) {
            let Ok(mut future) = self.future.try_lock() else { return };
            let woken = self.woken.swap(false, Ordering::SeqCst);
            if woken && !self.ended.load(Ordering::SeqCst) {
                let polled = future.as_mut().poll(&mut Context::from_waker(&waker));
                self.ended.store(polled.is_ready(), Ordering::SeqCst);
            }
        }
    }
}

#[tokio::test]
async fn who_polls_where_it_is_woken_is_told_of_outages_and_goes_on() {
    each(1, |setup| async move {
        let (url, (tell, told)) = (setup.server.url(), mpsc::channel());
        let member = async move {
            let connect = Connect::new(url).give_up_after(Duration::from_millis(200));
            let transport = connect.transport().await.unwrap();
            let topic = transport.open(TopicRequest::new(name("orders"))).await.unwrap();
            let rules = GroupRules::default();
            let request = GroupRequest::new("billing", rules, Start::Earliest, 10);
            let mut member = topic.group(request).await.unwrap();
            tell.send(None).unwrap();
            Task::start(async move {
                loop {
                    match try_take(&mut member).await {
                        Ok(handed) => {
                            settle(&handed, Settle::Ack).unwrap();
                            tell.send(Some(Some(handed.message.offset.0))).unwrap();
                        }
                        Err(ReadEnd::Fault(Fault::Unavailable(_))) => {
                            tell.send(Some(None)).unwrap();
                        }
                        Err(_) => return,
                    }
                }
            });
            let _open = (transport, topic);
            std::future::pending::<()>().await;
        };
        // In a thread that nobody waits for, should it never go on.
        std::thread::spawn(|| {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
            runtime.unwrap().block_on(member);
        });
        let next = |told: mpsc::Receiver<_>| async {
            let next = tokio::task::spawn_blocking(|| (told.recv_timeout(PATIENCE / 4), told));
            next.await.unwrap()
        };
        let (said, told) = next(told).await;
        assert_eq!(said, Ok(None));
        setup.publish(&[""]).await;
        let (said, told) = next(told).await;
        assert_eq!(said, Ok(Some(Some(0))));
        setup.server.stop().unwrap();
        let (said, told) = next(told).await;
        assert_eq!(said, Ok(Some(None)));
        setup.server.restart().unwrap();
        setup.publish(&[""]).await;
        let (said, _) = next(told).await;
        assert_eq!(said, Ok(Some(Some(1))));
    })
    .await;
}

/// A waker that holds a delivery, as one of a task does that is not polled any more.
struct Holding(#[expect(dead_code, reason = "it is dropped")] Handed);

impl Wake for Holding {
    fn wake(self: Arc<Self>) {}
}

#[tokio::test]
async fn what_a_waker_holds_may_be_of_the_member_that_drops_it() {
    each(1, |setup| async move {
        setup.publish(&["", ""]).await;
        let (url, (tell, told)) = (setup.server.url(), mpsc::channel());
        let polling = async move {
            let transport = Connect::new(url).transport().await.unwrap();
            let topic = transport.open(TopicRequest::new(name("orders"))).await.unwrap();
            let rules = GroupRules::default();
            let request = GroupRequest::new("billing", rules, Start::Earliest, 2);
            let mut member = topic.group(request).await.unwrap();
            for held in [take(&mut member).await, take(&mut member).await] {
                let waker = Waker::from(Arc::new(Holding(held)));
                let mut into = Vec::new();
                let polled = member.poll_next(1, &mut into, &mut Context::from_waker(&waker));
                assert!(polled.is_pending());
            }
            tell.send(()).unwrap();
        };
        // In a thread that nobody waits for, should it never go on.
        std::thread::spawn(|| {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
            runtime.unwrap().block_on(polling);
        });
        let told = tokio::task::spawn_blocking(move || told.recv_timeout(PATIENCE / 4));
        assert_eq!(told.await.unwrap(), Ok(()));
    })
    .await;
}

#[tokio::test]
async fn who_has_polled_much_else_before_is_handed_what_comes() {
    each(1, |setup| async move {
        setup.publish(&[""]).await;
        let mut member = setup.join(&any_order(), 10).await;
        let taking = async {
            let mut taking = pin!(acked(&mut member));
            poll_fn(|cx| {
                // As one that reads from a channel that is never empty.
                while pin!(consume_budget()).poll(cx).is_ready() {}
                taking.as_mut().poll(cx)
            })
            .await
        };
        let taken = timeout(PATIENCE / 4, taking).await;
        assert_eq!(taken, Ok((0, 1)));
    })
    .await;
}
