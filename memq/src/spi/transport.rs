//! A system that keeps topics.

use std::fmt;
use std::sync::Arc;

use super::{Boxed, Capabilities, Fault, OpenFault, RemoteTopic, TopicRequest};
use crate::name::TopicName;

/// A connection to a system that keeps topics.
pub trait Transport: fmt::Debug + Send + Sync + 'static {
    /// What errors call it, as `JetStream`.
    fn name(&self) -> &str;

    /// What it can do; it does not change.
    fn capabilities(&self) -> Capabilities;

    /// Opens a topic, or creates it with what the request says over
    /// [the defaults](crate::TopicOptions). Of two that create it at once, one does, and the other
    /// compares. What a topic has that never held a message and nobody has said may be said now, as
    /// [`TopicOptions`](crate::TopicOptions) has it; else it is never changed.
    ///
    /// # Errors
    ///
    /// [`OpenFault::Conflict`] where the topic has another value than is asked for, as
    /// [`TopicRequest::compare`] finds it.
    fn open(&self, request: TopicRequest) -> Boxed<Result<Arc<dyn RemoteTopic>, OpenFault>>;

    /// The topic, if there is one. Creates nothing.
    fn find(&self, name: &TopicName) -> Boxed<Result<Option<Arc<dyn RemoteTopic>>, Fault>>;

    /// The names of all topics, sorted.
    fn topics(&self) -> Boxed<Result<Vec<TopicName>, Fault>>;

    /// Removes a topic, with its groups and messages; `false` where there was none. An answer that
    /// says neither is a fault.
    fn delete(&self, name: &TopicName) -> Boxed<Result<bool, Fault>>;

    /// Drives work that goes on when whoever began it is gone: a dead letter on its way to its topic.
    /// On a task of the transport's own runtime; may be called in any thread.
    fn run(&self, work: Boxed<()>);

    /// The last broker was dropped: readers end with [`ReadEnd::Closed`](super::ReadEnd::Closed),
    /// nothing more is admitted, and what was admitted is still sent. Called once, in `Drop`.
    fn shut_down(&self);
}
