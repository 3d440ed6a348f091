//! What the server says to a message that was sent to it.

use std::fmt::Write as _;

use async_nats::jetstream::Error as Refusal;
use async_nats::{Message, StatusCode, Subject, ToSubject};
use memq::Cause;
use memq::spi::Stored;
use serde::Deserialize;

use super::window::Ticket;
use crate::fault::{Trouble, code};
use crate::names::{self, offset};

/// What became of a message.
#[derive(Debug)]
pub(super) enum Answer {
    Stored(Stored),
    /// There is no room.
    Full,
    /// It is larger than the stream takes: it is closed, or somebody limited it.
    Size,
    /// It is not stored, and sending it again does not help.
    Refused(Cause),
    /// Nobody who knows answered.
    Lost(Cause),
}

#[derive(Deserialize)]
struct Acknowledgement {
    #[serde(default)]
    error: Option<Refusal>,
    #[serde(default)]
    seq: u64,
    #[serde(default)]
    duplicate: bool,
}

/// Where answers come: each on a subject of its own below this one.
#[derive(Debug)]
pub(super) struct Inbox {
    /// Its name, and what is below it for the last message.
    text: String,
    /// How long its name is.
    length: usize,
}

/// The subject that the answer to a message is sent to.
#[derive(Clone, Copy, Debug)]
pub(super) struct Reply<'a>(&'a str);

impl Inbox {
    pub(super) fn new() -> Self {
        let text = format!("_INBOX.{}", names::unique());
        Self { length: text.len(), text }
    }

    /// What all answers come on.
    pub(super) fn pattern(&self) -> String {
        format!("{}.*.*", self.text.get(..self.length).unwrap_or_default())
    }

    pub(super) fn subject(&mut self, ticket: Ticket) -> Reply<'_> {
        self.text.truncate(self.length);
        // Into text it never fails.
        let _ = write!(self.text, ".{}.{}", ticket.round, ticket.number);
        Reply(&self.text)
    }
}

impl ToSubject for Reply<'_> {
    fn to_subject(&self) -> Subject {
        self.0.into()
    }
}

/// What an answer says, and of which message.
pub(super) fn of(message: &Message) -> Option<(Ticket, Answer)> {
    Some((ticket(message)?, read(message)))
}

/// What an answer is the answer to.
fn ticket(message: &Message) -> Option<Ticket> {
    let mut tokens = message.subject.rsplit('.');
    let number = tokens.next()?.parse().ok()?;
    let round = tokens.next()?.parse().ok()?;
    Some(Ticket { round, number })
}

/// What it says.
fn read(message: &Message) -> Answer {
    if message.status == Some(StatusCode::NO_RESPONDERS) {
        // The stream is deleted, or has no leader at the moment.
        return Answer::Lost("no server has the stream at the moment".into());
    }
    match serde_json::from_slice::<Acknowledgement>(&message.payload) {
        Ok(Acknowledgement { error: Some(refusal), .. }) => refused(refusal),
        Ok(Acknowledgement { seq: 0, .. }) => Answer::Lost("the answer names no sequence".into()),
        Ok(Acknowledgement { seq, duplicate: false, .. }) => {
            Answer::Stored(Stored::at(offset(seq)))
        }
        Ok(Acknowledgement { seq, .. }) => Answer::Stored(Stored::again(offset(seq))),
        Err(error) => Answer::Lost(error.into()),
    }
}

fn refused(refusal: Refusal) -> Answer {
    match refusal.error_code().0 {
        // The code is that of everything that goes wrong while storing.
        code::FULL if refusal.to_string().contains("maximum") => Answer::Full,
        code::MESSAGE_SIZE => Answer::Size,
        _ => match Trouble::from(refusal) {
            Trouble::Away(cause) => Answer::Lost(cause),
            Trouble::Refused(refusal) => Answer::Refused(Box::new(refusal)),
        },
    }
}

#[cfg(test)]
mod tests {
    use memq::Offset;

    use super::*;

    fn message(subject: &str, payload: &str, status: Option<StatusCode>) -> Message {
        Message {
            subject: subject.into(),
            reply: None,
            payload: payload.to_owned().into(),
            headers: None,
            status,
            description: None,
            length: 0,
        }
    }

    fn said(payload: &str) -> Answer {
        read(&message("x", payload, None))
    }

    #[test]
    fn an_answer_is_known_by_its_subject() {
        let mut inbox = Inbox::new();
        for sent in [Ticket { round: 7, number: 1 << 40 }, Ticket { round: 0, number: 1 }] {
            let subject = inbox.subject(sent).to_subject();
            assert!(
                subject.starts_with(inbox.pattern().trim_end_matches('*').trim_end_matches(".*."))
            );
            assert_eq!(ticket(&message(&subject, "", None)), Some(sent));
        }
        assert_eq!(ticket(&message("_INBOX.a", "", None)), None);
    }

    #[test]
    fn what_is_stored_has_an_offset() {
        let stored = said(r#"{"stream":"s","seq":1}"#);
        assert!(matches!(stored, Answer::Stored(at) if at == Stored::at(Offset(0))));
        let again = said(r#"{"stream":"s","seq":9,"duplicate":true}"#);
        assert!(matches!(again, Answer::Stored(at) if at == Stored::again(Offset(8))));
    }

    #[test]
    fn a_full_stream_is_told_from_a_broken_one() {
        let error = |code: u64, text: &str| {
            said(&format!(r#"{{"error":{{"code":503,"err_code":{code},"description":"{text}"}}}}"#))
        };
        assert!(matches!(error(10077, "maximum messages exceeded"), Answer::Full));
        assert!(matches!(error(10077, "no space left on device"), Answer::Refused(_)));
        assert!(matches!(error(10054, "message size exceeds maximum allowed"), Answer::Size));
        assert!(matches!(
            error(10008, "JetStream system temporarily unavailable"),
            Answer::Lost(_)
        ));
    }

    #[test]
    fn what_is_being_stored_under_its_id_may_still_be_lost() {
        let text = r#"{"error":{"code":409,"err_code":10158,"description":"duplicate message id is in process"}}"#;
        assert!(matches!(said(text), Answer::Lost(_)));
    }

    #[test]
    fn what_says_nothing_is_no_outcome() {
        for payload in ["", "{}", "+OK", r#"{"stream":"s"}"#] {
            assert!(matches!(said(payload), Answer::Lost(_)), "{payload}");
        }
        let nobody = message("x", "", Some(StatusCode::NO_RESPONDERS));
        assert!(matches!(read(&nobody), Answer::Lost(_)));
    }
}
