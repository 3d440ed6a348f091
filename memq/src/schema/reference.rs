//! References within schemas, as schemars writes them: JSON Pointers in the form that URLs have.

/// A pointer without the encoding of URLs.
pub(super) fn pointer(encoded: &str) -> String {
    let mut parts = encoded.split('%');
    let mut bytes = parts.next().unwrap_or_default().as_bytes().to_vec();
    for part in parts {
        // schemars has a space in place of a leading zero.
        let byte = part.get(..2).and_then(|two| u8::from_str_radix(two.trim_start(), 16).ok());
        match byte {
            Some(byte) => {
                bytes.push(byte);
                bytes.extend_from_slice(&part.as_bytes()[2..]);
            }
            None => bytes.extend([b"%", part.as_bytes()].concat()),
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_schemars_encodes_is_read() {
        for (encoded, plain) in [
            ("Order", "Order"),
            ("%C3%9Cbung", "Übung"),
            ("a%20b%25", "a b%"),
            ("a~1b~0", "a~1b~0"),
            ("% A%22", "\n\""),
            ("100%", "100%"),
            ("%zz", "%zz"),
        ] {
            assert_eq!(pointer(encoded), plain);
        }
    }
}
