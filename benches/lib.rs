//! Benchmarks of memq: `cargo bench -p memq-benches`.
