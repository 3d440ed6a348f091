//! What the server answers, and what it means.

use async_nats::jetstream::Context;
use async_nats::jetstream::Error as Refusal;
use async_nats::jetstream::context::{RequestError, RequestErrorKind};
use async_nats::jetstream::response::Response;
use memq::Cause;
use memq::spi::Fault;
use serde::Serialize;
use serde::de::DeserializeOwned;

/// Codes of the server's refusals.
pub(crate) mod code {
    /// There is no such stream.
    pub(crate) const NO_STREAM: u64 = 10059;
    /// There is a stream of that name with another configuration.
    pub(crate) const OTHER_STREAM: u64 = 10058;
    /// Deduplication for longer than messages are kept, and other such configurations.
    pub(crate) const CONFIGURATION: u64 = 10052;
    /// More replicas than there are servers.
    pub(crate) const REPLICAS: u64 = 10074;
    /// A message is larger than the stream takes: it is closed.
    pub(crate) const MESSAGE_SIZE: u64 = 10054;
    /// The stream is full.
    pub(crate) const FULL: u64 = 10077;
    /// There is no such message.
    pub(crate) const NO_MESSAGE: u64 = 10037;
    /// No leader, or the like: it passes.
    pub(crate) const NOT_AVAILABLE: u64 = 10008;
    /// No room for another stream on the servers there are.
    pub(crate) const RESOURCES: u64 = 10023;
    /// No servers for that many replicas.
    pub(crate) const NO_PEERS: u64 = 10005;
    /// The account is at its limits.
    pub(crate) const ACCOUNT: u64 = 10002;
    /// What a stream may take on disk, or in memory, is more than the server has left.
    pub(crate) const STORAGE: u64 = 10047;
    pub(crate) const MEMORY: u64 = 10028;
    /// Another stream has some of the subjects.
    pub(crate) const SUBJECTS: u64 = 10065;
    /// A cluster without a leader, or asked at another server than that.
    pub(crate) const NOT_ACTIVE: u64 = 10006;
    pub(crate) const NOT_LEADER: u64 = 10009;
    /// A message under the same id, which is this one, is being stored: that may still fail.
    pub(crate) const IN_PROCESS: u64 = 10158;
    /// More is on its way into the stream than it keeps waiting: this is not among it.
    pub(crate) const TOO_MANY: u64 = 10167;
    /// There is no such consumer.
    pub(crate) const NO_CONSUMER: u64 = 10014;
    /// There is one, with another configuration.
    pub(crate) const CONSUMER_EXISTS: u64 = 10148;
}

/// Why a request was not done.
#[derive(Debug)]
pub(crate) enum Trouble {
    /// Nobody answered in time, or nobody who could: it may have been done, and asking again helps.
    Away(Cause),
    /// The server said no.
    Refused(Refusal),
}

impl Trouble {
    /// Whether the server refused with this code.
    pub(crate) fn is(&self, code: u64) -> bool {
        matches!(self, Self::Refused(refusal) if refusal.error_code().0 == code)
    }

    /// Whether asking again may help.
    pub(crate) const fn passes(&self) -> bool {
        matches!(self, Self::Away(_))
    }

    /// What is told of it.
    pub(crate) fn into_cause(self) -> Cause {
        match self {
            Self::Away(cause) => cause,
            Self::Refused(refusal) => Box::new(refusal),
        }
    }
}

impl From<Trouble> for Fault {
    fn from(trouble: Trouble) -> Self {
        if trouble.is(code::NO_STREAM) {
            return Self::Deleted;
        }
        Self::Unavailable(trouble.into_cause())
    }
}

impl From<Refusal> for Trouble {
    fn from(refusal: Refusal) -> Self {
        let passes = match refusal.error_code().0 {
            code::NOT_AVAILABLE | code::NOT_ACTIVE | code::NOT_LEADER => true,
            code::IN_PROCESS | code::TOO_MANY => true,
            // There are enough servers, as soon as they are there.
            code::NO_PEERS => refusal.to_string().contains("offline"),
            // Of who was the leader until now; it has no code.
            0 => refusal.to_string().contains("raft: "),
            _ => false,
        };
        if passes { Self::Away(Box::new(refusal)) } else { Self::Refused(refusal) }
    }
}

impl From<RequestError> for Trouble {
    fn from(error: RequestError) -> Self {
        Self::Away(match error.kind() {
            RequestErrorKind::NoResponders => {
                "no server with JetStream answers: it runs without, or elects a leader".into()
            }
            _ => Box::new(error),
        })
    }
}

/// Asks the server, once. The subject begins after `$JS.API.`.
///
/// # Cancel safety
///
/// Dropped, it was asked or not.
pub(crate) async fn ask<A: DeserializeOwned>(
    context: &Context,
    subject: String,
    request: &(impl Serialize + ?Sized),
) -> Result<A, Trouble> {
    match context.request(subject, request).await? {
        Response::Ok(answer) => Ok(answer),
        Response::Err { error } => Err(error.into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refusal(code: u64) -> Refusal {
        let text = format!(r#"{{"code":503,"err_code":{code},"description":"no"}}"#);
        serde_json::from_str(&text).unwrap()
    }

    #[test]
    fn only_what_passes_is_asked_again() {
        assert!(Trouble::from(refusal(code::NOT_AVAILABLE)).passes());
        assert!(!Trouble::from(refusal(code::NO_PEERS)).passes());
        let text = r#"{"code":400,"err_code":10005,"description":"no peers, peer offline"}"#;
        assert!(Trouble::from(serde_json::from_str::<Refusal>(text).unwrap()).passes());
        let text = r#"{"code":503,"description":"raft: not leader"}"#;
        assert!(Trouble::from(serde_json::from_str::<Refusal>(text).unwrap()).passes());
        let missing = Trouble::from(refusal(code::NO_STREAM));
        assert!(missing.is(code::NO_STREAM) && !missing.is(code::FULL) && !missing.passes());
        assert!(Trouble::from(RequestError::new(RequestErrorKind::TimedOut)).passes());
        let nobody = Trouble::from(RequestError::new(RequestErrorKind::NoResponders));
        assert!(nobody.into_cause().to_string().contains("JetStream"));
    }
}
