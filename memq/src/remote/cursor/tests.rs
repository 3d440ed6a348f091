//! What a cursor makes of what a back end says: gaps, repeats, ends and outages.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Waker};

use super::{Cursor, SEGMENT_BYTES};
use crate::engine::stats::TopicStats;
use crate::error::{LagReason, RecvError, SeekError};
use crate::name::TopicName;
use crate::options::{Start, TopicOptions};
use crate::position::{Offset, Partition, Timestamp};
use crate::record::{Body, Record};
use crate::spi::{
    Boxed, Fault, GroupRequest, GroupRules, Incarnation, Incoming, OpenFault, ReadEnd,
    ReaderRequest, RemoteGroup, RemotePublisher, RemoteReader, RemoteTopic,
};

/// What a reader answers, in turn.
#[derive(Debug)]
enum Step {
    Run(Vec<Incoming>),
    Nothing,
    Closed,
    Deleted,
    Away,
    /// It goes on here.
    Back(u64),
}

/// A reader that does as it is told. The last answer is given again.
#[derive(Debug)]
struct Script {
    start: u64,
    end: u64,
    back: Option<Offset>,
    steps: VecDeque<Step>,
}

impl RemoteReader for Script {
    fn start(&self) -> Offset {
        Offset(self.start)
    }

    fn poll_next(
        &mut self,
        max: usize,
        into: &mut Vec<Incoming>,
        _: &mut Context<'_>,
    ) -> Poll<Result<(), ReadEnd>> {
        let step = if self.steps.len() > 1 { self.steps.pop_front() } else { None };
        match step.as_ref().or(self.steps.front()) {
            Some(Step::Run(run)) => {
                assert!(run.len() <= max);
                into.extend(run.iter().cloned());
                Poll::Ready(Ok(()))
            }
            Some(Step::Closed) => Poll::Ready(Err(ReadEnd::Closed)),
            Some(Step::Deleted) => Poll::Ready(Err(Fault::Deleted.into())),
            Some(Step::Back(offset)) => {
                (self.end, self.back) = (*offset, Some(Offset(*offset)));
                Poll::Ready(Err(Fault::Unavailable("back".into()).into()))
            }
            Some(Step::Away) => Poll::Ready(Err(Fault::Unavailable("away".into()).into())),
            Some(Step::Nothing) | None => Poll::Pending,
        }
    }

    fn end(&self) -> Offset {
        Offset(self.end)
    }

    fn set_back(&mut self) -> Option<Offset> {
        self.back.take()
    }
}

/// A topic that has these readers, in turn.
#[derive(Debug)]
struct Readers {
    name: TopicName,
    readers: Mutex<VecDeque<Result<Script, OpenFault>>>,
    /// What was stored by this many nanoseconds has expired.
    expired: AtomicU64,
}

fn no<T: Send + 'static>() -> Boxed<Result<T, Fault>> {
    Box::pin(std::future::ready(Err(Fault::Unavailable("not asked".into()))))
}

fn none<T: Send + 'static>() -> Boxed<Result<T, OpenFault>> {
    Box::pin(std::future::ready(Err(Fault::Unavailable("not asked".into()).into())))
}

impl RemoteTopic for Readers {
    fn name(&self) -> &TopicName {
        &self.name
    }

    fn incarnation(&self) -> Incarnation {
        Incarnation(0)
    }

    fn options(&self) -> TopicOptions {
        TopicOptions::default()
    }

    fn stages(&self) -> Vec<String> {
        Vec::new()
    }

    fn publisher(&self) -> Boxed<Result<Arc<dyn RemotePublisher>, OpenFault>> {
        none()
    }

    fn reader(&self, request: ReaderRequest) -> Boxed<Result<Box<dyn RemoteReader>, OpenFault>> {
        assert_eq!(request, ReaderRequest::from(Start::Offset(Offset(9))));
        let next = self.readers.lock().unwrap().pop_front().unwrap();
        let reader = next.map(|script| Box::new(script) as Box<dyn RemoteReader>);
        Box::pin(std::future::ready(reader))
    }

