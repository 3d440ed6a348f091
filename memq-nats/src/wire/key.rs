//! The key of a message, and its id, as values of headers.

use async_nats::HeaderMap;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use memq::Key;

use super::{KEY, KEY_BASE64};

/// Text stays text, so that other clients read it.
pub(super) fn write(key: &Key<'_>, map: &mut HeaderMap) {
    match key.as_str() {
        Some(text) if travels(text) => map.insert(KEY, text),
        _ => map.insert(KEY_BASE64, STANDARD.encode(key.as_bytes())),
    }
}

/// The key, or `None` where the value is not base64.
pub(super) fn read(value: &str, base64: bool) -> Option<Key<'static>> {
    let key = if base64 {
        Key::new(&STANDARD.decode(value).ok()?).into_owned()
    } else {
        Key::from(value).into_owned()
    };
    Some(key)
}

/// An id as a header's value. One that would not arrive as it is, is sent in base64.
pub(super) fn id(id: String) -> String {
    const ENCODED: &str = "base64:";
    if travels(&id) && !id.is_empty() && !id.starts_with(ENCODED) {
        id
    } else {
        format!("{ENCODED}{}", STANDARD.encode(id))
    }
}

/// Whether a value arrives as it was sent: clients take off space at its ends.
pub(super) fn travels(value: &str) -> bool {
    value.trim() == value && !value.chars().any(char::is_control)
}
