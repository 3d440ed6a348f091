//! A reader, and what comes out of the broker inside.

use std::sync::Arc;
use std::task::{Context, Poll};

use memq::spi::*;
use memq::{Message, Offset, Record, RecvError, Subscriber};

use super::Connection;

#[derive(Debug)]
pub(super) struct Reader {
    pub(super) connection: Arc<Connection>,
    pub(super) inside: Subscriber<Record>,
    pub(super) start: Offset,
}

pub(super) fn incoming(message: Message<Record>) -> Incoming {
    let (offset, at) = (message.offset(), message.published_at());
    let partition = message.partition();
    let mut incoming = Incoming::new(offset, at, message.into_inner());
    incoming.partition = partition;
    incoming
}

pub(super) fn ended(error: RecvError) -> ReadEnd {
    match error {
        RecvError::Closed => ReadEnd::Closed,
        RecvError::GroupDeleted => ReadEnd::GroupDeleted,
        RecvError::Deleted => Fault::Deleted.into(),
        error => Fault::Unavailable(error.into()).into(),
    }
}

impl RemoteReader for Reader {
    fn start(&self) -> Offset {
        self.start
    }

    fn poll_next(
        &mut self,
        max: usize,
        into: &mut Vec<Incoming>,
        cx: &mut Context<'_>,
    ) -> Poll<Result<(), ReadEnd>> {
        if self.connection.is_away() {
            return Poll::Ready(Err(Fault::Unavailable("the server is away".into()).into()));
        }
        let before = into.len();
        while into.len() < before + max {
            match self.inside.poll_recv(cx) {
                Poll::Ready(Ok(message)) => into.push(incoming(message)),
                // It is seen by the gap.
                Poll::Ready(Err(RecvError::Lagged { .. })) => {}
                // It says so again.
                Poll::Ready(Err(_)) if into.len() > before => break,
                Poll::Ready(Err(error)) => return Poll::Ready(Err(ended(error))),
                Poll::Pending => break,
            }
        }
        if into.len() > before {
            return Poll::Ready(Ok(()));
        }
        if self.connection.poll_over(cx) {
            Poll::Ready(Err(ReadEnd::Closed))
        } else {
            Poll::Pending
        }
    }

    fn end(&self) -> Offset {
        let stats = self.inside.stats();
        Offset(stats.position.0 + stats.lag)
    }
}