    fn group(&self, _: GroupRequest) -> Boxed<Result<Box<dyn RemoteGroup>, OpenFault>> {
        none()
    }

    fn group_rules(&self, _: &str) -> Boxed<Result<Option<GroupRules>, Fault>> {
        no()
    }

    fn delete_group(&self, _: &str) -> Boxed<Result<bool, Fault>> {
        no()
    }

    fn expired(&self) -> Option<Timestamp> {
        match self.expired.load(Ordering::Relaxed) {
            0 => None,
            nanos => Some(Timestamp::from_nanos(nanos)),
        }
    }

    fn stats(&self) -> Boxed<Result<TopicStats, Fault>> {
        no()
    }

    fn close(&self) -> Boxed<Result<(), Fault>> {
        no()
    }
}

fn message(offset: u64, bytes: usize) -> Incoming {
    let at = Timestamp::from_nanos(offset);
    let mut message = Incoming::new(Offset(offset), at, Record::new(vec![7; bytes]));
    message.partition = Partition(3);
    message
}

fn run(offsets: impl IntoIterator<Item = u64>) -> Step {
    Step::Run(offsets.into_iter().map(|offset| message(offset, 10)).collect())
}

fn script(start: u64, end: u64, steps: impl Into<VecDeque<Step>>) -> Script {
    Script { start, end, back: None, steps: steps.into() }
}

fn cursor_with<const N: usize>(
    reader: Script,
    others: [Result<Script, OpenFault>; N],
) -> Cursor<Body> {
    let (name, readers) = (TopicName::new("orders").unwrap(), Mutex::new(others.into()));
    let topic = Readers { name, readers, expired: AtomicU64::new(0) };
    Cursor::new(4, Arc::new(topic), Box::new(reader))
}

fn cursor<const N: usize>(start: u64, end: u64, steps: [Step; N]) -> Cursor<Body> {
    cursor_with(script(start, end, steps), [])
}

fn poll(cursor: &mut Cursor<Body>) -> Poll<Result<Offset, RecvError>> {
    cursor.poll(&mut Context::from_waker(Waker::noop()), |body| body)
}

/// The offsets of the next messages, up to where there is none.
fn offsets(cursor: &mut Cursor<Body>) -> Vec<u64> {
    let mut offsets = Vec::new();
    while let Poll::Ready(next) = poll(cursor) {
        let offset = next.unwrap();
        let (_, entry) = cursor.last();
        assert_eq!((entry.at(), entry.partition()), (Timestamp::from_nanos(offset.0), 3));
        assert_eq!(entry.payload.bytes.len(), entry.size() as usize);
        offsets.push(offset.0);
    }
    offsets
}

fn skipped(cursor: &mut Cursor<Body>) -> u64 {
    match poll(cursor) {
        Poll::Ready(Err(RecvError::Lagged { skipped, reason: LagReason::Removed })) => skipped,
        other => panic!("no lag: {other:?}"),
    }
}

/// Position, since start, delivered, filtered, skipped, lag.
fn numbers(cursor: &Cursor<Body>) -> [u64; 6] {
    let stats = cursor.stats();
    assert_eq!(stats.id, 4);
    let sum = stats.delivered + stats.filtered + stats.skipped + stats.lag;
    assert_eq!(stats.since_start, sum);
    let [position, end] = [stats.position.0, stats.since_start];
    [position, end, stats.delivered, stats.filtered, stats.skipped, stats.lag]
}

#[test]
fn messages_come_in_order_and_wait_for_more() {
    let steps = [run(5..8), Step::Nothing, run([8]), Step::Nothing];
    let mut cursor = cursor(5, 9, steps);
    assert_eq!(cursor.topic().as_str(), "orders");
    assert_eq!(offsets(&mut cursor), [5, 6, 7]);
    assert_eq!(numbers(&cursor), [8, 4, 3, 0, 0, 1]);
    assert_eq!(offsets(&mut cursor), [8]);
    cursor.filtered();
    assert_eq!(numbers(&cursor), [9, 4, 3, 1, 0, 0]);
}

