//! What is said of changes against what happens to bytes, and the lock file.

mod kit;
mod locks;
mod messages;
mod table;
mod traced;
