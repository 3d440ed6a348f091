//! The way of a publisher to where its topic is kept.

use std::cell::Cell;
use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use super::published;
use crate::error::PublishError;
use crate::name::TopicName;
use crate::position::Offset;
use crate::spi::{Outgoing, Receipt, RemotePublisher};

type Lists = (VecDeque<Outgoing>, Vec<Receipt>);

thread_local! {
    /// What single messages are submitted in: empty, and taken out while it is used.
    static LISTS: Cell<Lists> = const { Cell::new((VecDeque::new(), Vec::new())) };
}

/// What a publisher and its clones share of a topic that is kept elsewhere.
#[derive(Debug)]
pub(crate) struct Outlet {
    pub(crate) topic: TopicName,
    pub(crate) way: Arc<dyn RemotePublisher>,
}

/// What became of a message that was to be admitted.
pub(crate) enum Admission {
    Admitted(Receipt),
    /// There is no place for it now.
    Full(Box<Outgoing>),
}

impl Outlet {
    /// Publishes a message: waits for its place in the window, and then for the word that it is stored.
    pub(crate) async fn store(&self, message: Outgoing) -> Result<Offset, PublishError<()>> {
        let receipt = self.admit(message).await?;
        receipt.await.map(|stored| stored.offset).map_err(published)
    }

    /// Gets a message into the window; waits for a place no longer than it may take.
    pub(crate) async fn admit(&self, mut message: Outgoing) -> Result<Receipt, PublishError<()>> {
        let within = message.within;
        loop {
            message = match self.try_admit(message)? {
                Admission::Admitted(receipt) => return Ok(receipt),
                Admission::Full(message) => *message,
            };
            self.room(within).await?;
        }
    }

    /// Gets a message into the window if there is a place.
    pub(crate) fn try_admit(&self, message: Outgoing) -> Result<Admission, PublishError<()>> {
        let (mut messages, mut receipts) = LISTS.try_with(Cell::take).unwrap_or_default();
        messages.push_back(message);
        self.way.submit(&mut messages, &mut receipts).map_err(published)?;
        let admitted = (receipts.pop(), messages.pop_front());
        if messages.is_empty() && receipts.is_empty() {
            // A thread that is ending keeps nothing.
            let _ = LISTS.try_with(|lists| lists.set((messages, receipts)));
        }
        match admitted {
            (Some(receipt), _) => Ok(Admission::Admitted(receipt)),
            (None, Some(message)) => Ok(Admission::Full(Box::new(message))),
            // The back end took it and gave no receipt for it.
            (None, None) => Err(PublishError::Unknown { message: (), source: "no receipt".into() }),
        }
    }

    /// Waits until it is worth submitting again.
    pub(crate) async fn room(&self, within: Option<Duration>) -> Result<(), PublishError<()>> {
        match within {
            None => self.way.room().await,
            Some(within) => {
                let timed_out = |_| PublishError::Timeout(());
                tokio::time::timeout(within, self.way.room()).await.map_err(timed_out)?;
            }
        }
        Ok(())
    }
}
