//! The workloads, by their names in the design.

mod codec;
mod dictionary;
mod heap;
mod one_thread;
mod ping_pong;
mod rates;
mod topics;

use crate::measure::{Outcome, Row, Workload};

/// All of them, in the order of the report.
pub fn all() -> Vec<Workload> {
    let mut all = vec![one_thread::publish_and_receive()];
    all.extend(rates::all());
    all.extend(ping_pong::all());
    all.extend(codec::all());
    all.extend(dictionary::all());
    all.extend(heap::all());
    all.push(rates::beside_a_slow_one());
    all.extend(topics::all());
    // In the order of the design, and not of the files.
    all.sort_by_key(|workload| order(workload.name));
    all
}

/// `S10` after `S9`.
fn order(name: &str) -> (bool, u32) {
    let digits = name.chars().skip(1).take_while(char::is_ascii_digit).collect::<String>();
    (name.starts_with('S'), digits.parse().unwrap_or_default())
}

fn row(peer: &'static str, run: impl Fn(u64) -> Outcome + 'static) -> Row {
    Row { peer, run: Box::new(run) }
}
