//! A window, and the task that stores what is in it.

use std::collections::VecDeque;
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::Ordering::SeqCst;

use memq::spi::*;
use memq::{PublishError, Publisher, Record};
use tokio::sync::{Semaphore, mpsc, oneshot};

use super::Connection;

/// What is done for a publisher, one after the other.
enum Work {
    Store(Box<Outgoing>, Promise),
    Tell(oneshot::Sender<()>),
}

/// A publisher's window: what is admitted waits for a task that stores it.
pub(super) struct Window {
    connection: Arc<Connection>,
    places: Arc<Semaphore>,
    work: mpsc::UnboundedSender<Work>,
}

impl Window {
    /// `knows_ids`: whether the topic remembers them.
    pub(super) fn open(
        connection: Arc<Connection>,
        publisher: Publisher<Record>,
        knows_ids: bool,
    ) -> Self {
        let places = Arc::new(Semaphore::new(connection.window));
        let (work, mut to_do) = mpsc::unbounded_channel();
        let (answering, free) = (connection.clone(), places.clone());
        tokio::spawn(async move {
            while let Some(work) = to_do.recv().await {
                match work {
                    Work::Store(mut message, promise) => {
                        // One that came over a bridge has an id in any topic.
                        message.id = message.id.filter(|_| knows_ids);
                        let mut over = answering.over.subscribe();
                        // What finds no room by then is not stored.
                        let stored = tokio::select! {
                            biased;
                            stored = store(&publisher, *message) => stored,
                            _ = over.wait_for(|over| *over) => Err(PublishFault::Closed),
                        };
                        let lost = |left: usize| left.checked_sub(1);
                        if answering.lose.fetch_update(SeqCst, SeqCst, lost).is_err() {
                            promise.keep(stored);
                        }
                        free.add_permits(1);
                    }
                    Work::Tell(done) => drop(done.send(())),
                }
            }
        });
        Self { connection, places, work }
    }
}

async fn store(publisher: &Publisher<Record>, message: Outgoing) -> Result<Stored, PublishFault> {
    // Without one it is for the next in turn, which is not what becomes of keys.
    assert!(message.partition.is_some() || message.record.key().is_none());
    let mut publish = publisher.publish(message.record);
    if let Some(partition) = message.partition {
        publish = publish.partition(partition);
    }
    if let Some(id) = &message.id {
        publish = publish.id(id);
    }
    if let Some(within) = message.within {
        publish = publish.within(within);
    }
    publish.await.map(Stored::at).map_err(|error| match error {
        PublishError::Full(_) => PublishFault::Full,
        PublishError::Timeout(_) => PublishFault::Timeout,
        PublishError::Closed(_) => PublishFault::Closed,
        PublishError::Deleted(_) => Fault::Deleted.into(),
        PublishError::TooLarge { bytes, max_bytes, .. } => {
            PublishFault::TooLarge { bytes, max_bytes }
        }
        error => Fault::Unavailable(error.split().0.into()).into(),
    })
}

impl RemotePublisher for Window {
    fn submit(
        &self,
        messages: &mut VecDeque<Outgoing>,
        receipts: &mut Vec<Receipt>,
    ) -> Result<(), PublishFault> {
        if *self.connection.over.borrow() {
            return Err(PublishFault::Closed);
        }
        while !messages.is_empty() {
            let Ok(place) = self.places.try_acquire() else { break };
            place.forget();
            let (promise, receipt) = Receipt::pair();
            let message = messages.pop_front().unwrap();
            drop(self.work.send(Work::Store(Box::new(message), promise)));
            receipts.push(receipt);
        }
        Ok(())
    }

    fn room(&self) -> Boxed<()> {
        let places = self.places.clone();
        Box::pin(async move { drop(places.acquire().await) })
    }

    fn flush(&self) -> Boxed<()> {
        let (done, told) = oneshot::channel();
        drop(self.work.send(Work::Tell(done)));
        Box::pin(async move { drop(told.await) })
    }
}

impl fmt::Debug for Window {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Window").field("places", &self.places).finish_non_exhaustive()
    }
}