#[test]
fn gaps_are_told_once_each_with_their_count() {
    let steps = [run([7, 8, 12]), run([20]), Step::Nothing];
    let mut cursor = cursor(5, 21, steps);
    assert_eq!(skipped(&mut cursor), 2);
    assert_eq!(cursor.position(), Offset(7));
    assert!(matches!(poll(&mut cursor), Poll::Ready(Ok(Offset(7)))));
    assert!(matches!(poll(&mut cursor), Poll::Ready(Ok(Offset(8)))));
    assert_eq!(skipped(&mut cursor), 3);
    assert!(matches!(poll(&mut cursor), Poll::Ready(Ok(Offset(12)))));
    assert_eq!(skipped(&mut cursor), 7);
    assert_eq!(offsets(&mut cursor), [20]);
    assert_eq!(numbers(&cursor), [21, 16, 4, 0, 12, 0]);
}

#[test]
fn what_expires_once_it_is_here_is_told_as_lag() {
    let (name, readers) = (TopicName::new("orders").unwrap(), Mutex::default());
    let topic = Arc::new(Readers { name, readers, expired: AtomicU64::new(0) });
    let steps = [run(5..10), run(10..12), Step::Nothing];
    let mut cursor = Cursor::new(4, topic.clone(), Box::new(script(5, 12, steps)));
    let expired = |cursor: &mut Cursor<Body>| match poll(cursor) {
        Poll::Ready(Err(RecvError::Lagged { skipped, reason: LagReason::Expired })) => skipped,
        other => panic!("no lag: {other:?}"),
    };
    assert!(matches!(poll(&mut cursor), Poll::Ready(Ok(Offset(5)))));
    // Messages of this test are as old as their offset says.
    topic.expired.store(7, Ordering::Relaxed);
    assert_eq!(expired(&mut cursor), 2);
    assert!(matches!(poll(&mut cursor), Poll::Ready(Ok(Offset(8)))));
    topic.expired.store(10, Ordering::Relaxed);
    assert_eq!((expired(&mut cursor), expired(&mut cursor)), (1, 1));
    assert_eq!(offsets(&mut cursor), [11]);
    assert_eq!(numbers(&cursor), [12, 7, 3, 0, 4, 0]);
}

#[test]
fn what_comes_again_is_not_handed_out_again() {
    let steps = [run([5, 6, 5, 7]), run(5..9), run(5..9), run([9]), Step::Nothing];
    assert_eq!(offsets(&mut cursor(5, 10, steps)), [5, 6, 7, 8, 9]);
}

#[test]
fn an_end_is_told_after_what_came_and_again() {
    let mut closed = cursor(0, 2, [run(0..2), Step::Closed]);
    for offset in 0..2 {
        assert!(matches!(poll(&mut closed), Poll::Ready(Ok(seen)) if seen.0 == offset));
    }
    let mut deleted = cursor(0, 2, [run(0..1), Step::Deleted]);
    assert!(matches!(poll(&mut deleted), Poll::Ready(Ok(Offset(0)))));
    for _ in 0..2 {
        assert!(matches!(poll(&mut closed), Poll::Ready(Err(RecvError::Closed))));
        // What is missing then is missing with the topic.
        assert!(matches!(poll(&mut deleted), Poll::Ready(Err(RecvError::Deleted))));
    }
}

#[test]
fn what_is_missing_at_the_end_is_told_before_it() {
    let mut cursor = cursor(0, 5, [run(0..2), Step::Closed]);
    assert!(matches!(poll(&mut cursor), Poll::Ready(Ok(Offset(0)))));
    assert!(matches!(poll(&mut cursor), Poll::Ready(Ok(Offset(1)))));
    assert_eq!(skipped(&mut cursor), 3);
    assert!(matches!(poll(&mut cursor), Poll::Ready(Err(RecvError::Closed))));
    assert_eq!(numbers(&cursor), [5, 5, 2, 0, 3, 0]);
}

