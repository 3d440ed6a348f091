//! What memq promises, as cases that any back end can be held to. No case looks inside a back end: all
//! is seen through the public handles.
//!
//! A back end implements [`Backend`] and names itself to [`conformance!`](macro@crate::conformance),
//! which makes a test of each case, on one thread and on several:
//!
//! ```
//! use memq::Broker;
//! use memq::conformance::{Backend, Opened};
//! use memq::spi::Capabilities;
//!
//! struct Memory;
//!
//! impl Backend for Memory {
//!     fn capabilities(&self) -> Capabilities {
//!         Capabilities::IN_MEMORY
//!     }
//!
//!     fn open(&self, _place: &str) -> Opened<Broker> {
//!         Box::pin(async { Ok(Broker::new()) })
//!     }
//! }
//!
//! memq::conformance!(Memory);
//! #
//! # fn main() {
//! #     use memq::conformance::{Threads, cases, check};
//! #     for case in cases().iter().take(3) {
//! #         check(&std::sync::Arc::new(Memory), case, Threads::Several);
//! #     }
//! # }
//! ```
//!
//! A case that needs what a back end cannot do is left out, and says so on standard error.
//! [`left_out`] lists them, for a test that holds the list to what is expected.
//!
//! No case passes or fails by speed. Each may take 60 seconds, so that one that hangs fails.

#[macro_use]
mod table;
mod conflicts;
mod dead_letters;
mod endings;
mod failures;
mod foreign;
mod groups;
mod kit;
mod native;
mod order;
mod publishing;
mod reading;
mod restart;
mod retention;
mod runtime;
mod starts;
mod unsupported;
mod versions;
mod workers;

use std::fmt;
use std::pin::Pin;
use std::sync::Arc;

pub use self::kit::Failure;
use self::kit::Kit;
pub use self::runtime::{Threads, check};
use crate::broker::Broker;
use crate::error::Cause;
use crate::spi::{Capabilities, Capability};

/// What a back end answers later.
pub type Opened<T> = Pin<Box<dyn Future<Output = Result<T, Cause>> + Send>>;

/// A back end that is held to the promises.
pub trait Backend: Send + Sync + 'static {
    /// What it can do. A case that needs something else is left out.
    fn capabilities(&self) -> Capabilities;

    /// A broker without topics. Each case opens one place, and each time it is run another: cases run at
    /// once, and must not see each other's topics. The name consists of letters, digits and `_`; another
    /// process that runs has others.
    fn open(&self, place: &str) -> Opened<Broker>;

    /// Another broker of the same topics, as another process has it. If not said, a clone.
    fn join(&self, _place: &str, first: &Broker) -> Opened<Broker> {
        let broker = first.clone();
        Box::pin(async move { Ok(broker) })
    }

    /// Ends the system that keeps this place, as hard as it may end, and starts it again; brokers that
    /// are open stay. Only asked of back ends with [`Capability::Durable`].
    ///
    /// # Errors
    ///
    /// If not said, always: it cannot be restarted.
    fn restart(&self, place: &str) -> Opened<()> {
        let text = format!("this back end says that it is durable, and cannot restart {place}");
        Box::pin(async move { Err(text.into()) })
    }

    /// Ends the system that keeps this place in order, with what it was told so far kept, and starts it
    /// again. If not said, as [`restart`](Self::restart): where an acknowledgement is kept before it is
    /// confirmed, there is no difference.
    ///
    /// # Errors
    ///
    /// Where it does not end or start.
    fn restart_in_order(&self, place: &str) -> Opened<()> {
        self.restart(place)
    }
}

/// One promise, as a program that notices where it is not kept.
#[derive(Clone, Copy)]
pub struct Case {
    name: &'static str,
    needs: &'static [Capability],
    run: fn(Kit) -> Running,
}

/// A case that runs.
type Running = Pin<Box<dyn Future<Output = Result<(), Failure>> + Send>>;

impl Case {
    /// What is promised, in words joined by `_`.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        self.name
    }

    /// What a back end must be able to do for it.
    #[must_use]
    pub const fn needs(&self) -> &'static [Capability] {
        self.needs
    }

    fn lacks(&self, can: Capabilities) -> Vec<Capability> {
        self.needs.iter().copied().filter(|need| !can.has(*need)).collect()
    }

    /// Runs it in the tokio runtime of whoever awaits it. Its timer must be enabled.
    ///
    /// # Errors
    ///
    /// What was seen and what was expected, and where; or that it took more than 60 seconds.
    ///
    /// # Cancel safety
    ///
    /// Dropped, it leaves topics behind.
    pub async fn run<B: Backend>(&self, backend: &Arc<B>) -> Result<Outcome, Failure> {
        let lacks = self.lacks(backend.capabilities());
        if !lacks.is_empty() {
            return Ok(Outcome::LeftOut(lacks));
        }
        let kit = Kit::new(backend.clone(), self.name);
        kit::in_time(self.name, (self.run)(kit)).await?;
        Ok(Outcome::Passed)
    }
}

impl fmt::Debug for Case {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Case").field("name", &self.name).field("needs", &self.needs).finish()
    }
}

/// What became of a case that did not fail.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Outcome {
    /// The promise is kept.
    Passed,
    /// The back end cannot do these, which the case needs.
    LeftOut(Vec<Capability>),
}

/// Every case, in the order of the promises.
#[must_use]
pub fn cases() -> &'static [Case] {
    table::CASES
}

/// The cases that are left out for a back end that can do this, and what it lacks for each.
#[must_use]
pub fn left_out(can: Capabilities) -> Vec<(&'static str, Vec<Capability>)> {
    let lacks = cases().iter().map(|case| (case.name, case.lacks(can)));
    lacks.filter(|(_, lacks)| !lacks.is_empty()).collect()
}
