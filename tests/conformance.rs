//! The broker in memory keeps what memq promises of every backend.

use std::sync::{Arc, OnceLock};

use memq::Broker;
use memq::conformance::{Backend, Capabilities, Case, Opened, Outcome, cases, left_out};

struct Memory;

impl Backend for Memory {
    fn capabilities(&self) -> Capabilities {
        Capabilities::ALL.without(Capabilities::DURABLE)
    }

    fn open(&self, _place: &str) -> Opened<Broker> {
        Box::pin(async { Ok(Broker::new()) })
    }
}

memq::conformance!(Memory);

/// Nothing survives the process, and the rest is kept.
#[test]
fn what_is_left_out_in_memory_is_what_outlives_it() {
    let expected = [
        "restart_keeps_what_was_acknowledged",
        "groups_resume_after_restart",
        "a_reader_goes_on_through_a_restart",
    ];
    let left_out = left_out(Memory.capabilities());
    assert!(left_out.iter().all(|(_, lacks)| *lacks == Capabilities::DURABLE));
    assert_eq!(left_out.iter().map(|(name, _)| *name).collect::<Vec<_>>(), expected);
    assert!(cases().len() > 40);
}

/// One that claims to be durable, and is restarted by doing this to its broker.
struct Restarts {
    broker: OnceLock<Broker>,
    restart: fn(Broker) -> Opened<()>,
}

impl Backend for Restarts {
    fn capabilities(&self) -> Capabilities {
        Capabilities::ALL
    }

    fn open(&self, _place: &str) -> Opened<Broker> {
        let broker = self.broker.get_or_init(Broker::new).clone();
        Box::pin(async move { Ok(broker) })
    }

    fn restart(&self, _place: &str) -> Opened<()> {
        match self.broker.get() {
            Some(broker) => (self.restart)(broker.clone()),
            None => Box::pin(async { Err("it was not opened".into()) }),
        }
    }
}

fn restarts() -> impl Iterator<Item = &'static Case> {
    cases().iter().filter(|case| case.needs().contains(Capabilities::DURABLE))
}

#[tokio::test]
async fn a_system_that_keeps_everything_passes_the_cases_of_a_restart() {
    for case in restarts() {
        let restart = |_| -> Opened<()> { Box::pin(async { Ok(()) }) };
        let backend = Arc::new(Restarts { broker: OnceLock::new(), restart });
        assert_eq!(case.run(&backend).await.unwrap(), Outcome::Passed, "{case:?}");
    }
}

#[tokio::test]
async fn a_system_that_forgets_its_topics_fails_them() {
    for case in restarts() {
        let restart = |broker: Broker| -> Opened<()> {
            Box::pin(async move { Ok(broker.delete("items").await?) })
        };
        let backend = Arc::new(Restarts { broker: OnceLock::new(), restart });
        let failure = case.run(&backend).await.unwrap_err().to_string();
        assert!(failure.contains("the topic was deleted"), "{case:?}: {failure}");
    }
}