#[test]
fn an_outage_is_told_and_reading_goes_on_where_it_was() {
    let mut cursor = cursor(0, 2, [run([0]), Step::Away, Step::Nothing, run([1]), Step::Nothing]);
    assert!(matches!(poll(&mut cursor), Poll::Ready(Ok(Offset(0)))));
    let away = poll(&mut cursor);
    assert!(matches!(away, Poll::Ready(Err(RecvError::Unavailable { .. }))));
    assert_eq!(cursor.position(), Offset(1));
    assert!(poll(&mut cursor).is_pending());
    assert_eq!(offsets(&mut cursor), [1]);
}

#[test]
fn a_topic_that_was_set_back_is_told_and_read_on_from_there() {
    let steps = [run(5..8), Step::Back(3), run(3..5), Step::Back(9), run([9]), Step::Nothing];
    let mut cursor = cursor(5, 8, steps);
    for offset in [5, 6, 7] {
        assert!(matches!(poll(&mut cursor), Poll::Ready(Ok(seen)) if seen.0 == offset));
    }
    let back = poll(&mut cursor);
    assert!(matches!(back, Poll::Ready(Err(RecvError::Unavailable { .. }))), "{back:?}");
    assert_eq!(numbers(&cursor), [3, 3, 3, 0, 0, 0]);
    for offset in [3, 4] {
        assert!(matches!(poll(&mut cursor), Poll::Ready(Ok(seen)) if seen.0 == offset));
    }
    assert_eq!(numbers(&cursor), [5, 5, 5, 0, 0, 0]);
    // It never goes forward by that: what is missing is told as ever.
    assert!(matches!(poll(&mut cursor), Poll::Ready(Err(RecvError::Unavailable { .. }))));
    assert_eq!(skipped(&mut cursor), 4);
    assert_eq!(offsets(&mut cursor), [9]);
}

#[test]
fn a_message_that_is_held_holds_no_more_than_a_segment_of_the_log() {
    let large = (0..5).map(|offset| message(offset, SEGMENT_BYTES / 2)).collect();
    let mut cursor = cursor(0, 5, [Step::Run(large), Step::Nothing]);
    let mut held = Vec::new();
    while let Poll::Ready(offset) = poll(&mut cursor) {
        let offset = offset.unwrap().0;
        let others = (0..5).filter(|other| cursor.last().0.get(*other).is_some());
        held.push((offset, others.collect::<Vec<_>>()));
    }
    let two = |from: u64| vec![from, from + 1];
    assert_eq!(held, [(0, two(0)), (1, two(0)), (2, two(2)), (3, two(2)), (4, vec![4])]);
    // While it waits it holds none.
    assert!(cursor.lane.is_none() && cursor.arrived.is_empty());
}

#[tokio::test]
async fn to_move_is_to_read_with_another_reader() {
    let beyond = OpenFault::BeyondEnd { requested: Offset(9), end: Offset(8) };
    let away = Fault::Unavailable("away".into()).into();
    let other = script(9, 11, [run([10]), Step::Nothing]);
    let first = script(0, 8, [run([2, 3]), Step::Nothing]);
    let others = [Err(beyond), Err(away), Err(Fault::Deleted.into()), Ok(other)];
    let mut cursor = cursor_with(first, others);
    assert_eq!(skipped(&mut cursor), 2);
    assert!(matches!(poll(&mut cursor), Poll::Ready(Ok(Offset(2)))));
    let mut refused = Vec::new();
    for _ in 0..3 {
        refused.push(cursor.seek(Start::Offset(Offset(9))).await.unwrap_err());
        assert_eq!(numbers(&cursor), [3, 8, 1, 0, 2, 5]);
    }
    assert!(matches!(&refused[1], SeekError::Unavailable { reason } if reason == "away"));
    let beyond = SeekError::BeyondEnd { requested: Offset(9), end: Offset(8) };
    assert_eq!((&refused[0], &refused[2]), (&beyond, &SeekError::Deleted));

    assert_eq!(cursor.seek(Start::Offset(Offset(9))).await.unwrap(), Offset(9));
    assert_eq!(numbers(&cursor), [9, 2, 0, 0, 0, 2]);
    assert_eq!(skipped(&mut cursor), 1);
    assert_eq!(offsets(&mut cursor), [10]);
    assert_eq!(numbers(&cursor), [11, 2, 1, 0, 1, 0]);
}
