//! What a stream is to remember of a topic, as JSON in its description: the one place that servers
//! of every version keep.

use std::fmt::Display;
use std::time::Duration;

use memq::{Compression, Format, Overflow, Retain, TopicOptions};
use serde::{Deserialize, Serialize};

use crate::time::nanos;

/// The version of the notes that is written, and the newest that is read.
const VERSION: u32 = 1;

/// The longest description a server takes, in bytes.
const LONGEST: usize = 4 << 10;

/// What cannot be read off a stream's own configuration.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct TopicNotes {
    pub(crate) format: Format,
    pub(crate) compression: Compression,
    pub(crate) level: i32,
    pub(crate) dictionary: Option<u32>,
    pub(crate) overflow: Overflow,
    pub(crate) partitions: u16,
    pub(crate) dedup: Option<Duration>,
    /// The stages of the topic, by name.
    pub(crate) stages: Vec<String>,
    /// The options that somebody said; the others are at their defaults, and can be said until there
    /// is a message.
    pub(crate) said: Vec<String>,
    /// Whether the topic is closed.
    pub(crate) closed: bool,
}

/// The same as it is written. What has another value than these is not understood, and nothing is
/// assumed of it.
#[derive(Serialize, Deserialize)]
struct Written {
    memq: u32,
    format: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    compression: Option<String>,
    #[serde(default, skip_serializing_if = "is_zero")]
    level: i32,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    dictionary: Option<u32>,
    overflow: String,
    partitions: u16,
    /// In nanoseconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    dedup: Option<u64>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    stages: Vec<String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    said: Vec<String>,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    closed: bool,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes references")]
fn is_zero(level: &i32) -> bool {
    *level == 0
}

/// What is wrong with a description.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum NotesFault {
    /// It is not memq's.
    Foreign,
    /// A later version of memq wrote it.
    Later,
}

impl TopicNotes {
    /// Of a topic of these options, of which `said` were asked for.
    pub(crate) fn new(options: &TopicOptions, stages: Vec<String>, said: Vec<String>) -> Self {
        Self {
            format: options.format,
            compression: options.compression,
            level: options.level,
            dictionary: options.dictionary,
            overflow: options.overflow,
            partitions: options.partitions,
            dedup: options.dedup,
            stages,
            said,
            closed: false,
        }
    }

    /// Puts what is noted over `options`, which hold what the stream's configuration says.
    pub(crate) fn over(&self, options: &mut TopicOptions) {
        options.format = self.format;
        options.compression = self.compression;
        options.level = self.level;
        options.dictionary = self.dictionary;
        options.overflow = self.overflow;
        options.partitions = self.partitions;
        options.dedup = self.dedup;
        options.retain = Retain::WithinLimits;
    }

    /// The description; `None` where it would be longer than a server takes.
    pub(crate) fn write(&self) -> Option<String> {
        let compression = self.compression;
        let written = Written {
            memq: VERSION,
            format: self.format.to_string(),
            compression: (compression != Compression::None).then(|| compression.to_string()),
            level: self.level,
            dictionary: self.dictionary,
            overflow: self.overflow.to_string(),
            partitions: self.partitions,
            dedup: self.dedup.map(nanos),
            stages: self.stages.clone(),
            said: self.said.clone(),
            closed: self.closed,
        };
        serde_json::to_string(&written).ok().filter(|text| text.len() <= LONGEST)
    }

    /// What a description says.
    pub(crate) fn read(description: Option<&str>) -> Result<Self, NotesFault> {
        let text = description.ok_or(NotesFault::Foreign)?;
        match version(text) {
            Some(VERSION) => {}
            Some(later) if later > VERSION => return Err(NotesFault::Later),
            _ => return Err(NotesFault::Foreign),
        }
        let written: Written = serde_json::from_str(text).map_err(|_| NotesFault::Foreign)?;
        let compression = match &written.compression {
            None => Some(Compression::None),
            Some(name) => named((0..=u8::MAX).filter_map(Compression::from_code), name),
        };
        // A format, or another value, that this version does not know.
        let later = NotesFault::Later;
        let overflows = [Overflow::DropOldest, Overflow::Reject, Overflow::Wait];
        Ok(Self {
            format: named((0..=u8::MAX).filter_map(Format::from_code), &written.format)
                .ok_or(later)?,
            compression: compression.ok_or(later)?,
            level: written.level,
            dictionary: written.dictionary,
            overflow: named(overflows.into_iter(), &written.overflow).ok_or(later)?,
            partitions: written.partitions.max(1),
            dedup: written.dedup.map(Duration::from_nanos),
            stages: written.stages,
            said: written.said,
            closed: written.closed,
        })
    }
}

/// The version of notes in a description, where they are memq's.
fn version(text: &str) -> Option<u32> {
    #[derive(Deserialize)]
    struct Version {
        memq: u32,
    }
    serde_json::from_str(text).map(|Version { memq }| memq).ok()
}

/// The value that is written like this.
fn named<V: Display>(mut values: impl Iterator<Item = V>, name: &str) -> Option<V> {
    values.find(|value| value.to_string() == name)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn notes() -> TopicNotes {
        TopicNotes::new(&TopicOptions::default(), Vec::new(), Vec::new())
    }

    #[test]
    fn notes_are_json_that_says_its_version() {
        let text = notes().write().unwrap();
        assert_eq!(text, r#"{"memq":1,"format":"Raw","overflow":"DropOldest","partitions":1}"#);
    }

    #[test]
    fn what_is_written_is_read() {
        let mut notes = notes();
        for format in (0..=u8::MAX).filter_map(Format::from_code) {
            for overflow in [Overflow::DropOldest, Overflow::Reject, Overflow::Wait] {
                notes.format = format;
                notes.overflow = overflow;
                notes.compression = Compression::Zstd;
                notes.level = -3;
                notes.dictionary = Some(7);
                notes.dedup = Some(Duration::new(3, 1));
                notes.stages = vec!["seal".into()];
                notes.said = vec!["max".into()];
                notes.closed = !notes.closed;
                let text = notes.write().unwrap();
                assert_eq!(TopicNotes::read(Some(&text)), Ok(notes.clone()));
            }
        }
    }

    #[test]
    fn descriptions_of_others_are_told_from_those_of_later_versions() {
        for foreign in ["", "orders", "{}", r#"{"memq":0}"#, r#"{"memq":"1"}"#, r#"{"memq":1}"#] {
            assert_eq!(TopicNotes::read(Some(foreign)), Err(NotesFault::Foreign), "{foreign}");
        }
        assert_eq!(TopicNotes::read(None), Err(NotesFault::Foreign));
        let text = notes().write().unwrap();
        for (old, new) in [("\"memq\":1", "\"memq\":2"), ("Raw", "Avro"), ("DropOldest", "Ask")] {
            let later = text.replace(old, new);
            assert_eq!(TopicNotes::read(Some(&later)), Err(NotesFault::Later), "{later}");
        }
    }

    #[test]
    fn notes_that_are_too_long_are_not_written() {
        let stages = vec!["x".repeat(LONGEST)];
        assert_eq!(TopicNotes { stages, ..notes() }.write(), None);
    }
}
