//! Readers that go on in the segment that follows, in every interleaving.

use std::ops::Range;
use std::sync::Arc;

use loom::thread;
use loom::thread::JoinHandle;

use super::{model, publish, read, read_number, topic};
use crate::engine::cursor::Next;
use crate::engine::topic::Topic;
use crate::options::Overflow;

/// Publishes these numbers in another thread.
fn publishing(topic: &Arc<Topic<u64>>, numbers: Range<u64>) -> JoinHandle<()> {
    let topic = topic.clone();
    thread::spawn(move || numbers.for_each(|number| publish(&topic, number, 0)))
}

/// Its segments have two slots at first: the third message is in the next one, which it finds
/// without the lock.
#[test]
fn a_reader_goes_on_in_the_segment_that_follows() {
    model(|| {
        let topic = topic(64, Overflow::Wait);
        let mut cursor = super::cursor(&topic);
        publish(&topic, 0, 0);
        assert_eq!(read_number(&mut cursor), 0);
        let publisher = publishing(&topic, 1..3);
        assert_eq!(read_number(&mut cursor), 1);
        assert_eq!(read_number(&mut cursor), 2);
        publisher.join().unwrap();
    });
}

/// At the end of a full segment it finds nothing until the end is said, and then finds that.
#[test]
fn a_reader_at_the_end_of_a_full_segment_sees_the_close() {
    model(|| {
        let topic = topic(64, Overflow::Wait);
        let mut cursor = super::cursor(&topic);
        (0..2).for_each(|number| publish(&topic, number, 0));
        assert_eq!([read_number(&mut cursor), read_number(&mut cursor)], [0, 1]);
        let closer = thread::spawn({
            let topic = topic.clone();
            move || {
                publish(&topic, 2, 0);
                topic.close();
            }
        });
        assert_eq!(read_number(&mut cursor), 2);
        assert!(matches!(read(&mut cursor), Next::Closed));
        closer.join().unwrap();
    });
}

/// Its segments have one slot; the one that follows may have gone before it looks.
#[test]
fn a_reader_that_follows_is_told_of_what_went_meanwhile() {
    model(|| {
        let topic = topic(1, Overflow::DropOldest);
        let mut cursor = super::cursor(&topic);
        publish(&topic, 0, 0);
        assert_eq!(read_number(&mut cursor), 0);
        let publisher = publishing(&topic, 1..3);
        let mut next = 1;
        let mut look = || match cursor.next() {
            Next::Message(offset) => {
                assert_eq!((offset.0, *cursor.last().1.payload), (next, next));
                next += 1;
            }
            Next::Lagged { skipped, .. } => next += skipped,
            Next::Nothing => {}
            _ => panic!("neither a message nor lag"),
        };
        look();
        publisher.join().unwrap();
        look();
        look();
        assert_eq!(next, 3);
    });
}

/// It stands in a segment of four slots. The message before the last one is looked at, and so the last
/// one is not, where the reader has not come between.
#[test]
fn a_message_that_is_stored_without_a_look_is_read_without_the_lock() {
    model(|| {
        let topic = topic(64, Overflow::DropOldest);
        let mut cursor = super::cursor(&topic);
        (0..3).for_each(|number| publish(&topic, number, 0));
        (0..3).for_each(|number| assert_eq!(read_number(&mut cursor), number));
        let publisher = publishing(&topic, 3..5);
        let mut next = 3;
        for _ in 0..2 {
            if let Next::Message(_) = cursor.next() {
                assert_eq!(*cursor.last().1.payload, next);
                next += 1;
            }
        }
        publisher.join().unwrap();
    });
}
