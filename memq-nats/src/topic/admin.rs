//! Finding, listing and deleting topics.

use std::sync::Arc;

use async_nats::jetstream::stream::Info;
use memq::TopicName;
use memq::spi::Fault;
use serde::{Deserialize, Serialize};

use super::{Core, config};
use crate::fault::code;
use crate::link::Link;
use crate::notes::NotesFault;

/// The topic of this name, if there is one.
///
/// # Cancel safety
///
/// Dropped, nothing was learned.
pub(crate) async fn find(link: Arc<Link>, name: TopicName) -> Result<Option<Arc<Core>>, Fault> {
    let stream = link.settings.namespace.stream(&name);
    let info = match link.ask::<Info>(&format!("STREAM.INFO.{stream}"), &()).await {
        Ok(info) => info,
        Err(trouble) if trouble.is(code::NO_STREAM) => return Ok(None),
        Err(trouble) => return Err(trouble.into()),
    };
    match config::read(&info) {
        Ok(notes) => Ok(Some(Core::new(link, name, &info, &notes))),
        Err(NotesFault::Foreign) => Ok(None),
        Err(NotesFault::Later) => {
            Err(Fault::Unavailable(format!("{stream} is of a later version of memq").into()))
        }
    }
}

/// A part of the list of streams, from `offset` on.
#[derive(Serialize)]
struct PageRequest<'a> {
    offset: usize,
    subject: &'a str,
}

#[derive(Deserialize)]
struct Page {
    total: usize,
    #[serde(default)]
    streams: Option<Vec<Info>>,
}

/// The names of all topics, sorted.
///
/// # Cancel safety
///
/// Dropped, nothing was learned.
pub(crate) async fn list(link: Arc<Link>) -> Result<Vec<TopicName>, Fault> {
    let namespace = &link.settings.namespace;
    let subject = format!("{namespace}.>");
    let (mut names, mut offset) = (Vec::new(), 0);
    loop {
        let page: Page =
            link.ask("STREAM.LIST", &PageRequest { offset, subject: &subject }).await?;
        let streams = page.streams.unwrap_or_default();
        offset += streams.len();
        let more = offset < page.total && !streams.is_empty();
        let topics = streams.iter().filter(|info| config::read(info) != Err(NotesFault::Foreign));
        names.extend(topics.filter_map(|info| namespace.topic(&info.config.name)));
        if !more {
            names.sort_unstable();
            // One that is created meanwhile may move others to the next page.
            names.dedup();
            return Ok(names);
        }
    }
}

#[derive(Deserialize)]
struct Deleted {
    success: bool,
}

/// Deletes a topic; `false` where there was none.
///
/// # Cancel safety
///
/// Dropped, it is deleted or not.
pub(crate) async fn delete(link: Arc<Link>, name: TopicName) -> Result<bool, Fault> {
    let Some(core) = find(link.clone(), name).await? else { return Ok(false) };
    // It was there. Where an answer is lost, asking again finds none, which is as well.
    match link.ask::<Deleted>(&core.request("DELETE"), &serde_json::Map::new()).await {
        Ok(Deleted { success: false }) => {
            Err(Fault::Unavailable("the server neither deleted the topic nor says why".into()))
        }
        Err(trouble) if !trouble.is(code::NO_STREAM) => Err(trouble.into()),
        _ => {
            core.deleted();
            core.tell().await;
            Ok(true)
        }
    }
}
