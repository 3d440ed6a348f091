//! Benchmarks of memq. For daily work, one for each stage: `cargo bench -p memq-benches`. Beside its
//! peers: `cargo run --release -p memq-benches --bin peers -- --help`. Instructions for each message:
//! `scripts/instructions`. Memory over a long time: `scripts/soak`.
//! On JetStream beside its client: `cargo run --release -p memq-benches --features nats --bin nats --
//! --help`. Beside an earlier commit: `scripts/before-after`.

pub mod machine;
pub mod measure;
pub mod options;
pub mod progress;
pub mod table;
