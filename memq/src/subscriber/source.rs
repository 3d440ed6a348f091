//! Where a subscriber reads: a topic in memory, or one that is kept elsewhere.

use std::task::{Context, Poll};

use crate::codec::form::Form;
use crate::engine::cursor::Cursor;
use crate::engine::segment::{EntryRef, Lane};
use crate::engine::stats::SubscriberStats;
use crate::error::{RecvError, SeekError};
use crate::message::{Far, Stored};
use crate::name::TopicName;
use crate::options::Start;
use crate::payload::Payload;
use crate::position::Offset;
use crate::remote::{self, Site};

/// A reader's place in one of them.
pub(crate) struct Source<T: Payload>(pub(super) Site<Cursor<Stored<T>>, There<T>>);

/// One in a topic that is kept elsewhere.
pub(crate) type There<T> = Far<T, Box<remote::Cursor<Stored<T>>>>;

impl<T: Payload> Source<T> {
    pub(crate) fn here(cursor: Cursor<Stored<T>>) -> Self {
        Self(Site::Here(cursor))
    }

    pub(crate) fn there(cursor: There<T>) -> Self {
        Self(Site::There(cursor))
    }

    /// The next message of a topic kept elsewhere.
    pub(super) fn poll_there(&mut self, cx: &mut Context<'_>) -> Poll<Result<Offset, RecvError>> {
        let Site::There(far) = &mut self.0 else { unreachable!("the topic is in memory") };
        let place = T::Form::instead(far, ());
        T::Form::there_mut(far).poll(cx, |body| T::Form::arrive(body, &place))
    }

    /// Messages that can be read without a lock, as [`Cursor::take_run`] has them. Elsewhere there are
    /// none: each is looked at.
    #[inline]
    pub(super) fn take_run(&mut self, most: usize) -> (u64, usize) {
        match &mut self.0 {
            Site::Here(cursor) => cursor.take_run(most),
            Site::There(_) => (0, 0),
        }
    }

    /// Lets publishers know of what was passed. Elsewhere none of them waits for it.
    #[inline]
    pub(super) fn passed(&self) {
        if let Site::Here(cursor) = &self.0 {
            cursor.passed();
        }
    }

    /// The message taken last, and where it is; until the next look.
    #[inline]
    pub(super) fn last(&self) -> (&Lane<Stored<T>>, EntryRef<'_, Stored<T>>) {
        match &self.0 {
            Site::Here(cursor) => cursor.last(),
            Site::There(far) => T::Form::there(far).last(),
        }
    }

    /// Counts the message taken last as filtered and not as delivered.
    #[inline]
    pub(super) fn filtered(&mut self) {
        match &mut self.0 {
            Site::Here(cursor) => cursor.filtered(),
            Site::There(far) => T::Form::there_mut(far).filtered(),
        }
    }

    #[inline]
    pub(super) fn position(&self) -> Offset {
        match &self.0 {
            Site::Here(cursor) => cursor.position(),
            Site::There(far) => T::Form::there(far).position(),
        }
    }

    /// The offset of the topic's next message; elsewhere, as it was last heard.
    #[inline]
    pub(super) fn end(&self) -> Offset {
        match &self.0 {
            Site::Here(cursor) => cursor.end(),
            Site::There(far) => T::Form::there(far).end(),
        }
    }

    pub(super) async fn seek(&mut self, start: Start) -> Result<Offset, SeekError> {
        match &mut self.0 {
            Site::Here(cursor) => Ok(cursor.seek(start)?),
            Site::There(far) => T::Form::there_mut(far).seek(start).await,
        }
    }

    pub(super) fn stats(&self) -> SubscriberStats {
        match &self.0 {
            Site::Here(cursor) => cursor.stats(),
            Site::There(far) => T::Form::there(far).stats(),
        }
    }

    pub(super) fn topic(&self) -> &TopicName {
        match &self.0 {
            Site::Here(cursor) => cursor.topic().name(),
            Site::There(far) => T::Form::there(far).topic(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::remote::Number;

    #[test]
    fn subscribers_of_native_topics_have_no_place_for_what_is_elsewhere() {
        assert_eq!(size_of::<Source<Number>>(), size_of::<Cursor<Stored<Number>>>());
        assert_eq!(size_of::<Option<There<Number>>>(), 0);
    }
}
