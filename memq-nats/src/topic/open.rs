//! Opening a topic, with what somebody asks for.

use std::sync::Arc;
use std::time::Duration;

use async_nats::jetstream::stream::Info;
use memq::spi::{Fault, OpenFault, TopicRequest};
use memq::{Format, TopicName, TopicOptions};

use super::{Core, config};
use crate::fault::{Trouble, code};
use crate::link::Link;
use crate::notes::{NotesFault, TopicNotes};
use crate::time::clamped;

/// Creates a topic, or compares what it has with what is asked for.
///
/// # Cancel safety
///
/// Dropped, the topic is created or not.
pub(crate) async fn open(
    link: Arc<Link>,
    mut request: TopicRequest,
) -> Result<Arc<Core>, OpenFault> {
    // Before it is compared with what the server has.
    request.ttl = request.ttl.map(clamped);
    request.dedup = request.dedup.map(clamped);
    check(&request)?;
    let stream = link.settings.namespace.stream(&request.name);
    loop {
        match link.info(&stream).await {
            Ok(info) => {
                if let Some(notes) = agree(&link, &request, &info).await? {
                    return Ok(Core::new(link, request.name, &info, &notes));
                }
            }
            Err(trouble) if trouble.is(code::NO_STREAM) => {
                if let Some((info, notes)) = create(&link, &request, &stream).await? {
                    return Ok(Core::new(link, request.name, &info, &notes));
                }
            }
            Err(trouble) => return Err(Fault::from(trouble).into()),
        }
        // Somebody was faster, or it was changed: it is looked at again.
    }
}

/// What no stream can have.
fn check(request: &TopicRequest) -> Result<(), OpenFault> {
    match (request.dedup, request.ttl) {
        (Some(dedup), Some(ttl)) if dedup > ttl => Err(OpenFault::Option {
            option: "dedup",
            value: format!("{dedup:?}"),
            remedy: format!("ids are remembered as long as messages are kept, {ttl:?}, at most"),
        }),
        _ => Ok(()),
    }
}

/// A new stream; `None` where somebody was faster.
async fn create(
    link: &Link,
    request: &TopicRequest,
    stream: &str,
) -> Result<Option<(Info, TopicNotes)>, OpenFault> {
    let options = request.over(TopicOptions::default());
    let notes = TopicNotes::new(&options, request.stages.clone(), said(request));
    let config = config::create(&link.settings, &request.name, &options, &notes);
    let config = config.ok_or_else(|| too_long(request))?;
    match link.ask::<Info>(&format!("STREAM.CREATE.{stream}"), &config).await {
        Ok(info) => Ok(Some((info, notes))),
        Err(trouble) if trouble.is(code::OTHER_STREAM) => Ok(None),
        Err(trouble) => Err(refused(link, &options, trouble)),
    }
}

/// Compares, and says what nobody has said yet where that may still be; `None` after that, so that it
/// is looked at whether somebody said something else meanwhile.
async fn agree(
    link: &Link,
    request: &TopicRequest,
    info: &Info,
) -> Result<Option<TopicNotes>, OpenFault> {
    let mut notes = config::read(info).map_err(|fault| not_a_topic(link, &request.name, fault))?;
    let has = config::options(&info.config, &notes);
    let news = unsaid(request, &notes);
    let (options, names) = if info.state.last_sequence == 0 && !notes.closed {
        // Nobody has relied on what nobody said as long as there was no message.
        (news.over(has), said(&news))
    } else {
        // Bytes that said nothing until now may be said to be something.
        let format = news.format.filter(|_| has.format == Format::Raw);
        let mut options = has;
        options.format = format.unwrap_or(has.format);
        (options, format.map(|_| "format".to_owned()).into_iter().collect())
    };
    request.compare(&options, &notes.stages)?;
    if names.is_empty() {
        return Ok(Some(notes));
    }
    notes.said.extend(names);
    let noted =
        TopicNotes { closed: notes.closed, ..TopicNotes::new(&options, notes.stages, notes.said) };
    let config = config::with(info.config.clone(), &options, &noted);
    let config = config.ok_or_else(|| too_long(request))?;
    let update = format!("STREAM.UPDATE.{}", info.config.name);
    match link.ask::<Info>(&update, &config).await {
        Ok(_) => {
            if options.partitions > has.partitions {
                crate::group::widen(link, &info.config.name).await?;
            }
            Ok(None)
        }
        Err(trouble) if trouble.is(code::NO_STREAM) || config::is_undone(&trouble) => Ok(None),
        Err(trouble) => Err(refused(link, &options, trouble)),
    }
}

