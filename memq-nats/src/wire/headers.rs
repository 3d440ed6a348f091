//! A message's own headers among those of NATS, which know no order.

use async_nats::HeaderMap;
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use memq::Headers;

use super::{ESCAPED, ORDER, begins, is, key};

/// What begins so is not a message's own, but for what says why it is a dead letter, and over which
/// bridges it came.
const TAKEN: [&str; 3] = ["nats-", "memq-", "content-"];
const OPEN: [&str; 2] = ["memq-dead-", "memq-bridge-"];

/// Adds the headers of a message.
pub(super) fn write(headers: &Headers, map: &mut HeaderMap) {
    for (name, value) in headers.iter() {
        let begins_with = |known: &[&str]| known.iter().any(|known| begins(name, known));
        let taken = begins_with(&TAKEN) && !begins_with(&OPEN);
        if taken || !key::travels(value) {
            let name = URL_SAFE_NO_PAD.encode(name);
            map.insert(format!("{ESCAPED}{name}"), STANDARD.encode(value));
        } else {
            map.insert(name, value);
        }
    }
    if headers.len() > 1 {
        let names: Vec<_> = headers.iter().map(|(name, _)| name).collect();
        map.insert(ORDER, names.join(" "));
    }
}

/// The headers of a message that arrives, until their order is known.
#[derive(Default)]
pub(super) struct Gathered {
    found: Vec<(String, String)>,
    order: String,
}

impl Gathered {
    /// One more; `false` where it is one of memq's and cannot be read.
    pub(super) fn add(&mut self, name: &str, value: &str) -> bool {
        if is(name, ORDER) {
            self.order = value.to_owned();
            return true;
        }
        if !begins(name, ESCAPED) {
            self.keep(name, value);
            return true;
        }
        let name = text(URL_SAFE_NO_PAD.decode(&name[ESCAPED.len()..]));
        match (name, text(STANDARD.decode(value))) {
            (Some(name), Some(value)) => {
                self.keep(&name, &value);
                true
            }
            _ => false,
        }
    }

    /// One more, as it is.
    pub(super) fn keep(&mut self, name: &str, value: &str) {
        self.found.push((name.to_owned(), value.to_owned()));
    }

    /// In their order; those that nobody ordered come last, by name. What is no header by memq's
    /// rules, as one with a tab in its value, was not written by memq and is left out.
    pub(super) fn finish(mut self) -> Headers {
        if self.found.is_empty() {
            return Headers::new();
        }
        let order: Vec<&str> = self.order.split(' ').collect();
        let place = |name: &str| order.iter().position(|known| *known == name);
        self.found.sort_by(|(one, _), (other, _)| {
            let rank = |name| place(name).unwrap_or(usize::MAX);
            rank(one).cmp(&rank(other)).then_with(|| one.cmp(other))
        });
        let mut headers = Headers::new();
        for (name, value) in self.found {
            let _ = headers.insert(name, value);
        }
        headers
    }
}

/// Bytes as text, where they are.
fn text(bytes: Result<Vec<u8>, base64::DecodeError>) -> Option<String> {
    String::from_utf8(bytes.ok()?).ok()
}
