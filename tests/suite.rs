//! What memq promises in memory, of one thing at a time.

#[macro_use]
mod common;

mod acknowledged_wholes;
mod administration;
mod batches;
mod batches_as_singles;
mod batches_of_values;
mod cancellation;
mod conformance;
mod consumer_groups;
mod contained;
mod dead_letters;
mod dedup;
mod deliveries;
mod dictionaries;
mod endings;
mod expiry;
mod fairness;
mod filters;
mod fingerprints;
mod foreign_code;
mod groups_missed;
mod groups_misuse;
mod groups_pitfalls;
mod groups_stress;
mod groups_waiting;
mod left_open;
mod let_go;
mod limits;
mod metadata;
mod overflow;
mod parking;
mod partitions;
mod promises;
mod records;
mod retention;
mod send;
mod serial;
mod starts;
mod stress;
mod tidy;
mod types;
mod until_consumed;
mod used_again;
mod versions;
