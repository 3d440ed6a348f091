//! The way of a publisher to where its topic is kept.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use super::published;
use crate::error::PublishError;
use crate::name::TopicName;
use crate::position::Offset;
use crate::spi::{Outgoing, RemotePublisher};

/// What a publisher and its clones share of a topic that is kept elsewhere.
#[derive(Debug)]
pub(crate) struct Outlet {
    pub(crate) topic: TopicName,
    pub(crate) way: Arc<dyn RemotePublisher>,
}

impl Outlet {
    /// Publishes a message: waits for its place in the window, no longer than it may wait for room, and
    /// then for the word that it is stored.
    pub(crate) async fn store(&self, message: Outgoing) -> Result<Offset, PublishError<()>> {
        let within = message.within;
        let (mut messages, mut receipts) = (VecDeque::from([message]), Vec::with_capacity(1));
        loop {
            self.way.submit(&mut messages, &mut receipts).map_err(published)?;
            if let Some(receipt) = receipts.pop() {
                return receipt.await.map(|stored| stored.offset).map_err(published);
            }
            self.room(within).await?;
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
