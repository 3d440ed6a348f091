//! Whether bytes are JSON (RFC 8259). Not recursive; nothing is decoded.

/// Whether the bytes are one object or array, with nothing but white space around it.
pub(in crate::codec) fn is_object_or_array(bytes: &[u8]) -> bool {
    let begins = bytes.iter().find(|byte| !is_space(**byte));
    matches!(begins, Some(b'{' | b'['))
        && std::str::from_utf8(bytes).is_ok()
        && Rest(bytes).document().is_some()
}

fn is_space(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t' | b'\n' | b'\r')
}

/// Bytes not read yet.
struct Rest<'a>(&'a [u8]);

/// What may come next.
enum Next {
    Value,
    /// A value, or the end of an array just begun.
    FirstItem,
    /// A name, or the end of an object just begun.
    FirstName,
    /// A comma or the end of what is open.
    After,
}

impl Rest<'_> {
    /// One value and white space, to the end.
    fn document(&mut self) -> Option<()> {
        // What is open, an object or an array: never more than there are bytes.
        let mut objects: Vec<bool> = Vec::new();
        let mut next = Next::Value;
        loop {
            self.space();
            next = match next {
                Next::FirstItem if self.eat(b']') => {
                    objects.pop();
                    Next::After
                }
                Next::FirstName if self.eat(b'}') => {
                    objects.pop();
                    Next::After
                }
                Next::FirstName => self.name()?,
                Next::Value | Next::FirstItem => {
                    if self.eat(b'[') {
                        objects.push(false);
                        Next::FirstItem
                    } else if self.eat(b'{') {
                        objects.push(true);
                        Next::FirstName
                    } else {
                        self.scalar()?;
                        Next::After
                    }
                }
                Next::After => match objects.last() {
                    None => return self.0.is_empty().then_some(()),
                    Some(true) if self.eat(b',') => self.name()?,
                    Some(false) if self.eat(b',') => Next::Value,
                    Some(object) => {
                        self.need(if *object { b'}' } else { b']' })?;
                        objects.pop();
                        Next::After
                    }
                },
            };
        }
    }

    /// A name and its colon.
    fn name(&mut self) -> Option<Next> {
        self.space();
        self.string()?;
        self.space();
        self.need(b':')?;
        Some(Next::Value)
    }

    fn scalar(&mut self) -> Option<()> {
        match self.0.first()? {
            b'"' => self.string(),
            b't' => self.word(b"true"),
            b'f' => self.word(b"false"),
            b'n' => self.word(b"null"),
            _ => self.number(),
        }
    }

    fn string(&mut self) -> Option<()> {
        self.need(b'"')?;
        loop {
            match self.byte()? {
                b'"' => return Some(()),
                b'\\' => match self.byte()? {
                    b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't' => {}
                    b'u' => {
                        let (digits, rest) = self.0.split_first_chunk::<4>()?;
                        self.0 = rest;
                        digits.iter().all(u8::is_ascii_hexdigit).then_some(())?;
                    }
                    _ => return None,
                },
                0..=0x1f => return None,
                _ => {}
            }
        }
    }

    fn number(&mut self) -> Option<()> {
        self.eat(b'-');
        if !self.eat(b'0') {
            self.digits()?;
        }
        if self.eat(b'.') {
            self.digits()?;
        }
        if self.eat(b'e') || self.eat(b'E') {
            let _ = self.eat(b'+') || self.eat(b'-');
            self.digits()?;
        }
        Some(())
    }

    /// One digit at least.
    fn digits(&mut self) -> Option<()> {
        let count = self.0.iter().take_while(|byte| byte.is_ascii_digit()).count();
        self.0 = self.0.get(count..)?;
        (count > 0).then_some(())
    }

    fn word(&mut self, word: &[u8]) -> Option<()> {
        self.0 = self.0.strip_prefix(word)?;
        Some(())
    }

    fn space(&mut self) {
        let count = self.0.iter().take_while(|byte| is_space(**byte)).count();
        self.0 = self.0.get(count..).unwrap_or_default();
    }

    fn byte(&mut self) -> Option<u8> {
        let (byte, rest) = self.0.split_first()?;
        self.0 = rest;
        Some(*byte)
    }

    fn need(&mut self, wanted: u8) -> Option<()> {
        self.eat(wanted).then_some(())
    }

    fn eat(&mut self, wanted: u8) -> bool {
        match self.0 {
            [first, rest @ ..] if *first == wanted => {
                self.0 = rest;
                true
            }
            _ => false,
        }
    }
}
