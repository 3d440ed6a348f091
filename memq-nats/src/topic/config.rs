//! The options of a topic as the configuration of a stream, and back.

use std::time::Duration;

use async_nats::jetstream::stream::{Config, DiscardPolicy, Info, RetentionPolicy, StorageType};
use memq::{Overflow, TopicName, TopicOptions};

use crate::fault::{Trouble, code};
use crate::notes::{NotesFault, TopicNotes};
use crate::settings::{Settings, Storage};

/// How long a stream remembers ids where nobody said it: those that publishers make, to send again
/// what may be lost.
const WINDOW: Duration = Duration::from_secs(120);

/// What the notes of a stream say.
pub(crate) fn read(info: &Info) -> Result<TopicNotes, NotesFault> {
    TopicNotes::read(info.config.description.as_deref())
}

/// What a stream runs with.
pub(super) fn options(config: &Config, notes: &TopicNotes) -> TopicOptions {
    // What is no limit is negative.
    let limit = |limit: i64| usize::try_from(limit).ok().filter(|n| *n > 0).unwrap_or(usize::MAX);
    let mut options = TopicOptions::default();
    options.max_messages = limit(config.max_messages);
    options.max_bytes = limit(config.max_bytes);
    options.ttl = (!config.max_age.is_zero()).then_some(config.max_age);
    notes.over(&mut options);
    options
}

/// The configuration of a new stream; `None` where its notes are too long.
pub(super) fn create(
    settings: &Settings,
    topic: &TopicName,
    options: &TopicOptions,
    notes: &TopicNotes,
) -> Option<Config> {
    let config = Config {
        name: settings.namespace.stream(topic),
        subjects: vec![settings.namespace.subjects(topic)],
        retention: RetentionPolicy::Limits,
        storage: match settings.storage {
            Storage::File => StorageType::File,
            Storage::Memory => StorageType::Memory,
        },
        num_replicas: settings.replicas,
        allow_direct: true,
        max_messages_per_subject: -1,
        max_message_size: -1,
        max_consumers: -1,
        ..Config::default()
    };
    with(config, options, notes)
}

/// The configuration of a stream, with other options.
pub(super) fn with(
    mut config: Config,
    options: &TopicOptions,
    notes: &TopicNotes,
) -> Option<Config> {
    let limit = |limit: usize| match limit {
        usize::MAX => -1,
        limit => i64::try_from(limit).unwrap_or(i64::MAX),
    };
    config.max_messages = limit(options.max_messages);
    config.max_bytes = limit(options.max_bytes);
    config.max_age = options.ttl.unwrap_or_default();
    config.discard = match options.overflow {
        Overflow::Reject | Overflow::Wait => DiscardPolicy::New,
        _ => DiscardPolicy::Old,
    };
    config.duplicate_window = options.dedup.unwrap_or_else(|| match options.ttl {
        Some(ttl) => ttl.min(WINDOW),
        None => WINDOW,
    });
    config.description = Some(notes.write()?);
    Some(config)
}

/// The configuration of a stream that takes no more messages; `None` where it is not memq's.
///
/// The server itself refuses what is larger than a byte, which everything is that memq publishes: its
/// headers count. A `sealed` stream would not expire its messages, and one of other subjects would not
/// let old servers make filtered consumers. That single messages cannot be deleted is what no update takes back:
/// one by somebody who has not heard of the end, and would undo it, is [refused](is_undone).
pub(super) fn closed(config: &Config) -> Option<Config> {
    let mut notes = TopicNotes::read(config.description.as_deref()).ok()?;
    notes.closed = true;
    let description = Some(notes.write()?);
    Some(Config { description, max_message_size: 1, deny_delete: true, ..config.clone() })
}

/// Whether an update was refused since it would have opened a closed stream again.
pub(super) fn is_undone(trouble: &Trouble) -> bool {
    matches!(trouble, Trouble::Refused(refusal) if trouble.is(code::CONFIGURATION)
        && refusal.to_string().contains("can not cancel deny message deletes"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn roundtrip(options: TopicOptions) -> (Config, TopicOptions) {
        let notes = TopicNotes::new(&options, Vec::new(), Vec::new());
        let config = with(Config::default(), &options, &notes).unwrap();
        let read = TopicNotes::read(config.description.as_deref()).unwrap();
        let back = super::options(&config, &read);
        (config, back)
    }

    #[test]
    fn options_are_read_as_they_were_written() {
        let mut options = TopicOptions::default();
        assert_eq!(roundtrip(options).1, options);
        options.max_messages = usize::MAX;
        options.max_bytes = 7;
        options.ttl = Some(Duration::from_secs(60));
        options.overflow = Overflow::Wait;
        options.partitions = 9;
        options.dedup = Some(Duration::from_millis(500));
        let (config, back) = roundtrip(options);
        assert_eq!(back, options);
        assert_eq!((config.max_messages, config.discard), (-1, DiscardPolicy::New));
        assert_eq!(config.duplicate_window, Duration::from_millis(500));
    }

    #[test]
    fn ids_are_remembered_no_longer_than_messages() {
        let mut options = TopicOptions::default();
        assert_eq!(roundtrip(options).0.duplicate_window, WINDOW);
        options.ttl = Some(Duration::from_secs(1));
        assert_eq!(roundtrip(options).0.duplicate_window, Duration::from_secs(1));
    }

    #[test]
    fn a_closed_stream_says_so_and_keeps_the_rest() {
        let (config, options) = roundtrip(TopicOptions::default());
        let closed = closed(&config).unwrap();
        let notes = TopicNotes::read(closed.description.as_deref()).unwrap();
        assert!(notes.closed && closed.max_message_size == 1);
        assert_eq!(super::options(&closed, &notes), options);
        assert!(super::closed(&Config::default()).is_none());
    }
}
