//! Asking a consumer for messages, over one connection.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use async_nats::{Message, StatusCode, Subscriber};
use futures_util::{FutureExt as _, StreamExt as _};
use memq::Cause;
use serde::Serialize;
use tokio::sync::watch;

use super::buffer::MOST;
use super::source::Source;
use crate::delivered::{self, COMPLETED, Delivered, TOO_LARGE};
use crate::link::Link;
use crate::names;
use crate::time::nanos;

/// How long the server keeps a request for messages.
const EXPIRES: Duration = Duration::from_secs(30);

/// How often the server says that it has none.
const HEARTBEAT: Duration = Duration::from_millis(500);

/// Without a word for so long, something is wrong.
pub(super) const SILENCE: Duration = Duration::from_millis(1_500);

/// The fewest messages that are asked for while others are under way.
const FEW: usize = MOST / 4;

/// The bytes that one request brings at most, unless a single message is larger.
const BYTES: usize = 1 << 20;

#[derive(Serialize)]
struct Request {
    batch: usize,
    /// In nanoseconds.
    expires: u64,
    /// In nanoseconds.
    idle_heartbeat: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    max_bytes: Option<usize>,
}

/// What came from the server.
#[derive(Debug)]
pub(super) enum Said {
    Message(Delivered),
    /// There are no messages at the moment.
    Idle,
    /// A request is over, that could have brought this many messages more, if that is told.
    Over {
        left: Option<usize>,
        why: Why,
    },
    /// The consumer sends no more.
    Lost(Cause),
    /// It is none of the consumer's.
    Foreign,
}

/// Why a request is over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Why {
    /// There were no messages for a while.
    Expired,
    /// The next message is larger than what it may still bring.
    TooLarge,
    Completed,
}

impl Said {
    pub(super) fn of(message: &Message) -> Self {
        let description = message.description.as_deref().unwrap_or_default();
        let over = |why| Self::Over { left: delivered::unsent(message), why };
        match message.status {
            None | Some(StatusCode::OK) => {
                let delivered = message.reply.as_deref().and_then(Delivered::read);
                delivered.map_or(Self::Foreign, Self::Message)
            }
            Some(StatusCode::IDLE_HEARTBEAT) => Self::Idle,
            Some(StatusCode::TIMEOUT | StatusCode::NOT_FOUND) => over(Why::Expired),
            Some(StatusCode::REQUEST_TERMINATED) if description == TOO_LARGE => over(Why::TooLarge),
            Some(StatusCode::REQUEST_TERMINATED) if description == COMPLETED => {
                over(Why::Completed)
            }
            Some(StatusCode::NO_RESPONDERS) => {
                Self::Lost("no server has the consumer at the moment".into())
            }
            Some(status) => Self::Lost(format!("the server says {status} {description}").into()),
        }
    }
}

/// Requests for messages, and what they bring.
pub(super) struct Pull {
    link: Arc<Link>,
    /// What is asked.
    next: String,
    inbox: String,
    messages: Subscriber,
    /// Tells one connection from the next.
    connects: u64,
    up: watch::Receiver<bool>,
    /// Messages asked for that have not come.
    asked: usize,
    /// Whether none has come since the last request.
    fruitless: bool,
    /// Whether the next message is larger than a request may bring.
    large: bool,
}

impl Pull {
    pub(super) async fn new(link: Arc<Link>, source: &Source) -> Result<Self, Cause> {
        let mut up = link.up.clone();
        up.mark_unchanged();
        let connects = connects(&link);
        let inbox = format!("_INBOX.{}", names::unique());
        let messages = link.client.subscribe(inbox.clone()).await?;
        Ok(Self {
            link,
            next: source.next(),
            inbox,
            messages,
            connects,
            up,
            asked: 0,
            fruitless: false,
            large: false,
        })
    }

    /// Whether the connection was cut since, so that what was on its way is lost.
    pub(super) fn is_cut(&self) -> bool {
        connects(&self.link) != self.connects || self.up.has_changed().unwrap_or(true)
    }