/// What a request says, by the names of the options.
fn said(request: &TopicRequest) -> Vec<String> {
    let all = [
        ("format", request.format.is_some_and(|format| format != Format::Raw)),
        ("compress", request.compression.is_some()),
        ("dictionary", request.dictionary.is_some()),
        ("ttl", request.ttl.is_some()),
        ("max", request.max_messages.is_some()),
        ("max_bytes", request.max_bytes.is_some()),
        ("overflow", request.overflow.is_some()),
        ("partitions", request.partitions.is_some()),
        ("dedup", request.dedup.is_some()),
        ("retain", request.retain.is_some()),
    ];
    all.into_iter().filter(|(_, said)| *said).map(|(name, _)| name.to_owned()).collect()
}

/// The part of a request that was not said of the topic yet.
fn unsaid(request: &TopicRequest, notes: &TopicNotes) -> TopicRequest {
    fn drop_known<V>(notes: &TopicNotes, name: &str, value: &mut Option<V>) {
        if notes.said.iter().any(|said| said == name) {
            *value = None;
        }
    }
    let mut news = request.clone();
    drop_known(notes, "format", &mut news.format);
    drop_known(notes, "compress", &mut news.compression);
    drop_known(notes, "dictionary", &mut news.dictionary);
    drop_known(notes, "ttl", &mut news.ttl);
    drop_known(notes, "max", &mut news.max_messages);
    drop_known(notes, "max_bytes", &mut news.max_bytes);
    drop_known(notes, "overflow", &mut news.overflow);
    drop_known(notes, "partitions", &mut news.partitions);
    drop_known(notes, "dedup", &mut news.dedup);
    drop_known(notes, "retain", &mut news.retain);
    news
}

/// A stream that is no topic, or none that this version understands.
fn not_a_topic(link: &Link, name: &TopicName, fault: NotesFault) -> OpenFault {
    let stream = link.settings.namespace.stream(name);
    let existing = match fault {
        NotesFault::Foreign => format!("{stream}, which memq did not make"),
        NotesFault::Later => format!("{stream}, of a later version of memq"),
    };
    OpenFault::Conflict { option: "stream", existing, requested: "one of this version".to_owned() }
}

fn too_long(request: &TopicRequest) -> OpenFault {
    OpenFault::Option {
        option: "stage",
        value: format!("{} of them", request.stages.len()),
        remedy: "their names must fit into the 4 KiB of a stream's description".to_owned(),
    }
}

/// A configuration that the server does not take, by the name of the option it does not like.
fn refused(link: &Link, options: &TopicOptions, trouble: Trouble) -> OpenFault {
    let Trouble::Refused(refusal) = &trouble else { return Fault::from(trouble).into() };
    let text = refusal.to_string();
    let time = |time: Option<Duration>| time.map_or("none".to_owned(), |time| format!("{time:?}"));
    let (option, value) = match refusal.error_code().0 {
        code::REPLICAS | code::NO_PEERS | code::RESOURCES => {
            ("replicas", link.settings.replicas.to_string())
        }
        code::STORAGE | code::MEMORY | code::ACCOUNT => {
            ("max_bytes", options.max_bytes.to_string())
        }
        code::SUBJECTS => ("namespace", link.settings.namespace.to_string()),
        code::CONFIGURATION if text.contains("duplicate") => ("dedup", time(options.dedup)),
        code::CONFIGURATION if text.contains("age") => ("ttl", time(options.ttl)),
        _ => return Fault::from(trouble).into(),
    };
    OpenFault::Option { option, value, remedy: format!("the server says: {text}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request() -> TopicRequest {
        let mut request = TopicRequest::new("orders".parse().unwrap());
        request.format = Some(Format::Json);
        request.max_messages = Some(7);
        request.ttl = Some(Duration::from_secs(1));
        request
    }

    #[test]
    fn what_was_said_is_not_said_again() {
        let request = request();
        let options = request.over(TopicOptions::default());
        assert_eq!(said(&request), ["format", "ttl", "max"]);
        let notes = TopicNotes::new(&options, Vec::new(), said(&request));
        assert!(said(&unsaid(&request, &notes)).is_empty());
        let notes = TopicNotes::new(&options, Vec::new(), vec!["ttl".to_owned()]);
        assert_eq!(said(&unsaid(&request, &notes)), ["format", "max"]);
    }

    #[test]
    fn ids_that_outlive_their_messages_are_refused_by_name() {
        let mut request = request();
        request.dedup = Some(Duration::from_secs(2));
        assert!(matches!(check(&request), Err(OpenFault::Option { option: "dedup", .. })));
        request.ttl = None;
        assert!(check(&request).is_ok());
    }
}
