//! What is being done, while it is done.

use std::io::{IsTerminal, Write};
use std::time::Instant;

/// What is being done, on stderr: one line that changes on a terminal, a line each 10 s elsewhere.
#[derive(Debug)]
pub struct Progress {
    began: Instant,
    said: Option<Instant>,
    terminal: bool,
}

impl Progress {
    pub fn new(began: Instant) -> Self {
        Self { began, said: None, terminal: std::io::stderr().is_terminal() }
    }

    pub fn say(&mut self, now: &str) {
        let seconds = self.began.elapsed().as_secs();
        if self.terminal {
            eprint!("\r\x1b[K{seconds:>4} s  {now}");
            let _ = std::io::stderr().flush();
        } else if self.said.is_none_or(|said| said.elapsed().as_secs() >= 10) {
            eprintln!("{seconds:>4} s  {now}");
            self.said = Some(Instant::now());
        }
    }

    pub fn clear(&self) {
        if self.terminal {
            eprint!("\r\x1b[K");
        }
    }
}