    /// Resolves when the connection is cut.
    ///
    /// # Cancel safety
    ///
    /// Dropped, nothing is lost.
    pub(super) fn cut(&self) -> impl Future<Output = ()> + Send + use<> {
        // Of a clone, so that it stays changed.
        let mut up = self.up.clone();
        async move { drop(up.changed().await) }
    }

    /// Whether an answer is waited for.
    pub(super) const fn waits(&self) -> bool {
        self.asked > 0
    }

    /// Asks for as many messages as there is room for, with those that are under way, where that is
    /// worth it.
    ///
    /// # Cancel safety
    ///
    /// Dropped, it was asked or not.
    pub(super) async fn ask(&mut self, room: usize) -> Result<(), Cause> {
        let batch = room.saturating_sub(self.asked);
        if batch == 0 || (self.asked > 0 && (batch < FEW || self.large)) {
            return Ok(());
        }
        let (batch, max_bytes) = if self.large { (1, None) } else { (batch, Some(BYTES)) };
        let request =
            Request { batch, expires: nanos(EXPIRES), idle_heartbeat: nanos(HEARTBEAT), max_bytes };
        let request = serde_json::to_vec(&request)?;
        let (next, inbox) = (self.next.clone(), self.inbox.clone());
        self.link.client.publish_with_reply(next, inbox, request.into()).await?;
        self.asked += batch;
        self.fruitless = true;
        Ok(())
    }

    /// What comes next; `None` once the client is gone.
    ///
    /// # Cancel safety
    ///
    /// Dropped, nothing is lost.
    pub(super) async fn next(&mut self) -> Option<Message> {
        self.messages.next().await
    }

    /// What is here already.
    pub(super) fn next_now(&mut self) -> Option<Message> {
        self.messages.next().now_or_never().flatten()
    }

    /// A message came.
    pub(super) fn arrived(&mut self) {
        self.asked = self.asked.saturating_sub(1);
        (self.fruitless, self.large) = (false, false);
    }

    /// A request is over. Where it is not told how much of it was left, all are taken to be: the next
    /// one is not waited for in vain, and at worst a few messages more are here at once.
    pub(super) fn over(&mut self, left: Option<usize>, why: Why) {
        self.asked = left.map_or(0, |left| self.asked.saturating_sub(left));
        self.large = why == Why::TooLarge && self.fruitless;
    }
}

fn connects(link: &Link) -> u64 {
    link.client.statistics().connects.load(Ordering::Relaxed)
}

#[cfg(test)]
mod tests {
    use async_nats::HeaderMap;

    use super::*;

    fn said(status: u16, description: &str, left: Option<&str>) -> Said {
        let headers = left.map(|left| {
            let mut map = HeaderMap::new();
            map.insert("Nats-Pending-Messages", left);
            map
        });
        Said::of(&Message {
            subject: "_INBOX.a".into(),
            reply: None,
            payload: Default::default(),
            headers,
            status: StatusCode::from_u16(status).ok(),
            description: Some(description.into()),
            length: 0,
        })
    }

    #[test]
    fn a_request_that_is_over_is_told_from_a_consumer_that_is() {
        assert!(matches!(
            said(408, "Request Timeout", Some("7")),
            Said::Over { left: Some(7), why: Why::Expired }
        ));
        assert!(matches!(said(404, "No Messages", None), Said::Over { left: None, .. }));
        assert!(matches!(said(409, TOO_LARGE, Some("1")), Said::Over { why: Why::TooLarge, .. }));
        assert!(matches!(said(409, COMPLETED, None), Said::Over { why: Why::Completed, .. }));
        assert!(matches!(said(100, "Idle Heartbeat", None), Said::Idle));
        for (status, text) in [
            (409, "Consumer Deleted"),
            (409, "Leadership Change"),
            (409, "Server Shutdown"),
            (503, ""),
            (400, "Bad Request"),
        ] {
            assert!(matches!(said(status, text, None), Said::Lost(_)), "{status} {text}");
        }
        assert!(matches!(said(200, "", None), Said::Foreign));
    }
}
