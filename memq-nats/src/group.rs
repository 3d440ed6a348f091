//! Consumer groups: a member pulls from durable consumers, which know what is settled.
//!
//! A group is one durable of its name that hands out nothing, its register, and those that do, its
//! parts. The register says its rules and which parts are the present ones, so that a group is moved in
//! one step, and its members see that it was.
//!
//! The server counts an attempt when it sends a message to a member. One that was on its way to a
//! member that went away, or that no longer waited when it left, comes back with one more attempt,
//! although nobody was handed it.

mod answer;
mod asking;
mod bell;
mod bytes;
mod figures;
mod held;
mod lane;
mod member;
mod parts;
mod recover;
mod register;
mod runner;
mod shared;
mod token;
mod wants;
mod watch;

use std::sync::Arc;

use memq::GroupStats;
use memq::spi::{Fault, GroupRequest, GroupRules, OpenFault, RemoteGroup};

use self::answer::Unread;
use self::member::Member;
pub(crate) use self::parts::widen;
use self::parts::{ensure, tidy};
use self::register::{Created, Register};
use crate::names;
use crate::start;
use crate::topic::Core;

/// How often a group is looked at again that others create and delete meanwhile.
const TRIES: usize = 5;

/// Joins a group, or creates it by these rules.
///
/// Servers before 2.10 do not refuse to create what exists: there, of two processes that create one
/// group by other rules at the same instant, the first one's members find it deleted.
///
/// # Errors
///
/// As [`RemoteTopic::group`](memq::spi::RemoteTopic::group). [`OpenFault::Option`] for
/// `group_max_in_flight` in a group by key: the server counts for each consumer of its own, of which a
/// group by key has several.
///
/// # Cancel safety
///
/// Dropped, the group was created or not.
pub(crate) async fn join(
    core: Arc<Core>,
    request: GroupRequest,
) -> Result<Box<dyn RemoteGroup>, OpenFault> {
    if !names::is_name(&request.name) {
        return Err(OpenFault::Option {
            option: "group",
            value: request.name.into(),
            remedy: "use A-Z, a-z, 0-9, `_` and `-`".to_owned(),
        });
    }
    // Also for the number of partitions, which others may have said since.
    core.look_patiently().await?;
    parts::check(&request.rules, core.options().partitions)?;
    for _ in 0..TRIES {
        let found = match Register::read(&core, &request.name).await? {
            Some(found) => found,
            None => {
                let start = start::resolve(&core, request.start).await?;
                let new = Register::new(request.rules.clone(), start);
                match new.create(&core, &request.name).await.map_err(Fault::from)? {
                    Created::Done => {}
                    Created::Exists => continue,
                }
                // What an old server has by now may be somebody else's.
                match Register::read(&core, &request.name).await? {
                    Some(found) => found,
                    None => continue,
                }
            }
        };
        if found.rules != request.rules {
            return Err(OpenFault::Rules(Box::new(found.rules)));
        }
        tidy(&core, &request.name).await?;
        if ensure(&core, &request.name, &found, true).await? {
            return Ok(Box::new(Member::open(core, &request, found).await?));
        }
    }
    let text = "the group is deleted or moved all the time";
    Err(Fault::Unavailable(text.into()).into())
}

/// The rules of a group.
///
/// # Cancel safety
///
/// Dropped, nothing was learned.
pub(crate) async fn rules(core: Arc<Core>, group: String) -> Result<Option<GroupRules>, Fault> {
    core.look_patiently().await?;
    Ok(Register::read(&core, &group).await?.map(|register| register.rules))
}

/// Deletes a group.
///
/// # Cancel safety
///
/// Dropped, it was deleted or not; who opens it next removes what is left of it.
pub(crate) async fn delete(core: Arc<Core>, group: String) -> Result<bool, Fault> {
    core.look_patiently().await?;
    // What is no group of memq's is not deleted.
    let there = Register::read(&core, &group).await?.is_some();
    let deleted = there && parts::remove(&core.link, &core.stream, &group).await?;
    tidy(&core, &group).await?;
    Ok(deleted)
}

/// All groups, by name.
///
/// # Cancel safety
///
/// Dropped, nothing was learned.
pub(crate) async fn stats(core: &Core) -> Result<Vec<GroupStats>, Fault> {
    let readings = core.readings().await?;
    // The stream after its consumers: so none is ahead of it.
    let stream = core.look_patiently().await?;
    let groups = readings.iter().filter_map(|reading| {
        let register = Register::of(&reading.config).ok()?;
        Some(figures::of(&reading.name, &register, &readings, &stream))
    });
    let mut groups: Vec<_> = groups.collect();
    groups.sort_by(|one, other| one.name.cmp(&other.name));
    Ok(groups)
}

impl From<Unread> for OpenFault {
    fn from(unread: Unread) -> Self {
        match unread {
            Unread::Fault(fault) => fault.into(),
            Unread::Foreign(existing) => Self::Conflict {
                option: "group",
                existing: existing.to_owned(),
                requested: "one of this version".to_owned(),
            },
        }
    }
}
